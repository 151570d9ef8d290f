// Stores finished tasks, and what they refer to, as the layers before settlement would have.
import { canonicalText } from "#protocol/canonical.ts";
import { contentId, hexToBytes, type Hex } from "#protocol/hash.ts";
import { policyDigest, registryDigest } from "#protocol/parameters.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import { accountNames, post, type Posting } from "#storage/accounts.ts";
import type { Database, Queryable } from "#storage/database.ts";
import { registry } from "./finished-meaning.ts";
import {
  collections,
  executors,
  historyOf,
  policy,
  producers,
  published,
  scope,
  snapshotDigest,
  submitters,
  verifiers,
  type FinishedTask,
} from "./finished-tasks.ts";

/** Publishes what tasks refer to: documents, roll-out, actors, collections with records and snapshots. */
export async function publishGround(database: Database, used: Policy = policy): Promise<void> {
  await database.query(
    `INSERT INTO ledger.registry (semantic_version, digest, body, published_at) VALUES ($1, $2, $3, $4)`,
    [registry.semanticVersion, hexToBytes(registryDigest(registry)), canonicalText(registry), published],
  );
  await database.query(
    `INSERT INTO ledger.policy (policy_version, digest, body, published_at) VALUES ($1, $2, $3, $4)`,
    [used.policyVersion, hexToBytes(policyDigest(used)), canonicalText(used), published],
  );
  await database.query(`INSERT INTO ledger.rollout VALUES ($1, 1, $2, $3, $4)`, [scope, ["1.0"], ["1.0"], published]);
  const roles: [readonly Hex[], string][] = [
    [submitters, "task_submitter"],
    [executors, "executor"],
    [verifiers, "verifier"],
  ];
  for (const [accounts, role] of roles) {
    for (const account of accounts) {
      await database.query(`INSERT INTO ledger.actor_role VALUES ($1, $2, 1, true, $3)`, [
        hexToBytes(account),
        role,
        published,
      ]);
    }
  }
  for (const { vault, collection, operator, sizes } of collections)
    await storeCollection(database, vault, collection, operator, sizes);
}

async function storeCollection(
  database: Database,
  vault: string,
  collection: string,
  operator: Hex,
  sizes: readonly number[],
): Promise<void> {
  await database.query(
    `INSERT INTO ledger.collection (vault, collection, operator, fields, wrapped_key, at) VALUES ($1, $2, $3, '{}', '\\x00', $4)`,
    [vault, collection, hexToBytes(operator), published],
  );
  const records = Array.from({ length: Math.max(...sizes) }, (_, position) => position);
  await database.query(
    `INSERT INTO ledger.record (vault, collection, position, record_id, producer, commitment, wrapped_key, ciphertext)
      SELECT $1, $2, position, 'r' || position, producer, sha256(producer || position::text::bytea), '\\x00', '\\x00'
      FROM unnest($3::bigint[], $4::bytea[]) AS r (position, producer)`,
    [vault, collection, records, records.map((at) => hexToBytes(producers[at % producers.length] ?? "0x"))],
  );
  for (const size of sizes) {
    await database.query(`INSERT INTO ledger.snapshot VALUES ($1, $2, $3, $4, $5)`, [
      vault,
      collection,
      size,
      hexToBytes(snapshotDigest(vault, collection, size)),
      published,
    ]);
  }
}

/** Stores finished tasks in the order given, with their histories and reserved budgets. */
export async function storeFinished(database: Database, tasks: readonly FinishedTask[], now: Date): Promise<void> {
  for (let from = 0; from < tasks.length; from += 1000) {
    const part = tasks.slice(from, from + 1000);
    await database.transaction(async (transaction) => {
      await storeTasks(transaction, part, now);
      await storeArtifacts(transaction, part);
      await storeHistories(transaction, part, now);
      await post(transaction, part.flatMap(reservationOf), now);
    });
  }
}

function reservationOf({ taskId, envelope }: FinishedTask): readonly Posting[] {
  const { submitter, feeLimit } = envelope;
  const [budget, reserved] = [accountNames.budget(submitter), accountNames.reserved(submitter)];
  const about = { amount: BigInt(feeLimit), reference: taskId };
  return [
    { kind: "deposit", debit: accountNames.external, credit: budget, ...about },
    { kind: "reserve", debit: budget, credit: reserved, ...about },
  ];
}

