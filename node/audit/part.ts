// One part of an archive: every item's ids, signatures, units and history are worked out again from its bytes alone.
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchivedItem, ArchiveManifest } from "#protocol/schemas/settlement.ts";
import {
  acceptanceSigned,
  bundleSigned,
  domainOf,
  hexWord,
  idOf,
  jcs,
  leafOf,
  sha,
  signerOf,
  signingDomain,
} from "./digests.ts";
import { Disproof, same } from "./disproof.ts";
import { shaLeaf } from "./sha-tree.ts";
import { emptyLedger, meterItem, type Ledger } from "./shares.ts";

/** What all parts of an epoch are checked against. */
export type EpochTerms = {
  readonly manifest: ArchiveManifest;
  readonly signing: Uint8Array;
  readonly resultDomain: Buffer;
  readonly evidenceDomain: Buffer;
};

/** What a part comes to: 32 bytes for each leaf, side by side, and what was metered. Small, and made of plain data. */
export type PartDigest = {
  readonly first: Hex;
  readonly last: Hex;
  readonly results: readonly Buffer[];
  readonly evidence: readonly Buffer[];
  readonly histories: readonly Buffer[];
  readonly ledger: Ledger;
};

/** Prepares what the parts of an epoch are checked against. */
export function termsOf(manifest: ArchiveManifest): EpochTerms {
  return {
    manifest,
    signing: signingDomain(manifest),
    resultDomain: domainOf("result", manifest),
    evidenceDomain: domainOf("evidence", manifest),
  };
}

/**
 * Works out one part. Parts do not depend on one another: they may be worked out in any order, on any number of threads.
 * @throws Disproof at the first difference; its field begins with `parts[number]`
 */
export function digestPart(terms: EpochTerms, bytes: Uint8Array, number: number): PartDigest {
  const place = `parts[${number}]`;
  const part = terms.manifest.parts[number];
  same(`${place}.digest`, part?.digest, sha(bytes));
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  const lines = text.split("\n");
  same(`${place} ends with a line feed`, lines.pop(), "");
  same(`${place}.items`, part?.items, lines.length);
  const digest = {
    results: [] as Buffer[],
    evidence: [] as Buffer[],
    histories: [] as Buffer[],
    ledger: emptyLedger(),
  };
  let last: Hex = "0x";
  let first: Hex = "0x";
  for (const [at, line] of lines.entries()) {
    const item = digestItem(terms, line, `${place}.items[${at}]`);
    if (at === 0) first = item.taskId;
    if (item.taskId <= last) throw new Disproof(`${place}.items[${at}].taskId`, item.taskId, `above ${last}`);
    last = item.taskId;
    digest.results.push(item.result);
    digest.evidence.push(...item.evidence);
    digest.histories.push(...item.histories);
    meterItem(digest.ledger, item.archived);
  }
  return { first, last, ...digest };
}

type ItemDigest = {
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

function digestItem(terms: EpochTerms, line: string, place: string): ItemDigest {
  const { item, texts } = readLine(line, place);
  try {
    return checkedItem(terms, item, texts, place);
  } catch (error) {
    // What is not of the published shape breaks somewhere: that is a fault of the archive, and named as one.
    if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) {
      throw new Disproof(place, error.message, "an item of the published shape");
    }
    throw error;
  }
}

