// Checks one item again before it is settled: a pure function of what is stored of it and of what its epoch allows.
import { canonicalText } from "#protocol/canonical.ts";
import { feeOf } from "#protocol/fees.ts";
import { foldHistory } from "#protocol/histories.ts";
import { taskLifecycle } from "#protocol/lifecycles.ts";
import {
  bundleDigest,
  decisionDigest,
  envelopeDigest,
  resolutionIdOf,
  type MessageDomain,
} from "#protocol/messages.ts";
import type { RegistryIndex } from "#protocol/resolution.ts";
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
import { settledItem, type ItemTexts, type SettledItem } from "./settled-item.ts";

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
  readonly signatures: SignatureTrust;
};

/** Whether signatures count as they were admitted, each checked then, or are all checked again. */
export type SignatureTrust = "as_admitted" | "checked_again";

function isSignedBy({ signatures }: CheckContext, account: Hex, digest: () => Uint8Array, signature: string): boolean {
  return signatures === "as_admitted" || recover(digest(), signature) === account;
}

/** What became of an item: settled, or left out for a reason that is published with the epoch. */
export type ItemVerdict =
  | { readonly kind: "settled"; readonly item: SettledItem }
  | { readonly kind: "excluded"; readonly taskId: Hex; readonly reason: string };

/** Whether the reason for leaving an item out is its state alone: nothing speaks against settling it later. */
export function isHeldBack(reason: string): boolean {
  return Object.hasOwn(taskLifecycle.states, reason);
}

/**
 * Checks one member of a closed epoch (SETL-02): it waits for settlement, every id is recomputed from the bytes, every actor
 * had the role when it acted, what was read is what was bound, the fee is the policy's, and its history leads through
 * verification. Signatures are recovered where the context says so.
 * @param parsed what its texts say, where somebody has read them already
 */
export function checkItem(context: CheckContext, stored: StoredItem, parsed = parseItem(stored)): ItemVerdict {
  const { taskId, state } = stored;
  const excluded = (reason: string): ItemVerdict => ({ kind: "excluded", taskId, reason });
  if (state !== "awaiting_settlement") return excluded(state);
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

/** The canonical texts of an item, each the one that its id commits to; or which of them is not. */
function checkTexts(parsed: ParsedItem): ItemTexts | string {
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
function checkMeaning(context: CheckContext, parsed: ParsedItem, texts: ItemTexts): string | undefined {
  const { domain, registries } = context;
  const { stored, envelope } = parsed;
  const { envelopeSignature } = stored;
  if (
    envelopeSignature !== null &&
    !isSignedBy(context, envelope.submitter, () => envelopeDigest(domain, envelope), envelopeSignature)
  ) {
    return "the envelope's signature is not its submitter's";
  }
  const registry = registries.get(envelope.semanticVersion);
  if (registry !== undefined && meaningIn(registry, envelope) === texts.resolution) return undefined;
  return "its resolution is not what its registry gives";
}

function checkExecution(context: CheckContext, parsed: ParsedItem): string | undefined {
  const { domain, policies, heldRole } = context;
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
  const signed = (): Uint8Array => bundleDigest(domain, taskId, resultTexts.bundleId);
  if (!isSignedBy(context, bundle.executor, signed, resultTexts.signature)) {
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

function checkDecisions(context: CheckContext, parsed: ParsedItem): string | undefined {
  const { domain, policies, heldRole } = context;
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
    const { decisionId } = admitted;
    const signed = (): Uint8Array => decisionDigest(domain, { taskId, bundleId, decisionId, verdict });
    if (!isSignedBy(context, verifier, signed, admitted.signature)) {
      return "a decision's signature is not its verifier's";
    }
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
