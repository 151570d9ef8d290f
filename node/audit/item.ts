// One settled item: its ids, meaning, signatures, units, decisions and history are worked out again from its line alone.
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchivedItem, ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { bundleSigned, decisionSigned, envelopeSigned, hexWord, idOf, jcs, leafOf, sha } from "./digests.ts";
import { Disproof, same } from "./disproof.ts";
import { checkHistory, type KnownHistories } from "./history.ts";
import { shaped, type Documents } from "./manifest.ts";
import { meaningOf, type Meaning } from "./resolution.ts";
import { members } from "./shape.ts";
import { shaLeaf } from "./sha-tree.ts";
import type { SignatureClaim } from "./signers.ts";
import { checkUnits } from "./units.ts";

/** What a manifest says that items are checked against, besides which were left out. */
export type ManifestTerms = Pick<ArchiveManifest, "chainId" | "anchor" | "scope" | "epoch" | "versions" | "documents">;

/** A resolution, and its canonical text. */
type KnownMeaning = Meaning & { readonly text: string };

/** What all items of an epoch are checked against. */
export type EpochTerms = {
  readonly manifest: ManifestTerms;
  readonly documents: Documents;
  /** Tasks that the manifest says were left out. */
  readonly excluded: ReadonlySet<Hex>;
  /** Resolutions already worked out: many tasks of an epoch ask the same. */
  readonly meanings: Map<string, KnownMeaning>;
  readonly histories: KnownHistories;
  readonly signing: Uint8Array;
  readonly resultDomain: Buffer;
  readonly evidenceDomain: Buffer;
};

/** A signature as an item has it, and where; whether it holds is for its part to judge, with all others. */
export type FoundSignature = SignatureClaim & { readonly place: string };

/** What an item comes to. */
export type ItemDigest = {
  readonly taskId: Hex;
  readonly result: Buffer;
  readonly evidence: readonly Buffer[];
  readonly histories: readonly Buffer[];
  readonly archived: ArchivedItem;
};

/** Canonical texts of an item's members. */
type Texts = Readonly<Record<string, string>>;

/** Reads a line; its bytes must be the canonical ones of what it says. */
function readLine(line: string, place: string): { readonly item: ArchivedItem; readonly texts: Texts } {
  let item: ArchivedItem;
  try {
    item = JSON.parse(line) as ArchivedItem;
  } catch {
    throw new Disproof(place, "not JSON", "JSON");
  }
  const members = Object.entries(item).sort(([a], [b]) => (a > b ? 1 : -1));
  const texts = Object.fromEntries(members.map(([name, value]) => [name, jcs(value)]));
  const whole = members.map(([name]) => `${JSON.stringify(name)}:${texts[name] ?? ""}`).join();
  if (`{${whole}}` !== line) throw new Disproof(place, "another serialization", "the canonical one");
  return { item, texts };
}

/**
 * Works out one line of an archive, but for its signatures, which are added to `signatures`.
 * @throws Disproof at the first difference; its field begins with `place`
 */
export function digestItem(terms: EpochTerms, line: string, place: string, signatures: FoundSignature[]): ItemDigest {
  const { item, texts } = readLine(line, place);
  return shaped(place, "an item", () => checkedItem(terms, item, texts, place, signatures));
}

/** The members of an item in their canonical order; there are no others. */
const memberNames = [
  "accessLog",
  "assignment",
  "bundle",
  "bundleSignature",
  "contributions",
  "decisions",
  "envelope",
  "envelopeSignature",
  "history",
  "resolution",
  "result",
  "taskId",
  "transcript",
];

/** Of what no id commits to as a whole. */
const assignmentMembers = ["bindings", "fee", "resolutionId", "schemaVersion", "taskId"];
const decidedMembers = ["decision", "evidence", "signature"];