function checkedItem(terms: EpochTerms, item: ArchivedItem, texts: Texts, place: string): ItemDigest {
  const { taskId, envelope, assignment, bundle, transcript, accessLog } = item;
  const textOf = (name: string): string => texts[name] ?? "";
  same(`${place}.taskId`, taskId, idOf("scs.task", textOf("envelope")));
  same(`${place}.envelope.scope`, envelope.scope, terms.manifest.scope);
  for (const [name, of] of Object.entries({ assignment, bundle, transcript, accessLog })) {
    same(`${place}.${name}.taskId`, of.taskId, taskId);
  }
  same(`${place}.bundle.resolutionId`, bundle.resolutionId, assignment.resolutionId);
  same(`${place}.transcript.resolutionId`, transcript.resolutionId, assignment.resolutionId);
  same(`${place}.bundle.outputCommitment`, bundle.outputCommitment, sha(textOf("result")));
  same(`${place}.transcript.outputCommitment`, transcript.outputCommitment, bundle.outputCommitment);
  same(`${place}.bundle.transcriptId`, bundle.transcriptId, idOf("scs.transcript", textOf("transcript")));
  same(`${place}.bundle.accessLogId`, bundle.accessLogId, idOf("scs.access-log", textOf("accessLog")));
  const bundleId = idOf("scs.bundle", textOf("bundle"));
  const signed = signerOf(bundleSigned(terms.signing, taskId, bundleId), item.bundleSignature);
  same(`${place}.bundleSignature`, bundle.executor, signed ?? "nobody");
  checkVersions(terms.manifest, item, place);
  checkUnits(terms.manifest.policy, item, place);
  const decisionIds = checkDecisions(terms, item, bundleId, place);
  checkHistory(item, place);
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

function checkVersions({ versions }: ArchiveManifest, { envelope }: ArchivedItem, place: string): void {
  const live = (field: string, version: string, labels: readonly string[]): void => {
    if (!labels.includes(version)) throw new Disproof(`${place}.envelope.${field}`, version, labels.join());
  };
  live("schemaVersion", envelope.schemaVersion, versions.schema);
  live(
    "semanticVersion",
    envelope.semanticVersion,
    versions.semantic.map(({ version }) => version),
  );
  live(
    "policyVersion",
    envelope.policyVersion,
    versions.policy.map(({ version }) => version),
  );
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What was read is what was bound and logged, is owed to somebody to the last record, and costs what policy says. */
function checkUnits(policy: Policy, item: ArchivedItem, place: string): void {
  const { assignment, bundle, accessLog, contributions, envelope } = item;
  const { units, fee } = bundle;
  const bound = assignment.bindings.map(({ grantId, snapshot }) => jcs({ grantId, ...snapshot })).sort();
  const accessed = accessLog.accesses.map((access) => jcs(access)).sort();
  same(`${place}.accessLog.accesses`, accessed.join(), bound.join());
  same(`${place}.contributions.length`, contributions.length, assignment.bindings.length);
  for (const [at, { vault, records, producers }] of contributions.entries()) {
    const snapshot = assignment.bindings[at]?.snapshot;
    same(`${place}.contributions[${at}].vault`, vault, snapshot?.vault);
    same(`${place}.contributions[${at}].records`, records, snapshot?.size);
    same(`${place}.contributions[${at}].producers`, sum(producers.map((each) => each.records)), records);
  }
  const total = sum(contributions.map(({ records }) => records));
  same(`${place}.bundle.units.records`, units.records, total);
  same(`${place}.bundle.units.vaults`, sum(units.vaults.map(({ records }) => records)), total);
  same(`${place}.bundle.fee`, fee, assignment.fee);
  if (BigInt(fee) > BigInt(envelope.feeLimit)) throw new Disproof(`${place}.bundle.fee`, fee, envelope.feeLimit);
  // The archive carries one policy; fees under another version cannot be worked out from it.
  if (envelope.policyVersion !== policy.policyVersion) return;
  const { base, perThousandRecords } = policy.fees;
  const begun = (BigInt(units.records) + 999n) / 1000n;
  same(`${place}.bundle.fee`, fee, `${BigInt(base) + BigInt(perThousandRecords) * begun}`);
}

function checkDecisions(terms: EpochTerms, item: ArchivedItem, bundleId: Hex, place: string): readonly Hex[] {
  const { taskId, bundle, decisions, envelope } = item;
  const { policy } = terms.manifest;
  let before = "0x";
  const ids = decisions.map(({ decision, signature }, at) => {
    const here = `${place}.decisions[${at}]`;
    same(`${here}.decision.taskId`, decision.taskId, taskId);
    same(`${here}.decision.bundleId`, decision.bundleId, bundleId);
    same(`${here}.decision.verdict`, decision.verdict, "accepted");
    same(`${here}.decision.recomputedCommitment`, decision.recomputedCommitment, bundle.outputCommitment);
    if (decision.verifier <= before)
      throw new Disproof(`${here}.decision.verifier`, decision.verifier, `above ${before}`);
    before = decision.verifier;
    const decisionId = idOf("scs.decision", jcs(decision));
    const signed = signerOf(acceptanceSigned(terms.signing, taskId, bundleId, decisionId), signature);
    same(`${here}.signature`, decision.verifier, signed ?? "nobody");
    return decisionId;
  });
  if (envelope.policyVersion === policy.policyVersion && ids.length < policy.verifiers) {
    throw new Disproof(`${place}.decisions.length`, ids.length, policy.verifiers);
  }
  return ids;
}

type Move = { readonly taskId: Hex; readonly step: number; readonly from: string | null; readonly to: string };

/** Its moves join, begin with admission, and lead through verification to where it waits for settlement. */
function checkHistory({ taskId, history }: ArchivedItem, place: string): void {
  let state: string | null = null;
  let verified = false;
  for (const [at, text] of history.entries()) {
    const move = JSON.parse(text) as Move;
    const here = `${place}.history[${at}]`;
    same(here, text, jcs(move));
    same(`${here}.taskId`, move.taskId, taskId);
    same(`${here}.step`, move.step, at);
    same(`${here}.from`, move.from, state);
    verified ||= move.from === "verifying" && move.to === "awaiting_settlement";
    state = move.to;
  }
  same(`${place}.history ends in`, state, "awaiting_settlement");
  same(`${place}.history leads through verification`, verified, true);
}
