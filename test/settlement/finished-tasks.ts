// Makes finished tasks, verified and waiting for settlement, and stores them as the layers before would have.
import { canonicalText } from "#protocol/canonical.ts";
import { feeOf } from "#protocol/fees.ts";
import { commitment, contentId, type Hex } from "#protocol/hash.ts";
import type { TaskState } from "#protocol/lifecycles.ts";
import {
  accessLogIdOf,
  bundleDigest,
  bundleIdOf,
  decisionDigest,
  decisionIdOf,
  envelopeDigest,
  evidenceHashOf,
  resolutionIdOf,
  taskIdOf,
  transcriptIdOf,
} from "#protocol/messages.ts";
import type { ExecutionResultBundle, QueryResult } from "#protocol/schemas/execution.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import type { AnchorPlace } from "#protocol/settlement-root.ts";
import { indexRegistry } from "#protocol/resolution.ts";
import { addressOf, sign } from "#protocol/signature.ts";
import type { CheckContext, SourceOwners } from "#settlement/item-check.ts";
import type { StoredItem } from "#storage/settlement-items.ts";
import { admissionBody, type HistoryEntry } from "#storage/tasks.ts";
import { quietPolicyParts } from "#test/setup/policy-parts.ts";
import { registry, resolutionOf, wordOf } from "./finished-meaning.ts";

export const scope = "films";
export const place: AnchorPlace = { chainId: 31337n, anchor: `0x${"a1".repeat(20)}` };

const keyOf = (name: string): Hex => contentId("test.key", name);
const submitterKeys = ["alice", "bob", "carol"].map(keyOf);
const executorKeys = ["executor-1", "executor-2"].map(keyOf);
const verifierKeys = ["verifier-1", "verifier-2"].map(keyOf);

export const submitters = submitterKeys.map(addressOf);
export const executors = executorKeys.map(addressOf);
export const verifiers = verifierKeys.map(addressOf);
export const treasuryAccount = addressOf(keyOf("treasury"));
export const operators = ["operator-1", "operator-2"].map((name) => addressOf(keyOf(name)));
export const producers = ["producer-1", "producer-2", "producer-3"].map((name) => addressOf(keyOf(name)));

const stage = { deadlineSeconds: 3600, maximumAttempts: 3, backoffMilliseconds: 100 };

export const policy: Policy = {
  policyVersion: "1.0",
  stages: { accepted: stage, resolving: stage, dispatched: stage, verifying: stage },
  fees: { base: "1000", perThousandRecords: "37" },
  minimumGroupSize: 5,
  verifiers: 1,
  quota: { tasksPerWindow: 1_000_000, windowSeconds: 60 },
  epochs: { maximumSeconds: 3600, maximumTasks: 1_000_000 },
  rewards: {
    shares: { producers: 3000, vaults: 2500, executors: 2000, verifiers: 1500, treasury: 1000 },
    subsidy: "777",
    treasuryAccount,
  },
  ...quietPolicyParts,
  envelopeLifetimeSeconds: 3600,
};

export const collections = [
  { vault: "vault-1", collection: "films", operator: operators[0] ?? "0x", sizes: [40, 64] },
  { vault: "vault-2", collection: "films", operator: operators[1] ?? "0x", sizes: [33] },
] as const;

export const snapshotDigest = (vault: string, collection: string, size: number): Hex =>
  contentId("test.snapshot", { vault, collection, size });

export const published = new Date("2026-01-01T00:00:00.000Z");

/** A finished task with everything that is stored of it. */
export type FinishedTask = {
  readonly taskId: Hex;
  readonly envelope: TaskEnvelope;
  /** Null where a bearer token stood for it. */
  readonly envelopeSignature: Hex | null;
  readonly resolutionId: Hex;
  readonly resolution: string;
  readonly assignment: string;
  readonly bundleId: Hex;
  readonly bundle: ExecutionResultBundle;
  readonly bundleSignature: Hex;
  readonly result: string;
  readonly transcript: string;
  readonly accessLog: string;
  readonly decisions: readonly {
    readonly decisionId: Hex;
    readonly verifier: Hex;
    readonly body: string;
    readonly evidence: string;
    readonly signature: Hex;
  }[];
};

