// A node's five middle layers wired over a database as the command line does it, without processes, ports or configuration.
import { createHash, randomBytes } from "node:crypto";
import { deadlineStep } from "#coordination/deadlines.ts";
import { handoffStep } from "#coordination/handoff.ts";
import type { Step } from "#coordination/loop.ts";
import { decideRetry } from "#coordination/retry.ts";
import { defineCollection } from "#data/collections.ts";
import { giveGrant } from "#data/grants.ts";
import { ingest } from "#data/ingest.ts";
import { openCollections } from "#data/open-collections.ts";
import { PlaintextCache } from "#data/plaintext-cache.ts";
import { executeStep, type ExecuteDeps } from "#execution/execute-step.ts";
import { openLog } from "#observability/log.ts";
import { openMetrics } from "#observability/metrics.ts";
import type { Hex } from "#protocol/hash.ts";
import { grantDigest, taskIdOf, type MessageDomain } from "#protocol/messages.ts";
import { canonicalText } from "#protocol/canonical.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type { Program, Source, TaskEnvelope } from "#protocol/schemas/task.ts";
import type { CanonicalRecord, Grant } from "#protocol/schemas/vault.ts";
import { resolveStep } from "#semantic/resolve-step.ts";
import { publishPolicy, publishRegistry } from "#semantic/publish.ts";
import { deposit } from "#storage/budgets.ts";
import type { Database } from "#storage/database.ts";
import { admitTasks, lockSubmitters } from "#storage/intake.ts";
import { openDocuments } from "#storage/registry.ts";
import { registerActor } from "#storage/tokens.ts";
import { reviewStep } from "#verification/review-step.ts";
import { verifyStep, type VerifyDeps } from "#verification/verify-step.ts";
import { actor, type Actor } from "./actors.ts";

export const domain: MessageDomain = { chainId: 31337n, anchor: `0x${"a1".repeat(20)}` };
export const masterKey = createHash("sha256").update("the tests' master key").digest();
export const executor = actor("executor");
export const verifier = actor("verifier");
export const submitter = actor("submitter");
export const producer = actor("producer");

/** A clock that stands until it is told. */
export function openClock(start = "2026-03-01T12:00:00.000Z") {
  let now = new Date(start);
  return {
    now: (): Date => now,
    advance: (seconds: number): void => {
      now = new Date(now.getTime() + seconds * 1000);
    },
  };
}

export type LayerOptions = {
  readonly clock: () => Date;
  readonly holder?: string;
  readonly batchLimit?: number;
  readonly verifiers?: readonly Actor[];
  readonly openForExecution?: ExecuteDeps["openCollections"];
  readonly openForVerification?: VerifyDeps["openCollections"];
  readonly masterKey?: Uint8Array;
  readonly executor?: Actor;
};

/** The steps of one process, by name, and what they share. */
export type Layers = Readonly<Record<"handoff" | "resolve" | "execute" | "verify" | "review" | "deadlines", Step>> & {
  readonly cache: PlaintextCache;
};

const log = openLog({ level: "silent", destination: { write: () => undefined, pendingBytes: () => 0 } });

/** Wires the layers of one process. */
export function openLayers(database: Database, options: LayerOptions): Layers {
  const { clock, holder = "process-1", verifiers = [verifier] } = options;
  const metrics = openMetrics();
  const documents = openDocuments();
  const cache = new PlaintextCache({ database, masterKey: options.masterKey ?? masterKey, metrics });
  const batch = options.batchLimit === undefined ? {} : { batchLimit: options.batchLimit };
  const shared = { database, clock, log, metrics, documents, holder, domain, decideRetry, ...batch };
  const data = { database, clock, metrics, cache };
  return {
    cache,
    handoff: handoffStep(shared),
    resolve: resolveStep(shared),
    execute: executeStep({
      ...shared,
      executor: options.executor ?? executor,
      openCollections:
        options.openForExecution ?? (async (accesses, reader) => await openCollections(data, accesses, reader)),
    }),
    verify: verifyStep({
      ...shared,
      verifiers,
      openCollections:
        options.openForVerification ?? (async (accesses, reader) => await openCollections(data, accesses, reader)),
    }),
    review: reviewStep({
      ...shared,
      verifiers,
      openCollections:
        options.openForVerification ?? (async (accesses, reader) => await openCollections(data, accesses, reader)),
    }),
    deadlines: deadlineStep(shared),
  };
}