async function storeTasks(transaction: Queryable, tasks: readonly FinishedTask[], now: Date): Promise<void> {
  const columns = [
    tasks.map(({ taskId }) => hexToBytes(taskId)),
    tasks.map(({ envelope }) => hexToBytes(envelope.submitter)),
    tasks.map(({ envelope }) => envelope.idempotencyKey),
    tasks.map(({ envelope }) => canonicalText(envelope)),
    tasks.map(({ envelope }) => BigInt(envelope.feeLimit)),
    tasks.map(({ envelopeSignature }) => envelopeSignature && hexToBytes(envelopeSignature)),
    tasks.map(({ envelope }) => envelope.scope),
  ];
  await transaction.query(
    `INSERT INTO ledger.task (task_id, scope, submitter, idempotency_key, envelope, fee_limit, signature, accepted_at)
      SELECT task_id, scope, submitter, key, envelope, fee, signature, $8
      FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::text[], $5::numeric[], $6::bytea[], $7::text[])
        AS t (task_id, submitter, key, envelope, fee, signature, scope)`,
    [...columns, now],
  );
  await transaction.query(
    `INSERT INTO work.task (task_id, scope, submitter, state, schema_version, semantic_version, policy_version, moves, fence, due_at)
      SELECT task_id, scope, submitter, 'awaiting_settlement', '1.0', '1.0', '1.0', 5, 4, $4
      FROM unnest($1::bytea[], $2::bytea[], $3::text[]) WITH ORDINALITY AS t (task_id, submitter, scope, position)
      ORDER BY position`,
    [columns[0] ?? [], columns[1] ?? [], columns[6] ?? [], now],
  );
}

async function storeArtifacts(transaction: Queryable, tasks: readonly FinishedTask[]): Promise<void> {
  const ids = tasks.map(({ taskId }) => hexToBytes(taskId));
  await transaction.query(
    `INSERT INTO ledger.assignment (task_id, resolution_id, resolution, body)
      SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::text[])`,
    [
      ids,
      tasks.map(({ resolutionId }) => hexToBytes(resolutionId)),
      tasks.map(({ resolution }) => resolution),
      tasks.map(({ assignment }) => assignment),
    ],
  );
  await transaction.query(
    `INSERT INTO ledger.result (bundle_id, task_id, executor, bundle, signature, result, transcript, access_log)
      SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::text[])`,
    [
      tasks.map(({ bundleId }) => hexToBytes(bundleId)),
      ids,
      tasks.map(({ bundle }) => hexToBytes(bundle.executor)),
      tasks.map(({ bundle }) => canonicalText(bundle)),
      tasks.map(({ bundleSignature }) => hexToBytes(bundleSignature)),
      tasks.map(({ result }) => result),
      tasks.map(({ transcript }) => transcript),
      tasks.map(({ accessLog }) => accessLog),
    ],
  );
  const decided = tasks.flatMap((task) => task.decisions.map((decision) => ({ ...decision, task })));
  await transaction.query(
    `INSERT INTO ledger.decision (decision_id, task_id, bundle_id, verifier, verdict, body, evidence, signature)
      SELECT decision_id, task_id, bundle_id, verifier, 'accepted', body, evidence, signature
      FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::text[], $7::bytea[])
        AS d (decision_id, task_id, bundle_id, verifier, body, evidence, signature)`,
    [
      decided.map(({ decisionId }) => hexToBytes(decisionId)),
      decided.map(({ task }) => hexToBytes(task.taskId)),
      decided.map(({ task }) => hexToBytes(task.bundleId)),
      decided.map(({ verifier }) => hexToBytes(verifier)),
      decided.map(({ body }) => body),
      decided.map(({ evidence }) => evidence),
      decided.map(({ signature }) => hexToBytes(signature)),
    ],
  );
}

async function storeHistories(transaction: Queryable, tasks: readonly FinishedTask[], now: Date): Promise<void> {
  const entries = tasks.flatMap((task) => historyOf(task).map((body) => ({ taskId: task.taskId, body })));
  await transaction.query(
    `INSERT INTO ledger.journal (kind, subject, body, at) SELECT 'task', subject, body, $3
      FROM unnest($1::bytea[], $2::text[]) WITH ORDINALITY AS e (subject, body, position) ORDER BY position`,
    [entries.map(({ taskId }) => hexToBytes(taskId)), entries.map(({ body }) => body), now],
  );
}

/** Records that an account owes a penalty, for a challenge of a task that was upheld; answers the penalty's id. */
export async function storePenalty(
  database: Database,
  owed: { readonly task: FinishedTask; readonly account: Hex; readonly amount: bigint; readonly scope?: string },
): Promise<Hex> {
  const { task, account, amount, scope: of = scope } = owed;
  const [decision] = task.decisions;
  const challengeId = contentId("test.challenge", task.taskId);
  const penaltyId = contentId("test.penalty", { challengeId, account, amount: String(amount) });
  await database.query(
    `INSERT INTO ledger.challenge (challenge_id, origin, task_id, decision_id, scope, challenger, body, at)
      VALUES ($1, 'disagreement', $2, $3, $4, $5, '{}', $6) ON CONFLICT (challenge_id) DO NOTHING`,
    [
      hexToBytes(challengeId),
      hexToBytes(task.taskId),
      hexToBytes(decision?.decisionId ?? "0x"),
      of,
      hexToBytes(account),
      published,
    ],
  );
  await database.query(
    `INSERT INTO ledger.penalty (penalty_id, challenge_id, scope, account, amount, body, at) VALUES ($1, $2, $3, $4, $5, '{}', $6)`,
    [hexToBytes(penaltyId), hexToBytes(challengeId), of, hexToBytes(account), amount, published],
  );
  return penaltyId;
}
