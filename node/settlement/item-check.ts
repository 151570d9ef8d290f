// Checks one item again before it is settled: a pure function of what is stored of it and of what its epoch allows.
import { canonicalText } from "#protocol/canonical.ts";
import { feeOf } from "#protocol/fees.ts";
import { canonicalMove, foldHistory } from "#protocol/histories.ts";
import type { LeafItem } from "#protocol/leaves.ts";
import { taskLifecycle } from "#protocol/lifecycles.ts";
import {
  bundleDigest,
  decisionDigest,
  envelopeDigest,
  resolutionIdOf,
  type MessageDomain,
} from "#protocol/messages.ts";
import type { RegistryIndex } from "#protocol/resolution.ts";
import type { Contribution } from "#protocol/rewards.ts";
import { sha256Hex } from "#protocol/hash.ts";
import { recover } from "#protocol/signature.ts";
import type { Snapshot } from "#protocol/schemas/execution.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchivedItem } from "#protocol/schemas/settlement.ts";
import type { StoredItem } from "#storage/settlement-items.ts";
import type { HistoryEntry } from "#storage/tasks.ts";
import { meaningIn } from "./known-meanings.ts";
import { canonicalCommitted, canonicalUnder, parseItem, textTags, type ParsedItem } from "./item-texts.ts";

/** Who a snapshot's records are owed to. */
export type SourceOwners = {
  readonly digest: Hex;
  readonly operator: Hex;
  /** Ascending by account. */
  readonly producers: readonly { readonly account: Hex; readonly records: number }[];
};

/** What an epoch allows, and what is known beside its items. */
export type CheckContext = {
  readonly domain: MessageDomain;
  readonly scope: string;
  readonly schemaVersions: readonly string[];
  /** Of the live semantic versions. */
  readonly registries: ReadonlyMap<string, RegistryIndex>;
  readonly policies: ReadonlyMap<string, Policy>;
  readonly heldRole: (account: Hex, role: "executor" | "verifier", at: Date) => boolean;
  readonly ownersOf: (snapshot: Snapshot) => SourceOwners | undefined;
};

/** An item that holds: its line in the archive, its leaves, and what it brings into the epoch. */
export type SettledItem = {
  readonly taskId: Hex;
  readonly line: string;
  readonly result: LeafItem<"result">;
  readonly evidence: readonly LeafItem<"evidence">[];
  readonly contribution: Contribution;
  readonly history: readonly string[];
};

/** What became of an item: settled, or left out for a reason that is published with the epoch. */
export type ItemVerdict =
  | { readonly kind: "settled"; readonly item: SettledItem }
  | { readonly kind: "excluded"; readonly taskId: Hex; readonly reason: string };

/** Whether the reason for leaving an item out is its state alone: nothing speaks against settling it later. */
export function isHeldBack(reason: string): boolean {
  return Object.hasOwn(taskLifecycle.states, reason);
}

/**
 * Checks one member of a closed epoch (SETL-02): it waits for settlement, every id is recomputed from the bytes, every
 * signature leads to an actor that had the role when it acted, what was read is what was bound, the fee is the policy's, and
 * its history leads through verification.
 */
export function checkItem(context: CheckContext, stored: StoredItem): ItemVerdict {
  const { taskId, state } = stored;
  const excluded = (reason: string): ItemVerdict => ({ kind: "excluded", taskId, reason });
  if (state !== "awaiting_settlement") return excluded(state);
  const parsed = parseItem(stored);
  if (parsed === undefined) return excluded("an artifact is missing or unreadable");
  const texts = checkTexts(parsed);
  if (typeof texts === "string") return excluded(texts);
  const fault =
    checkVersions(context, parsed) ??
    checkMeaning(context, parsed, texts) ??
    checkExecution(context, parsed) ??
    checkAccess(parsed) ??
    checkDecisions(context, parsed) ??
    checkHistory(stored.history);
  if (fault !== undefined) return excluded(fault);
  const contributions = contributionsOf(context, parsed);
  if (typeof contributions === "string") return excluded(contributions);
  return { kind: "settled", item: settledItem(parsed, texts, contributions) };
}

