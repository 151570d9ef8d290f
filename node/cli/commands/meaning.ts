// `scs domain`, `scs attribute`, `scs query-attribute`: what words mean, proposed and moved by governance within an open version.
import { Argument, Option, type Command } from "commander";
import type { Hex } from "#protocol/hash.ts";
import type { GovernanceOrder } from "#protocol/schemas/governance.ts";
import { CanonicalAttribute, Domain, QueryAttribute, UsageScope } from "#protocol/schemas/registry.ts";
import { readDocument } from "../documents/json-document.ts";
import { group } from "./command.ts";
import { defineAct, defineHistory } from "./governing.ts";
import { fileArgument, parseHash } from "./options.ts";

type Order<Kind extends GovernanceOrder["kind"]> = Extract<GovernanceOrder, { kind: Kind }>;
type InVersion = { readonly semanticVersion: string };

/** The open version that a change is made in. */
const versionOption = () =>
  new Option("--semantic-version <version>", "the open version that it is made in").makeOptionMandatory();

const idArgument = (what: string) => new Argument("<id>", `id of ${what}`);
const documentArgument = (what: string) => fileArgument("file", `${what} as JSON; - for stdin`);
const statusArgument = (statuses: readonly string[]) => new Argument("<status>", "where to").choices([...statuses]);

function registerDomains(program: Command): void {
  const domain = group(program, "domain", "Propose and move domains, and show their history.");
  defineAct<readonly [string], InVersion>(domain, {
    name: "propose",
    summary: "Propose a domain in an open version; as long as it is proposed, it may be proposed anew.",
    example: "scs domain propose domain.json --semantic-version 2026.2",
    arguments: [documentArgument("the domain")],
    options: [versionOption()],
    order: ({ args: [file], options: { semanticVersion } }) => {
      return { kind: "propose_domain", semanticVersion, domain: readDocument(file, Domain) };
    },
  });
  defineAct<readonly [string, Order<"move_domain">["to"]], InVersion>(domain, {
    name: "move",
    summary: "Register, activate, deprecate or retire a domain from an open version on.",
    example: "scs domain move culture.film deprecated --semantic-version 2026.2",
    arguments: [idArgument("a domain"), statusArgument(["registered", "active", "deprecated", "retired"])],
    options: [versionOption()],
    order: ({ args: [domainId, to], options: { semanticVersion } }) => {
      return { kind: "move_domain", semanticVersion, domainId, to };
    },
  });
  defineHistory(domain, idArgument("a domain"), "scs domain history culture.film");
}

type PromotionOptions = InVersion & {
  readonly coverageException?: string;
  readonly aliasOf?: string;
  readonly replaces?: string;
};

function declarationOf({ aliasOf, replaces }: PromotionOptions): Pick<Order<"promote_candidate">, "declaration"> {
  if (aliasOf !== undefined) return { declaration: { relation: "alias", attributeId: aliasOf } };
  return replaces === undefined ? {} : { declaration: { relation: "replacement", attributeId: replaces } };
}

