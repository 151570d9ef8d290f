// `scs registry`, `scs policy`, `scs rollout`: governance's documents, and which versions a scope takes tasks under.
import { Argument, Option, type Command } from "commander";
import { ProtocolError } from "#protocol/errors.ts";
import { policyDigest, registryDigest, rulesetId } from "#protocol/parameters.ts";
import { Policy } from "#protocol/schemas/policy.ts";
import { Registry } from "#protocol/schemas/registry.ts";
import { publishPolicy, publishRegistry, rollOut } from "#semantic/publish.ts";
import { schemaVersions } from "#settlement/step.ts";
import { readDocuments } from "#storage/epochs.ts";
import { readPolicies, readRegistry } from "#storage/registry.ts";
import { readDocument } from "../documents/json-document.ts";
import { jsonText, type Output } from "../output.ts";
import { define, group, type Invocation } from "./command.ts";
import { withDatabase } from "./operator-database.ts";
import { bySetting, fileArgument, scopeArgument, several, wholeNumber } from "./options.ts";

type ByOption = { readonly by: string };

const versionArgument = () => new Argument("<version>", "version label");

/** What became of a publication. */
function answerPublished(output: Output, version: string, digest: string, isNew: boolean): void {
  output.answer({ version, digest, published: isNew }, () =>
    output.say(`${version} ${isNew ? "is published" : "was published before"}, digest ${digest}`),
  );
}

function found<T>(document: T | undefined, version: string): T {
  if (document === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND", { version });
  return document;
}

function registerRegistry(program: Command): void {
  const registry = group(program, "registry", "Publish and show semantic registries.");
  define<readonly [string], ByOption>(registry, {
    name: "publish",
    summary: "Publish a registry under its semantic version, for ever; again the same changes nothing.",
    example: "scs registry publish registry-2026.1.json --by governance-board",
    arguments: [fileArgument("file", "registry as JSON; - for stdin")],
    options: [bySetting()],
    run: async ({ args: [file], options: { by }, output, configuration }) => {
      const document = readDocument(file, Registry);
      const act = { by, now: new Date() };
      const isNew = await withDatabase(configuration(), "node", (database) => publishRegistry(database, document, act));
      answerPublished(output, document.semanticVersion, registryDigest(document), isNew);
    },
  });
  define<readonly [string]>(registry, {
    name: "show",
    summary: "Show a published registry.",
    example: "scs registry show 2026.1 --json",
    arguments: [versionArgument()],
    run: async ({ args: [version], output, configuration }) => {
      const read = await withDatabase(configuration(), "node", (database) => readRegistry(database, version));
      const { domains, attributes } = found(read, version);
      output.answer(read, () => {
        output.table(
          ["domain", "level", "status", "references"],
          domains.map(({ domainId, level, status, references }) => [
            domainId,
            level,
            status,
            references.map(({ domain, answer }) => `${domain}: ${answer}`).join("\n"),
          ]),
        );
        output.table(
          ["attribute", "status", "type", "terms", "successor"],
          attributes.map(({ attributeId, status, valueType, terms, successor }) => [
            attributeId,
            status,
            valueType.kind === "decimal" ? `decimal, ${valueType.scale} digits` : valueType.kind,
            terms.join(", "),
            successor ?? "",
          ]),
        );
      });
    },
  });
}

function registerPolicy(program: Command): void {
  const policy = group(program, "policy", "Publish and show policies.");
  define<readonly [string], ByOption>(policy, {
    name: "publish",
    summary: "Publish a policy under its version, for ever; again the same changes nothing.",
    example: "scs policy publish policy-1.json --by governance-board",
    arguments: [fileArgument("file", "policy as JSON; - for stdin")],
    options: [bySetting()],
    run: async ({ args: [file], options: { by }, output, configuration }) => {
      const document = readDocument(file, Policy);
      const act = { by, now: new Date() };
      const isNew = await withDatabase(configuration(), "node", (database) => publishPolicy(database, document, act));
      answerPublished(output, document.policyVersion, policyDigest(document), isNew);
    },
  });
  define<readonly [string]>(policy, {
    name: "show",
    summary: "Show a published policy.",
    example: "scs policy show 1 --json",
    arguments: [versionArgument()],
    run: async ({ args: [version], output, configuration }) => {
      const read = await withDatabase(configuration(), "node", (database) => readPolicies(database, [version]));
      const document = found(read.get(version), version);
      output.answer(document, () => output.say(jsonText(document, 2)));
    },
  });
}

type RolloutOptions = ByOption & {
  readonly fromEpoch: number;
  readonly semantic: readonly string[];
  readonly policy: readonly string[];
};

async function orderRollout(invocation: Invocation<readonly [string], RolloutOptions>): Promise<void> {
  const { args, options, output, configuration } = invocation;
  const { by, fromEpoch, semantic: semanticVersions, policy: policyVersions } = options;
  const rollout = { scope: args[0], fromEpoch, semanticVersions, policyVersions };
  const ordered = await withDatabase(configuration(), "node", async (database) => {
    const isNew = await rollOut(database, rollout, { by, now: new Date() });
    const { versions } = await readDocuments(database, rollout, schemaVersions);
    return { ...rollout, ordered: isNew, ruleset: rulesetId(versions) };
  });
  output.answer(ordered, () => {
    output.say(`${rollout.scope} from epoch ${fromEpoch}: ${ordered.ordered ? "ordered" : "was ordered before"}`);
    output.say(`ruleset ${ordered.ruleset}: governance activates it on the anchor before that epoch`);
  });
}

export function register(program: Command): void {
  registerRegistry(program);
  registerPolicy(program);
  define<readonly [string], RolloutOptions>(program, {
    name: "rollout",
    summary: "Order which versions a scope takes tasks under, from an epoch on that is not decided yet.",
    example: "scs rollout main --from-epoch 5 --semantic 2026.1 --semantic 2026.2 --policy 1",
    arguments: [scopeArgument()],
    options: [
      bySetting(),
      new Option("--from-epoch <epoch>", "first epoch of it").argParser(wholeNumber(1)).makeOptionMandatory(),
      new Option("--semantic <version>", "semantic version; may be given several times")
        .argParser(several((text: string) => text))
        .makeOptionMandatory(),
      new Option("--policy <version>", "policy version; may be given several times")
        .argParser(several((text: string) => text))
        .makeOptionMandatory(),
    ],
    run: orderRollout,
  });
}