type Texts = Readonly<Record<"envelope" | "resolution" | "bundle" | "result" | "transcript" | "accessLog", string>> & {
  readonly decisions: readonly { readonly decision: string; readonly evidence: string }[];
};

/** The canonical texts of an item, each the one that its id commits to; or which of them is not. */
function checkTexts(parsed: ParsedItem): Texts | string {
  const { stored, resultTexts, bundle, resolution, assignment } = parsed;
  const envelope = canonicalUnder(textTags.envelope, stored.envelope, stored.taskId);
  if (envelope === undefined) return "the envelope does not have the task's id";
  const isAsStored = hasResolutionId(parsed);
  if (!isAsStored && resolutionIdOf({ resolution, ...assignment }) !== parsed.resolutionId) {
    return "the assignment does not have its resolution id";
  }
  const resolutionText = isAsStored ? parsed.resolutionText : canonicalText(resolution);
  const bundleText = canonicalUnder(textTags.bundle, resultTexts.bundle, resultTexts.bundleId);
  if (bundleText === undefined) return "the bundle does not have its id";
  const result = canonicalCommitted(resultTexts.result, bundle.outputCommitment);
  if (result === undefined) return "the result does not have the bundle's commitment";
  const transcript = canonicalUnder(textTags.transcript, resultTexts.transcript, bundle.transcriptId);
  if (transcript === undefined) return "the transcript does not have the bundle's id for it";
  const accessLog = canonicalUnder(textTags.accessLog, resultTexts.accessLog, bundle.accessLogId);
  if (accessLog === undefined) return "the access log does not have the bundle's id for it";
  const decisions: { decision: string; evidence: string }[] = [];
  for (const { stored: admitted, decision } of parsed.decisions) {
    const text = canonicalUnder(textTags.decision, admitted.body, admitted.decisionId);
    if (text === undefined) return "a decision does not have its id";
    const evidence = canonicalUnder(textTags.evidence, admitted.evidence, decision.evidenceHash);
    if (evidence === undefined) return "evidence does not have its decision's hash";
    decisions.push({ decision: text, evidence });
  }
  return { envelope, resolution: resolutionText, bundle: bundleText, result, transcript, accessLog, decisions };
}

/** The same as comparing with `resolutionIdOf`, without writing the resolution again. */
function hasResolutionId({ assignment, resolutionText, resolutionId }: ParsedItem): boolean {
  const { bindings, fee } = assignment;
  const text = `{"bindings":${canonicalText(bindings)},"fee":${canonicalText(fee)},"resolution":${resolutionText}}`;
  return sha256Hex(`${textTags.resolution}\0${text}`) === resolutionId;
}

function checkVersions({ scope, schemaVersions, registries, policies }: CheckContext, parsed: ParsedItem) {
  const { envelope } = parsed;
  if (envelope.scope !== scope) return "the envelope names another scope";
  if (!schemaVersions.includes(envelope.schemaVersion)) return "its schema version is not live in the epoch";
  if (!registries.has(envelope.semanticVersion)) return "its semantic version is not live in the epoch";
  if (!policies.has(envelope.policyVersion)) return "its policy version is not live in the epoch";
  if (parsed.resolution.semanticVersion !== envelope.semanticVersion) return "it was resolved under another version";
  return undefined;
}

/** What was asked was asked by its submitter, and means what its registry says. */
function checkMeaning({ domain, registries }: CheckContext, parsed: ParsedItem, texts: Texts): string | undefined {
  const { stored, envelope } = parsed;
  const { envelopeSignature } = stored;
  if (
    envelopeSignature !== null &&
    recover(envelopeDigest(domain, envelope), envelopeSignature) !== envelope.submitter
  ) {
    return "the envelope's signature is not its submitter's";
  }
  const registry = registries.get(envelope.semanticVersion);
  if (registry !== undefined && meaningIn(registry, envelope) === texts.resolution) return undefined;
  return "its resolution is not what its registry gives";
}