const pick = <T>(list: readonly T[], at: number): T => {
  const found = list[at % list.length];
  if (found === undefined) throw new Error("an empty list");
  return found;
};

/** Some tasks came with a bearer token and without a signature. */
const isUnsigned = (number: number): boolean => number % 4 === 3;

/** The envelope of the task with a number, over one collection or two. */
function envelopeOf(number: number, sources: readonly number[], of: string): TaskEnvelope {
  const inputs = sources.map((at) => {
    const { vault, collection } = pick(collections, at);
    return { vault, collection };
  });
  return {
    schemaVersion: "1.0",
    semanticVersion: "1.0",
    policyVersion: "1.0",
    scope: of,
    submitter: pick(submitters, number),
    program: {
      kind: "protected_query",
      domain: "media.films",
      measure: { function: "count" },
      groupBy: wordOf(number),
    },
    inputs: { sources: inputs },
    seed: contentId("test.seed", number),
    feeLimit: "2000",
    idempotencyKey: `task-${number}`,
    expiresAtSeconds: 1_800_000_000,
  };
}

function bindingOf(number: number, source: number) {
  const { vault, collection, sizes } = pick(collections, source);
  const size = pick(sizes, number);
  const snapshot = { vault, collection, size, digest: snapshotDigest(vault, collection, size) };
  return {
    grantId: contentId("test.grant", { vault, number: number % 7 }),
    snapshot,
    fields: { "media.films/genre": "genre" },
  };
}

function resultOf(number: number): QueryResult {
  const groups = ["Comedy", "Drama", "Western"].map((key, at) => {
    const count = 10 + at + (number % 5);
    return { key, count, value: String(count), bins: null };
  });
  return { kind: "protected_query", scale: 0, groups, suppressedGroups: number % 2 };
}

function decisionBy(verifierKey: Hex, domain: AnchorPlace, bundle: ExecutionResultBundle) {
  const { taskId, resolutionId, outputCommitment, transcriptId } = bundle;
  const bundleId = bundleIdOf(bundle);
  const evidence = {
    taskId,
    bundleId,
    resolutionId,
    claimedCommitment: outputCommitment,
    recomputedCommitment: outputCommitment,
    transcriptId,
    recomputedTranscriptId: transcriptId,
  };
  const verifier = addressOf(verifierKey);
  const decision = {
    schemaVersion: "1.0",
    taskId,
    bundleId,
    verifier,
    verdict: "accepted" as const,
    method: "re_execution" as const,
    recomputedCommitment: outputCommitment,
    evidenceHash: evidenceHashOf(evidence),
  };
  const decisionId = decisionIdOf(decision);
  const signature = sign(decisionDigest(domain, { taskId, bundleId, decisionId, verdict: "accepted" }), verifierKey);
  return { decisionId, verifier, body: canonicalText(decision), evidence: canonicalText(evidence), signature };
}

/** The finished task with a number: the same number gives the same task, on every machine. */
export function finishedTask(
  number: number,
  options: { readonly place?: AnchorPlace; readonly verifiers?: number; readonly scope?: string } = {},
): FinishedTask {
  const { place: domain = place, verifiers = 1, scope: of = scope } = options;
  const sources = number % 3 === 0 ? [0, 1] : [number % 2];
  const envelope = envelopeOf(number, sources, of);
  const taskId = taskIdOf(envelope);
  const bindings = sources.map((source) => bindingOf(number, source));
  const units = {
    records: bindings.reduce((sum, { snapshot }) => sum + snapshot.size, 0),
    vaults: bindings.map(({ snapshot }) => ({ vault: snapshot.vault, records: snapshot.size })),
  };
  const fee = String(feeOf(policy, units.records));
  const resolution = resolutionOf(number);
  const resolutionId = resolutionIdOf({ resolution, bindings, fee });
  const result = resultOf(number);
  const outputCommitment = commitment(result);
  const projections = resolution.references.flatMap(({ projection }) => projection?.derivationRuleRef ?? []);
  const steps = bindings.map(({ snapshot }) => ({ ...snapshot, ...(projections.length > 0 && { projections }) }));
  const transcript = { taskId, resolutionId, runtime: "protected_query/1", steps, outputCommitment };
  const accessLog = { taskId, accesses: bindings.map(({ grantId, snapshot }) => ({ ...snapshot, grantId })) };
  const executorKey = pick(executorKeys, number);
  const bundle: ExecutionResultBundle = {
    schemaVersion: "1.0",
    taskId,
    executor: addressOf(executorKey),
    resolutionId,
    outputCommitment,
    transcriptId: transcriptIdOf(transcript),
    accessLogId: accessLogIdOf(accessLog),
    proofs: [],
    units,
    fee,
  };
  const bundleId = bundleIdOf(bundle);
  const signature = sign(envelopeDigest(domain, envelope), pick(submitterKeys, number));
  return {
    taskId,
    envelope,
    envelopeSignature: isUnsigned(number) ? null : signature,
    resolutionId,
    resolution: canonicalText(resolution),
    assignment: canonicalText({ schemaVersion: "1.0", taskId, resolutionId, fee, bindings }),
    bundleId,
    bundle,
    bundleSignature: sign(bundleDigest(domain, taskId, bundleId), executorKey),
    result: canonicalText(result),
    transcript: canonicalText(transcript),
    accessLog: canonicalText(accessLog),
    decisions: verifierKeys.slice(0, verifiers).map((key) => decisionBy(key, domain, bundle)),
  };
}

