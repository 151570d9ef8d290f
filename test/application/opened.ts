// An application over a database of the test's own, with actors, tokens and published documents; ports answer from memory.
import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { canonicalText } from "#protocol/canonical.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex, contentId, hexToBytes, type Hex } from "#protocol/hash.ts";
import { grantIdOf, type MessageDomain } from "#protocol/messages.ts";
import { policyDigest, registryDigest } from "#protocol/parameters.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { ActorRole } from "#protocol/schemas/vault.ts";
import { addressOf } from "#protocol/signature.ts";
import { governanceOrders } from "#cli/wiring/governance.ts";
import { carryOut } from "#semantic/govern.ts";
import { readDraft } from "#semantic/registry-draft.ts";
import type { ApplicationLimits, Observation, Ports } from "#application/ports.ts";
import type { TokenScope } from "#application/scopes.ts";
import { openApplication } from "#application/server.ts";
import { deposit } from "#storage/budgets.ts";
import { openDatabase, type Database, type Queryable } from "#storage/database.ts";
import { issueToken, registerActor } from "#storage/tokens.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";
import { quietPolicyParts } from "#test/setup/policy-parts.ts";

/** The chain and anchor that signatures of these tests are for. */
export const domain: MessageDomain = { chainId: 31_337n, anchor: `0x${"a1".repeat(20)}` };

/** The time that the tests' clock begins at. */
export const startOfTests = new Date("2026-11-21T12:00:00.000Z");

const stage = { deadlineSeconds: 600, maximumAttempts: 5, backoffMilliseconds: 200 };

export const policy: Policy = {
  policyVersion: "1",
  stages: { accepted: stage, resolving: stage, dispatched: stage, verifying: stage },
  fees: { base: "100", perThousandRecords: "10" },
  minimumGroupSize: 10,
  verifiers: 1,
  quota: { tasksPerWindow: 100_000, windowSeconds: 3_600 },
  epochs: { maximumSeconds: 86_400, maximumTasks: 1_000 },
  rewards: {
    shares: { producers: 3_000, vaults: 2_500, executors: 2_500, verifiers: 1_500, treasury: 500 },
    subsidy: "0",
    treasuryAccount: `0x${"ee".repeat(20)}`,
  },
  ...quietPolicyParts,
  envelopeLifetimeSeconds: 86_400,
};

const registry = { semanticVersion: "2026.1", domains: [], attributes: [], queryAttributes: [] };

/** An actor of the tests: its key is made from its number. */
export type Actor = { readonly key: Hex; readonly address: Hex };

export function actor(number: number): Actor {
  const key = bytesToHex(hexToBytes(contentId("test.actor", number)));
  return { key, address: addressOf(key) };
}

/** What the ports were asked, and what they answer with. */
export type RecordedPorts = Ports & { readonly asked: { readonly port: string; readonly input: unknown }[] };