function checkExecution({ domain, policies, heldRole }: CheckContext, parsed: ParsedItem): string | undefined {
  const { stored, envelope, assignment, bundle, transcript, accessLog, resultTexts } = parsed;
  const { taskId } = stored;
  const owners = [assignment.taskId, bundle.taskId, transcript.taskId, accessLog.taskId];
  if (owners.some((each) => each !== taskId)) return "an artifact belongs to another task";
  const resolutions = [assignment.resolutionId, bundle.resolutionId, transcript.resolutionId];
  if (resolutions.some((each) => each !== parsed.resolutionId)) return "an artifact names another resolution";
  if (transcript.outputCommitment !== bundle.outputCommitment) return "the transcript names another output";
  const policy = policies.get(envelope.policyVersion);
  const fee = policy && feeOf(policy, bundle.units.records);
  if (assignment.fee !== String(fee) || bundle.fee !== assignment.fee) return "the fee is not the policy's";
  if (BigInt(bundle.fee) > BigInt(envelope.feeLimit)) return "the fee exceeds its limit";
  const admittedAt = timeOf(stored.history, "dispatched", "verifying");
  if (bundle.executor !== resultTexts.executor) return "the bundle names another executor";
  if (recover(bundleDigest(domain, taskId, resultTexts.bundleId), resultTexts.signature) !== bundle.executor) {
    return "the bundle's signature is not its executor's";
  }
  if (admittedAt === undefined || !heldRole(bundle.executor, "executor", admittedAt)) return "its executor was none";
  return undefined;
}

/** When a task came from one state into another last. */
function timeOf(
  history: readonly HistoryEntry[],
  from: HistoryEntry["from"],
  to: HistoryEntry["to"],
): Date | undefined {
  return history.findLast((move) => move.from === from && move.to === to)?.at;
}

const sourceKey = (source: { vault: string; collection: string; size: number; digest: Hex }): string =>
  `${source.vault}/${source.collection}/${source.size}/${source.digest}`;

/** What was read is exactly what was bound. */
function checkAccess({ assignment, accessLog, transcript }: ParsedItem): string | undefined {
  const bound = assignment.bindings.map(({ grantId, snapshot }) => `${sourceKey(snapshot)}/${grantId}`);
  const accessed = accessLog.accesses.map((access) => `${sourceKey(access)}/${access.grantId}`);
  if (new Set(bound).symmetricDifference(new Set(accessed)).size > 0) return "the access log is not what was bound";
  const snapshots = assignment.bindings.map(({ snapshot }) => sourceKey(snapshot));
  const steps = transcript.steps.map(sourceKey);
  if (new Set(snapshots).symmetricDifference(new Set(steps)).size > 0) return "the transcript is not of what was bound";
  return undefined;
}

function checkDecisions({ domain, policies, heldRole }: CheckContext, parsed: ParsedItem): string | undefined {
  const { stored, envelope, bundle, resultTexts, decisions } = parsed;
  const { taskId } = stored;
  const { bundleId } = resultTexts;
  const decidedAt = timeOf(stored.history, "verifying", "awaiting_settlement");
  for (const { stored: admitted, decision } of decisions) {
    const { verifier, verdict } = decision;
    if (decision.taskId !== taskId || decision.bundleId !== bundleId || admitted.bundleId !== bundleId) {
      return "a decision is about something else";
    }
    if (verdict !== "accepted" || decision.recomputedCommitment !== bundle.outputCommitment) {
      return "a decision does not accept the result";
    }
    if (verifier !== admitted.verifier) return "a decision names another verifier";
    const digest = decisionDigest(domain, { taskId, bundleId, decisionId: admitted.decisionId, verdict });
    if (recover(digest, admitted.signature) !== verifier) return "a decision's signature is not its verifier's";
    if (decidedAt === undefined || !heldRole(verifier, "verifier", decidedAt)) return "a verifier was none";
  }
  const enough = policies.get(envelope.policyVersion)?.verifiers ?? Number.POSITIVE_INFINITY;
  // The database holds one decision for each verifier and bundle.
  return decisions.length >= enough ? undefined : "too few verifiers accepted it";
}