function registerAttributes(program: Command): void {
  const attribute = group(program, "attribute", "Propose, move and supersede canonical attributes.");
  defineAct<readonly [string], InVersion>(attribute, {
    name: "propose",
    summary: "Propose a canonical attribute in an open version; as long as it is proposed, it may be proposed anew.",
    example: "scs attribute propose attribute.json --semantic-version 2026.2",
    arguments: [documentArgument("the attribute")],
    options: [versionOption()],
    order: ({ args: [file], options: { semanticVersion } }) => {
      return { kind: "propose_attribute", semanticVersion, attribute: readDocument(file, CanonicalAttribute) };
    },
  });
  defineAct<readonly [string, Order<"move_attribute">["to"]], InVersion>(attribute, {
    name: "move",
    summary: "Register, activate, deprecate or retire a canonical attribute from an open version on.",
    example: "scs attribute move culture.film/genre deprecated --semantic-version 2026.2",
    arguments: [idArgument("an attribute"), statusArgument(["registered", "active", "deprecated", "retired"])],
    options: [versionOption()],
    order: ({ args: [attributeId, to], options: { semanticVersion } }) => {
      return { kind: "move_attribute", semanticVersion, attributeId, to };
    },
  });
  defineAct<readonly [string, string], InVersion>(attribute, {
    name: "supersede",
    summary: "Have another attribute of the domain stand for one from an open version on.",
    example: "scs attribute supersede culture.film/gross culture.film/gross_worldwide --semantic-version 2026.2",
    arguments: [idArgument("an attribute"), new Argument("<successor>", "id of the active one that stands for it")],
    options: [versionOption()],
    order: ({ args: [attributeId, successor], options: { semanticVersion } }) => {
      return { kind: "move_attribute", semanticVersion, attributeId, to: "superseded", successor };
    },
  });
  defineAct<readonly [Hex, string], PromotionOptions>(attribute, {
    name: "promote",
    summary: "Propose an attribute that a candidate of the vaults speaks for, if the policy's thresholds are met.",
    example: `scs attribute promote 0x${"ab".repeat(32)} attribute.json --semantic-version 2026.2`,
    arguments: [
      new Argument("<candidate-id>", "id of a candidate").argParser(parseHash),
      documentArgument("the attribute"),
    ],
    options: [
      versionOption(),
      new Option("--coverage-exception <text>", "why it is promoted although too few vaults have it"),
      new Option("--alias-of <id>", "declares it an alias of this attribute").conflicts("replaces"),
      new Option("--replaces <id>", "declares that it replaces this attribute"),
    ],
    order: ({ args: [candidateId, file], options }) => ({
      kind: "promote_candidate",
      semanticVersion: options.semanticVersion,
      candidateId,
      attribute: readDocument(file, CanonicalAttribute),
      ...(options.coverageException === undefined ? {} : { coverageException: options.coverageException }),
      ...declarationOf(options),
    }),
  });
  defineHistory(attribute, idArgument("an attribute"), "scs attribute history culture.film/genre");
}

function registerQueryAttributes(program: Command): void {
  const attribute = group(program, "query-attribute", "Propose, move and restrict query attributes.");
  defineAct<readonly [string], InVersion>(attribute, {
    name: "propose",
    summary: "Propose a query attribute in an open version; as long as it is proposed, it may be proposed anew.",
    example: "scs query-attribute propose query-attribute.json --semantic-version 2026.2",
    arguments: [documentArgument("the query attribute")],
    options: [versionOption()],
    order: ({ args: [file], options: { semanticVersion } }) => {
      return { kind: "propose_query_attribute", semanticVersion, queryAttribute: readDocument(file, QueryAttribute) };
    },
  });
  type Moving = InVersion & { readonly usage?: string };
  defineAct<readonly [string, Order<"move_query_attribute">["to"]], Moving>(attribute, {
    name: "move",
    summary: "Register, activate, restrict, deprecate or retire a query attribute from an open version on.",
    example: "scs query-attribute move 'culture.film?decade' active --semantic-version 2026.2",
    arguments: [
      idArgument("a query attribute"),
      statusArgument(["registered", "active", "restricted", "deprecated", "retired"]),
    ],
    options: [
      versionOption(),
      new Option("--usage <file>", "who may use it once it is restricted: actors and scopes as JSON; - for stdin"),
    ],
    order: ({ args: [queryAttributeId, to], options: { semanticVersion, usage } }) => {
      const allowed = usage === undefined ? {} : { allowedUsageScope: readDocument(usage, UsageScope) };
      return { kind: "move_query_attribute", semanticVersion, queryAttributeId, to, ...allowed };
    },
  });
  defineHistory(attribute, idArgument("a query attribute"), "scs query-attribute history 'culture.film?decade'");
}

export function register(program: Command): void {
  registerDomains(program);
  registerAttributes(program);
  registerQueryAttributes(program);
}