/** Ports that keep grants and collections where the real ones would, and answer the rest from memory. */
function recordedPorts(database: Database, now: () => Date): RecordedPorts {
  const asked: RecordedPorts["asked"] = [];
  return {
    asked,
    defineCollection: async (definition) => {
      asked.push({ port: "defineCollection", input: definition });
      await database.query(
        `INSERT INTO ledger.collection (vault, collection, operator, fields, wrapped_key, at) VALUES ($1, $2, $3, $4, '', $5)
          ON CONFLICT DO NOTHING`,
        [
          definition.vault,
          definition.collection,
          hexToBytes(definition.operator),
          canonicalText(definition.fields),
          now(),
        ],
      );
    },
    ingest: (vault, collection, batch) => {
      asked.push({ port: "ingest", input: { vault, collection, batch } });
      const commitments = batch.records.map(({ record }) => contentId("test.record", record));
      const digest = contentId("test.batch", commitments);
      return Promise.resolve({ added: commitments.length, repeated: 0, size: commitments.length, digest, commitments });
    },
    grant: async (grant, signature) => {
      asked.push({ port: "grant", input: { grant, signature } });
      const grantId = grantIdOf(grant);
      await database.query(
        `INSERT INTO ledger.vault_grant (grant_id, vault, collection, grantee, programs, until, body, signature, at)
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
        [
          hexToBytes(grantId),
          grant.vault,
          grant.collection,
          hexToBytes(grant.grantee),
          grant.programs,
          new Date(grant.untilSeconds * 1000),
          canonicalText(grant),
          signature === null ? null : hexToBytes(signature),
          now(),
        ],
      );
      return { grantId };
    },
    revokeGrant: async (grantId) => {
      asked.push({ port: "revokeGrant", input: grantId });
      await database.query(`INSERT INTO ledger.grant_revocation (grant_id, at) VALUES ($1, $2)`, [
        hexToBytes(grantId),
        now(),
      ]);
    },
    govern: async (act, signature) => {
      asked.push({ port: "govern", input: { act, signature } });
      return await carryOut({ database, clock: now, domain, orders: governanceOrders }, act, signature);
    },
    readDraft: async (version) => await readDraft(database, version),
    readObject: (digest) => {
      asked.push({ port: "readObject", input: digest });
      return Promise.reject(new ProtocolError("INTERNAL_OBJECT_UNREACHABLE", { digest, reason: "absent" }));
    },
    proofOf: (request) => {
      asked.push({ port: "proofOf", input: request });
      return Promise.reject(new ProtocolError("PROOF_NOT_READY"));
    },
    metrics: () => Promise.resolve("# HELP scs_tasks Tasks.\n"),
    ready: () => Promise.resolve(),
  };
}

/** Publishes a registry, a policy and a roll-out of both for the scope `main`. */
export async function publish(database: Queryable, published: Policy = policy, at = startOfTests): Promise<void> {
  await database.query(
    `INSERT INTO ledger.registry (semantic_version, digest, body, published_at) VALUES ($1, $2, $3, $4)`,
    [registry.semanticVersion, hexToBytes(registryDigest(registry)), canonicalText(registry), at],
  );
  await database.query(
    `INSERT INTO ledger.policy (policy_version, digest, body, published_at) VALUES ($1, $2, $3, $4)`,
    [published.policyVersion, hexToBytes(policyDigest(published)), canonicalText(published), at],
  );
  await database.query(
    `INSERT INTO ledger.rollout (scope, from_epoch, semantic_versions, policy_versions, ordered_at) VALUES ('main', 1, $1, $2, $3)`,
    [[registry.semanticVersion], [published.policyVersion], at],
  );
}

export type Opened = {
  readonly app: FastifyInstance;
  readonly database: Database;
  readonly testDatabase: TestDatabase;
  readonly ports: RecordedPorts;
  /** The clock of the application; what is assigned to `now` is what it shows. */
  readonly clock: { now: Date };
  /** Every line that was logged. */
  readonly logged: string[];
  readonly observed: Observation[];
  /** Gives an address roles and, for a submitter, a budget. */
  readonly enrol: (address: Hex, roles: readonly ActorRole[], budget?: bigint) => Promise<void>;
  /** A token for a day. */
  readonly token: (subject: string, ...scopes: readonly TokenScope[]) => Promise<string>;
  readonly close: () => Promise<void>;
};

export type OpenOptions = {
  readonly policy?: Policy;
  readonly limits?: Partial<ApplicationLimits>;
  readonly ports?: Partial<Ports>;
};

/** No limit on anonymous requests unless a test asks for one: the tests come from one address. */
const unlimited: Partial<ApplicationLimits> = { anonymousRequestsPerSecond: 1_000_000 };

/** Opens an application over a fresh database with the documents published. Close it in `afterAll`. */
export async function openTestApplication(options: OpenOptions = {}): Promise<Opened> {
  const testDatabase = await createTestDatabase();
  const database = openDatabase({
    url: testDatabase.urls.node,
    applicationName: "application test",
    maxConnections: 8,
    statementTimeoutMs: 30_000,
  });
  const clock = { now: startOfTests };
  await publish(database, options.policy);
  const logged: string[] = [];
  const observed: Observation[] = [];
  const ports = recordedPorts(database, () => clock.now);
  const app = await openApplication({
    database,
    clock: () => clock.now,
    random: randomBytes,
    log: pino({ level: "trace" }, { write: (line: string) => void logged.push(line) }),
    domain,
    ports: { ...ports, ...options.ports },
    limits: { ...unlimited, ...options.limits },
    observe: (observation) => void observed.push(observation),
  });
  return {
    app,
    database,
    testDatabase,
    ports,
    clock,
    logged,
    observed,
    enrol: async (address, roles, budget = 0n) => {
      await registerActor(database, { address, roles }, "test", clock.now);
      const amount = String(budget);
      if (budget > 0n) await deposit(database, { account: address, amount, reference: "first" }, "test", clock.now);
    },
    token: async (subject, ...scopes) => {
      const until = new Date(clock.now.getTime() + 86_400_000);
      return await issueToken(database, { subject, scopes, until }, { random: randomBytes, now: clock.now });
    },
    close: async () => {
      await app.close();
      await database.close();
      await testDatabase.drop();
    },
  };
}