/** Publishes documents, and registers the tests' actors. */
export async function publish(database: Database, registry: Registry, policy: Policy, now: Date): Promise<void> {
  await publishRegistry(database, registry, { by: "test", now });
  await publishPolicy(database, policy, { by: "test", now });
  await registerActor(database, { address: executor.address, roles: ["executor"] }, "test", now);
  await registerActor(database, { address: verifier.address, roles: ["verifier"] }, "test", now);
}

/** A vault with one collection and its operator, filled with records. */
export type TestVault = {
  readonly vault: string;
  readonly collection: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly records: readonly CanonicalRecord[];
};

/** The operator of a vault. */
export const operatorOf = (vault: string): Actor => actor(`operator of ${vault}`);

/** Defines a collection and adds its records in batches of `batchSize`. */
export async function fillVault(
  database: Database,
  { vault, collection, fields, records }: TestVault,
  options: { readonly clock: () => Date; readonly batchSize?: number; readonly from?: number },
): Promise<void> {
  const { clock, batchSize = 5_000, from = 0 } = options;
  const deps = { database, clock, random: (size: number) => randomBytes(size), masterKey };
  await defineCollection(deps, { vault, collection, operator: operatorOf(vault).address, fields: { ...fields } });
  for (let at = from; at < records.length; at += batchSize) {
    const batch = records.slice(at, at + batchSize);
    const numbered = batch.map((record, index) => ({ recordId: `record-${at + index}`, record }));
    await ingest(deps, vault, collection, { producer: producer.address, records: numbered });
  }
}

/** Grants a submitter protected queries over a collection. */
export async function grantQueries(
  database: Database,
  { vault, collection }: Source,
  more: Partial<Grant> & { readonly clock: () => Date },
): Promise<Hex> {
  const { clock, ...changes } = more;
  const untilSeconds = Math.floor(clock().getTime() / 1000) + 86_400;
  const grant: Grant = {
    vault,
    collection,
    grantee: submitter.address,
    programs: ["protected_query"],
    untilSeconds,
    nonce: "1",
    ...changes,
  };
  const signature = operatorOf(vault).sign(grantDigest(domain, grant));
  return (await giveGrant({ database, clock, domain }, grant, signature)).grantId;
}

/** An envelope for a program; `key` makes it another task. */
export function envelopeOf(
  program: Program,
  sources: readonly Source[],
  key: string,
  more: Partial<TaskEnvelope> = {},
) {
  const envelope: TaskEnvelope = {
    schemaVersion: "1.0",
    semanticVersion: "2026.1",
    policyVersion: "1",
    scope: "trade",
    submitter: submitter.address,
    program,
    inputs: { sources: [...sources] },
    seed: `0x${"00".repeat(32)}`,
    feeLimit: "1000000",
    idempotencyKey: key,
    expiresAtSeconds: 2_000_000_000,
    ...more,
  };
  return { envelope, taskId: taskIdOf(envelope) };
}

/** Gives a submitter a budget. */
export async function giveBudget(database: Database, account: Hex, amount: bigint, now: Date): Promise<void> {
  await deposit(database, { account, amount: String(amount), reference: `test ${account}` }, "test", now);
}

/** Writes tasks as admitted, the way intake does; they have ten minutes to be handed over. */
export async function admit(
  database: Database,
  envelopes: readonly TaskEnvelope[],
  now: Date,
): Promise<readonly Hex[]> {
  const admissions = envelopes.map((envelope) => ({
    taskId: taskIdOf(envelope),
    scope: envelope.scope,
    submitter: envelope.submitter,
    idempotencyKey: envelope.idempotencyKey,
    envelopeText: canonicalText(envelope),
    signature: null,
    feeLimit: BigInt(envelope.feeLimit),
    versions: { schema: envelope.schemaVersion, semantic: envelope.semanticVersion, policy: envelope.policyVersion },
    deadlineAt: new Date(now.getTime() + 600_000),
    window: { submitter: envelope.submitter, startSeconds: Math.floor(now.getTime() / 3_600_000) * 3_600 },
  }));
  await database.transaction(async (transaction) => {
    await lockSubmitters(
      transaction,
      admissions,
      admissions.map(({ window }) => window),
    );
    await admitTasks(transaction, admissions, "application", now);
  });
  return admissions.map(({ taskId }) => taskId);
}
