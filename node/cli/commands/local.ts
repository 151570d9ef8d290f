// `scs local`: a vault's own pool of local attributes, and the candidates for attributes that settlements commit to.
import { Argument, type Command } from "commander";
import type { Hex } from "#protocol/hash.ts";
import type { LocalAttributeCandidate, LocalAttributeEntry } from "#protocol/schemas/local-attribute.ts";
import { ask, showPage, type ApiOptions, type PageOptions } from "./api.ts";
import { define, group } from "./command.ts";
import { apiOptions, pageOptions, parseHash, parseName, scopeArgument, wholeNumber } from "./options.ts";

/** A candidate as the API answers it. */
type CandidateView = {
  readonly candidate: LocalAttributeCandidate;
  readonly revision: number;
  readonly settlement: string;
};

const percent = (basisPoints: number): string => `${(basisPoints / 100).toFixed(2)} %`;

const candidateHeadings = [
  "candidate",
  "epochs",
  "name",
  "kind",
  "domain",
  "vaults",
  "frequency",
  "stability",
  "against it",
  "settlement",
];

const candidateRow = ({ candidate, revision, settlement }: CandidateView): readonly string[] => [
  candidate.candidateId,
  `${candidate.windowFrom}–${candidate.epoch}`,
  candidate.name,
  candidate.valueKind,
  candidate.domainId ?? "",
  `${candidate.coverage} of ${candidate.vaults}`,
  percent(candidate.frequency),
  percent(candidate.stability),
  candidate.conflicts.join("; "),
  `${settlement}, revision ${revision}`,
];

const entryHeadings = ["name", "kind", "domain", "records", "of", "epochs", "means perhaps", "released last"];

const entryRow = (entry: LocalAttributeEntry): readonly string[] => [
  entry.name,
  entry.valueKind,
  entry.domainHint ?? "",
  String(entry.occurrences),
  String(entry.records),
  `${entry.epochsSeen} of ${entry.epochsObserved}`,
  entry.mapping === null ? "" : `${entry.mapping.attributeId} (${percent(entry.mapping.confidence)})`,
  entry.released === null ? "" : `epoch ${entry.released.epoch}: about ${entry.released.noisyOccurrences}`,
];

export function register(program: Command): void {
  const local = group(program, "local", "Read local attributes: a vault's own pool, and candidates for attributes.");
  define<readonly [string, string], ApiOptions & PageOptions>(local, {
    name: "pool",
    summary:
      "List a collection's fields without canonical attribute, with exact counts. For its operator, with own:read.",
    example: "scs local pool aviation-east strikes --token-file keys/operator-east.token",
    arguments: [
      new Argument("<vault>", "name of a vault").argParser(parseName),
      new Argument("<collection>", "name of a collection").argParser(parseName),
    ],
    options: [...apiOptions(), ...pageOptions()],
    run: async (invocation) => {
      const [vault, collection] = invocation.args;
      await showPage<LocalAttributeEntry>(invocation, {
        path: `/v1/vaults/${vault}/collections/${collection}/local-attributes`,
        headings: entryHeadings,
        row: entryRow,
      });
    },
  });
  define<readonly [string, number | undefined], ApiOptions & PageOptions>(local, {
    name: "candidates",
    summary: "List what the vaults of a scope propose together, for one epoch or for all.",
    example: "scs local candidates main 10",
    arguments: [scopeArgument(), new Argument("[epoch]", "number of an epoch").argParser(wholeNumber(1))],
    options: [...apiOptions(), ...pageOptions()],
    run: async (invocation) => {
      const [scope, epoch] = invocation.args;
      await showPage<CandidateView>(invocation, {
        path: "/v1/local-attributes/candidates",
        query: { scope, epoch },
        headings: candidateHeadings,
        row: candidateRow,
      });
    },
  });
  define<readonly [Hex], ApiOptions>(local, {
    name: "candidate",
    summary: "Show one candidate for an attribute.",
    example: `scs local candidate 0x${"ab".repeat(32)}`,
    arguments: [new Argument("<candidate-id>", "id of a candidate").argParser(parseHash)],
    options: apiOptions(),
    run: async (invocation) => {
      const { args, output } = invocation;
      const view = await ask<CandidateView>(invocation, "GET", `/v1/local-attributes/candidates/${args[0]}`);
      output.answer(view, () => {
        output.table(candidateHeadings, [candidateRow(view)]);
        const aliases = view.candidate.aliases.map((each) => [each.attributeId, percent(each.confidence)]);
        if (aliases.length > 0) output.table(["seems to mean", "confidence"], aliases);
      });
    },
  });
}