function checkHistory(history: readonly HistoryEntry[]): string | undefined {
  const numbered = history.every(({ step }, at) => step === at);
  const verified = history.some(({ from, to }) => from === "verifying" && to === "awaiting_settlement");
  if (numbered && verified && foldHistory(history) === "awaiting_settlement") return undefined;
  return "its history does not lead through verification";
}

/** What the item's units are owed for; or why they are not what was read. */
function contributionsOf({ ownersOf }: CheckContext, parsed: ParsedItem): ArchivedItem["contributions"] | string {
  const contributions: ArchivedItem["contributions"] = [];
  const read = new Map<string, number>();
  for (const { snapshot } of parsed.assignment.bindings) {
    const { vault, size } = snapshot;
    const owners = ownersOf(snapshot);
    if (owners?.digest !== snapshot.digest) return "a source is not a snapshot that was taken";
    contributions.push({ vault, operator: owners.operator, producers: [...owners.producers], records: size });
    read.set(vault, (read.get(vault) ?? 0) + size);
  }
  const claimed = new Map<string, number>();
  for (const { vault, records } of parsed.bundle.units.vaults) claimed.set(vault, (claimed.get(vault) ?? 0) + records);
  const total = [...read.values()].reduce((sum, records) => sum + records, 0);
  const same = claimed.size === read.size && [...read].every(([vault, records]) => claimed.get(vault) === records);
  return same && total === parsed.bundle.units.records ? contributions : "its units are not what was read";
}

/**
 * A task's canonical history as far as it is settled: up to its verification. A challenge that came later and was not upheld is one
 * node's own affair; it changes neither the root nor what is proven against it.
 */
export function settledHistory(taskId: Hex, history: readonly HistoryEntry[]): readonly string[] {
  const end = history.findLastIndex(({ from, to }) => from === "verifying" && to === "awaiting_settlement") + 1;
  return history.slice(0, end).map((move) => canonicalMove(taskId, move.step, move));
}

function settledItem(parsed: ParsedItem, texts: Texts, contributions: ArchivedItem["contributions"]): SettledItem {
  const { stored, bundle, assignment, resultTexts, decisions } = parsed;
  const { taskId } = stored;
  const history = settledHistory(taskId, stored.history);
  const signed = texts.decisions.map(
    ({ decision, evidence }, at) =>
      `{"decision":${decision},"evidence":${evidence},"signature":"${decisions[at]?.stored.signature ?? "0x"}"}`,
  );
  // The canonical text of an ArchivedItem, put together from texts that are canonical: its keys are in their order.
  const line =
    `{"accessLog":${texts.accessLog},"assignment":${canonicalText(assignment)},"bundle":${texts.bundle}` +
    `,"bundleSignature":"${resultTexts.signature}","contributions":${canonicalText(contributions)}` +
    `,"decisions":[${signed.join()}],"envelope":${texts.envelope}` +
    `,"envelopeSignature":${canonicalText(stored.envelopeSignature)},"history":${canonicalText(history)}` +
    `,"resolution":${texts.resolution},"result":${texts.result},"taskId":"${taskId}","transcript":${texts.transcript}}`;
  return {
    taskId,
    line,
    result: {
      taskId,
      resultCommitment: bundle.outputCommitment,
      bundleId: resultTexts.bundleId,
      decisionId: decisions[0]?.stored.decisionId ?? taskId,
    },
    evidence: decisions.map(({ decision }) => ({ taskId, evidenceHash: decision.evidenceHash })),
    contribution: {
      fee: BigInt(bundle.fee),
      executor: bundle.executor,
      verifiers: decisions.map(({ decision }) => decision.verifier),
      records: bundle.units.records,
      vaults: contributions,
    },
    history,
  };
}