const route: readonly (readonly [TaskState, TaskState, string, string])[] = [
  ["accepted", "resolving", "coordination", "handed to the semantic layer"],
  ["resolving", "dispatched", "semantic", "domain, attributes and references resolved"],
  ["dispatched", "verifying", "execution", "a result bundle was admitted"],
  ["verifying", "awaiting_settlement", "verification", "enough verifiers accepted"],
];

export function historyOf({ envelope }: FinishedTask): readonly string[] {
  const versions = {
    schema: envelope.schemaVersion,
    semantic: envelope.semanticVersion,
    policy: envelope.policyVersion,
  };
  const moves = route.map(([from, to, by, why], at) => canonicalText({ from, to, by, why, step: at + 1, versions }));
  return [admissionBody(envelope.submitter, versions), ...moves];
}

/** A finished task as storage would read it back; histories carry the time given. */
export function storedItemOf(task: FinishedTask, at: Date): StoredItem {
  const { taskId, bundleId, bundle, bundleSignature: signature, result, transcript, accessLog } = task;
  const texts = { result, transcript, accessLog, bundle: canonicalText(bundle) };
  return {
    taskId,
    state: "awaiting_settlement",
    envelope: canonicalText(task.envelope),
    envelopeSignature: task.envelopeSignature,
    assignment: { resolutionId: task.resolutionId, resolution: task.resolution, body: task.assignment },
    result: { bundleId, executor: bundle.executor, signature, ...texts },
    decisions: task.decisions
      .map((decision) => ({ ...decision, bundleId, verdict: "accepted" }))
      .sort((a, b) => (a.verifier < b.verifier ? -1 : 1)),
    history: historyOf(task).map((body) => ({ ...(JSON.parse(body) as Omit<HistoryEntry, "at">), at })),
  };
}

/** What an epoch over finished tasks allows, as the settlement layer would have looked it up. */
export function checkContext(domain: AnchorPlace = place, used: Policy = policy): CheckContext {
  const owners = collections.flatMap(({ vault, collection, operator, sizes }) =>
    sizes.map((size): [string, SourceOwners] => {
      const given = producers.map((account, at) => ({ account, records: Math.ceil((size - at) / producers.length) }));
      const digest = snapshotDigest(vault, collection, size);
      const ordered = given.sort((a, b) => (a.account < b.account ? -1 : 1));
      return [`${vault}/${collection}/${size}`, { digest, operator, producers: ordered }];
    }),
  );
  const known = new Map(owners);
  const actors: Record<string, readonly Hex[]> = { executor: executors, verifier: verifiers };
  return {
    domain,
    scope,
    schemaVersions: ["1.0"],
    registries: new Map([["1.0", indexRegistry(registry)]]),
    policies: new Map([[used.policyVersion, used]]),
    heldRole: (account, role) => actors[role]?.includes(account) ?? false,
    ownersOf: ({ vault, collection, size }) => known.get(`${vault}/${collection}/${size}`),
    signatures: "checked_again",
  };
}