function checkedItem(
  terms: EpochTerms,
  item: ArchivedItem,
  texts: Texts,
  place: string,
  signatures: FoundSignature[],
): ItemDigest {
  const { taskId, envelope, assignment, bundle, transcript, accessLog } = item;
  const textOf = (name: string): string => texts[name] ?? "";
  members(place, texts, memberNames);
  same(`${place}.taskId`, taskId, idOf("scs.task", textOf("envelope")));
  same(`${place}.envelope.scope`, envelope.scope, terms.manifest.scope);
  members(`${place}.assignment`, assignment, assignmentMembers);
  if (terms.excluded.has(taskId)) throw new Disproof(`${place}.taskId`, "settled", "excluded by the manifest");
  signatures.push(...submissionSignature(terms, item, place));
  for (const [name, of] of Object.entries({ assignment, bundle, transcript, accessLog })) {
    same(`${place}.${name}.taskId`, of.taskId, taskId);
  }
  const policy = checkVersions(terms, item, place);
  checkMeaning(terms, item, textOf("resolution"), place);
  same(`${place}.bundle.resolutionId`, bundle.resolutionId, assignment.resolutionId);
  same(`${place}.transcript.resolutionId`, transcript.resolutionId, assignment.resolutionId);
  same(`${place}.bundle.outputCommitment`, bundle.outputCommitment, sha(textOf("result")));
  same(`${place}.transcript.outputCommitment`, transcript.outputCommitment, bundle.outputCommitment);
  same(`${place}.bundle.transcriptId`, bundle.transcriptId, idOf("scs.transcript", textOf("transcript")));
  same(`${place}.bundle.accessLogId`, bundle.accessLogId, idOf("scs.access-log", textOf("accessLog")));
  const bundleId = idOf("scs.bundle", textOf("bundle"));
  signatures.push({
    place: `${place}.bundleSignature`,
    account: bundle.executor,
    digest: bundleSigned(terms.signing, taskId, bundleId),
    signature: item.bundleSignature,
  });
  checkReading(item, place);
  checkUnits(policy, item, place);
  const decisionIds = checkDecisions(terms, policy, item, bundleId, place, signatures);
  checkHistory(terms.histories, item, place);
  const [decisionId] = decisionIds;
  if (decisionId === undefined) throw new Disproof(`${place}.decisions`, "none", "at least one");
  const result = [taskId, bundle.outputCommitment, bundleId, decisionId].map(hexWord);
  return {
    taskId,
    result: leafOf(terms.resultDomain, result),
    evidence: item.decisions.map(({ decision }) =>
      leafOf(terms.evidenceDomain, [hexWord(taskId), hexWord(decision.evidenceHash)]),
    ),
    histories: item.history.map(shaLeaf),
    archived: item,
  };
}

/** What the submitter signed; null says that a token stood for the signature, which only the node can know. */
function submissionSignature(
  { signing }: EpochTerms,
  { envelope, envelopeSignature: signature }: ArchivedItem,
  place: string,
): readonly FoundSignature[] {
  if (signature === null) return [];
  const digest = envelopeSigned(signing, envelope);
  return [{ place: `${place}.envelopeSignature`, account: envelope.submitter, digest, signature }];
}

/** Its versions are live in the epoch; gives the policy it was priced and verified under. */
function checkVersions({ manifest, documents }: EpochTerms, item: ArchivedItem, place: string): Policy {
  const { schema } = manifest.versions;
  const { envelope, resolution, assignment, bundle } = item;
  for (const [name, { schemaVersion }] of Object.entries({ envelope, resolution, assignment, bundle })) {
    if (schema.includes(schemaVersion)) continue;
    throw new Disproof(`${place}.${name}.schemaVersion`, schemaVersion, schema.join());
  }
  const policy = documents.policies.get(envelope.policyVersion);
  if (policy !== undefined) return policy;
  throw new Disproof(`${place}.envelope.policyVersion`, envelope.policyVersion, [...documents.policies.keys()].join());
}

/** Resolutions kept at once: a few kilobytes each. */
const meaningsKept = 1_000;

/** The resolution follows from the envelope and its registry, and the assignment commits to it (ATTR-05). */
function checkMeaning({ documents, meanings }: EpochTerms, item: ArchivedItem, text: string, place: string): void {
  const { envelope, resolution, assignment } = item;
  const { program, submitter, scope, semanticVersion } = envelope;
  const registry = documents.registries.get(semanticVersion);
  if (registry === undefined) throw new Disproof(`${place}.envelope.semanticVersion`, semanticVersion, "a registry");
  const key = jcs([program, submitter, scope, semanticVersion]);
  const meaning = meanings.get(key) ?? knownMeaning(meaningOf(envelope, registry));
  if (meanings.size >= meaningsKept) meanings.clear();
  meanings.set(key, meaning);
  if (meaning.kind === "refused") throw new Disproof(`${place}.resolution`, "resolved", `refused: ${meaning.code}`);
  // Equal texts say the same; where they are not equal, the first difference is looked for.
  if (text !== meaning.text) same(`${place}.resolution`, resolution, meaning.result);
  const { bindings, fee, resolutionId } = assignment;
  const committed = idOf("scs.resolution", `{"bindings":${jcs(bindings)},"fee":${jcs(fee)},"resolution":${text}}`);
  same(`${place}.assignment.resolutionId`, resolutionId, committed);
}

const knownMeaning = (meaning: Meaning): KnownMeaning => ({
  ...meaning,
  text: meaning.kind === "resolved" ? jcs(meaning.result) : "",
});

/** What was read is what was bound, of the sources asked for, by the fields of what was resolved, and is logged as such. */
function checkReading(item: ArchivedItem, place: string): void {
  const { envelope, resolution, assignment, accessLog, transcript } = item;
  const { bindings } = assignment;
  const rules = resolution.references.flatMap(({ projection }) => (projection ? [projection.derivationRuleRef] : []));
  const projections = [...new Set(rules)].sort();
  const attributes = [...new Set(resolution.references.map(({ attributeId }) => attributeId))].sort();
  const sources = bindings.map(({ snapshot: { vault, collection } }) => ({ vault, collection }));
  same(`${place}.assignment.bindings are of`, sources, envelope.inputs.sources);
  for (const [at, { fields }] of bindings.entries()) {
    same(`${place}.assignment.bindings[${at}].fields`, Object.keys(fields).sort(), attributes);
  }
  const accessed = accessLog.accesses.map((access) => jcs(access)).sort();
  const bound = bindings.map(({ grantId, snapshot }) => jcs({ grantId, ...snapshot })).sort();
  same(`${place}.accessLog.accesses`, accessed, bound);
  const visited = transcript.steps.map((step) => jcs(step)).sort();
  const derived = projections.length === 0 ? {} : { projections };
  same(`${place}.transcript.steps`, visited, bindings.map(({ snapshot }) => jcs({ ...snapshot, ...derived })).sort());
}

/** Each decision accepts this bundle, is said to be signed by its verifier, and rests on evidence that says the same. */
function checkDecisions(
  { signing }: EpochTerms,
  policy: Policy,
  { taskId, bundle, decisions }: ArchivedItem,
  bundleId: Hex,
  place: string,
  signatures: FoundSignature[],
): readonly Hex[] {
  let before = "0x";
  const ids = decisions.map((decided, at) => {
    const here = `${place}.decisions[${at}]`;
    members(here, decided, decidedMembers);
    const { decision, evidence, signature } = decided;
    same(`${here}.decision.taskId`, decision.taskId, taskId);
    same(`${here}.decision.bundleId`, decision.bundleId, bundleId);
    same(`${here}.decision.verdict`, decision.verdict, "accepted");
    same(`${here}.decision.recomputedCommitment`, decision.recomputedCommitment, bundle.outputCommitment);
    if (decision.verifier <= before)
      throw new Disproof(`${here}.decision.verifier`, decision.verifier, `above ${before}`);
    before = decision.verifier;
    same(`${here}.evidence`, evidence, {
      taskId,
      bundleId,
      resolutionId: bundle.resolutionId,
      claimedCommitment: bundle.outputCommitment,
      recomputedCommitment: bundle.outputCommitment,
      transcriptId: bundle.transcriptId,
      recomputedTranscriptId: bundle.transcriptId,
    });
    same(`${here}.decision.evidenceHash`, decision.evidenceHash, idOf("scs.evidence", jcs(evidence)));
    const decisionId = idOf("scs.decision", jcs(decision));
    const digest = decisionSigned(signing, { taskId, bundleId, decisionId, verdict: "accepted" });
    signatures.push({ place: `${here}.signature`, account: decision.verifier, digest, signature });
    return decisionId;
  });
  if (ids.length < policy.verifiers) throw new Disproof(`${place}.decisions.length`, ids.length, policy.verifiers);
  return ids;
}
