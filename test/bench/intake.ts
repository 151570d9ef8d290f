// Durable intake over HTTP: signed and token submissions a second, acknowledged after commit, beside one transaction a request
// and beside the web framework alone.
import assert from "node:assert";
import { fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import fastify, { type FastifyInstance } from "fastify";
import { pino } from "pino";
import { canonicalText } from "#protocol/canonical.ts";
import { contentId, hexToBytes, type Hex } from "#protocol/hash.ts";
import { envelopeDigest, type MessageDomain } from "#protocol/messages.ts";
import { policyDigest, registryDigest } from "#protocol/parameters.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import { addressOf, sign } from "#protocol/signature.ts";
import type { Ports } from "#application/ports.ts";
import { openApplication } from "#application/server.ts";
import { deposit } from "#storage/budgets.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { migrate, migrationsFolder } from "#storage/migrate.ts";
import { dropDatabase, provisionDatabase } from "#storage/roles.ts";
import { issueToken, registerActor } from "#storage/tokens.ts";
import { converse } from "./converse.ts";
import type { BenchRow } from "./tree.ts";
import { quietPolicyParts } from "#test/setup/policy-parts.ts";

/** As many as the goals are given for. */
const connections = 64;
const submitters = 16;
/** Until the code is compiled; then until the rate is steady. */
const warmUpSeconds = 2;
const countedSeconds = 5;
const rounds = 3;
const domain: MessageDomain = { chainId: 31_337n, anchor: `0x${"a1".repeat(20)}` };

/** How submissions are authenticated and written. `prepared` is the most that a run can send: four times the goals. */
const modes = {
  token: { name: "durable intake with a token", isSigned: false, limits: {}, prepared: 280_000 },
  signed: { name: "durable intake with signatures", isSigned: true, limits: {}, prepared: 84_000 },
  each: {
    name: "intake with one transaction a request",
    isSigned: false,
    limits: { intakeBatch: 1, intakeFlushes: 16 },
    prepared: 84_000,
  },
  alone: { name: "the web framework alone", isSigned: false, limits: {}, prepared: 280_000 },
} as const;

type Mode = keyof typeof modes;

type Served = { readonly port: number };
type Load = { readonly port: number; readonly mode: Mode; readonly run: string; readonly tokens: readonly string[] };
/** What a run counted after its warm-up; processor time is that of the server's process. */
type Counted = {
  readonly acknowledged: number;
  readonly others: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
};
type Measured = Counted & { readonly cpuSeconds: number };

const submitterKey = (at: number): Hex => contentId("bench.submitter", at);

/**
 * Measures durable intake against a PostgreSQL server whose administrator's address is given: server and load in processes of
 * their own, `rounds` runs of every mode in turn.
 */
export async function benchIntake(databaseUrl: string): Promise<readonly BenchRow[]> {
  const database = `scs_bench_${randomBytes(4).toString("hex")}`;
  const urls = await provisionDatabase({ adminUrl: databaseUrl, database, secret: randomBytes(32) });
  try {
    await migrate({ url: urls.migrator, folder: migrationsFolder, log: () => undefined });
    const tokens = await prepare(urls.node);
    const measured = new Map<Mode, Measured[]>();
    for (let round = 0; round < rounds; round++) {
      for (const mode of Object.keys(modes) as Mode[]) {
        const run = `${round}`;
        measured.set(mode, [...(measured.get(mode) ?? []), await runOnce(urls.node, { mode, run, tokens })]);
      }
    }
    return rowsOf(measured);
  } finally {
    await dropDatabase({ adminUrl: databaseUrl, database });
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

function rowsOf(measured: ReadonlyMap<Mode, readonly Measured[]>): readonly BenchRow[] {
  const medianOf = (mode: Mode, figure: (run: Measured) => number): number =>
    median((measured.get(mode) ?? []).map(figure));
  const rateOf = (mode: Mode): number => medianOf(mode, ({ acknowledged, seconds }) => acknowledged / seconds);
  return (Object.keys(modes) as Mode[]).map((mode) => {
    const [p50, p99] = [medianOf(mode, (run) => run.p50), medianOf(mode, (run) => run.p99)];
    const cpu = medianOf(mode, (run) => (run.cpuSeconds / run.acknowledged) * 1e6);
    const how =
      `${rounds} runs of ${countedSeconds} s, median; ${connections} connections from another process, ${submitters} submitters, ` +
      `new envelopes only; p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; ${cpu.toFixed(0)} µs of the server's processor time ` +
      `each; ratio to ${modes.each.name}`;
    return {
      name: modes[mode].name,
      value: Math.round(rateOf(mode)),
      unit: "tasks/s",
      ratio: rateOf(mode) / rateOf("each"),
      how,
    };
  });
}

async function runOnce(nodeUrl: string, run: Omit<Load, "port">): Promise<Measured> {
  const server = fork(import.meta.filename, ["serve", nodeUrl, run.mode]);
  const [served] = (await once(server, "message")) as [Served];
  const load = fork(import.meta.filename, ["load"]);
  load.send({ ...run, port: served.port } satisfies Load);
  await once(load, "message");
  server.send("count");
  const [counted] = (await once(load, "message")) as [Counted];
  server.send("stop");
  const [cpuSeconds] = (await once(server, "message")) as [number];
  await Promise.all([ended(load), ended(server)]);
  assert.equal(counted.others, 0, "every submission is acknowledged");
  return { ...counted, cpuSeconds };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await once(child, "exit");
  assert.equal(child.exitCode, 0, "the process ended well");
}

const open = (url: string): Database =>
  openDatabase({ url, applicationName: "intake bench", maxConnections: 20, statementTimeoutMs: 30_000 });

/** Publishes documents, registers the submitters with budget enough, and issues a token for each. */
async function prepare(nodeUrl: string): Promise<readonly string[]> {
  const database = open(nodeUrl);
  const now = new Date();
  const stage = { deadlineSeconds: 86_400, maximumAttempts: 5, backoffMilliseconds: 200 };
  const policy: Policy = {
    policyVersion: "1",
    stages: { accepted: stage, resolving: stage, dispatched: stage, verifying: stage },
    fees: { base: "1", perThousandRecords: "1" },
    minimumGroupSize: 10,
    verifiers: 1,
    quota: { tasksPerWindow: 1_000_000_000, windowSeconds: 3_600 },
    epochs: { maximumSeconds: 86_400, maximumTasks: 1_000_000 },
    rewards: {
      shares: { producers: 10_000, vaults: 0, executors: 0, verifiers: 0, treasury: 0 },
      subsidy: "0",
      treasuryAccount: domain.anchor,
    },
    ...quietPolicyParts,
    envelopeLifetimeSeconds: 86_400,
  };
  const registry = { semanticVersion: "1", domains: [], attributes: [], queryAttributes: [] };
  await database.query(
    `INSERT INTO ledger.registry (semantic_version, digest, body, published_at) VALUES ('1', $1, $2, $3)`,
    [hexToBytes(registryDigest(registry)), canonicalText(registry), now],
  );
  await database.query(
    `INSERT INTO ledger.policy (policy_version, digest, body, published_at) VALUES ('1', $1, $2, $3)`,
    [hexToBytes(policyDigest(policy)), canonicalText(policy), now],
  );
  await database.query(
    `INSERT INTO ledger.rollout (scope, from_epoch, semantic_versions, policy_versions, ordered_at) VALUES ('main', 1, '{1}', '{1}', $1)`,
    [now],
  );
  const tokens: string[] = [];
  for (let at = 0; at < submitters; at++) {
    const subject = addressOf(submitterKey(at));
    await registerActor(database, { address: subject, roles: ["task_submitter"] }, "bench", now);
    await deposit(database, { account: subject, amount: "1000000000000000000", reference: "bench" }, "bench", now);
    const until = new Date(now.getTime() + 86_400_000);
    tokens.push(await issueToken(database, { subject, scopes: ["task:submit"], until }, { random: randomBytes, now }));
  }
  await database.close();
  return tokens;
}

/** The server's process: counts its processor time between the two messages it is sent. */
async function serve(nodeUrl: string, mode: Mode): Promise<void> {
  const database = open(nodeUrl);
  const app = mode === "alone" ? frameworkAlone() : await openServed(database, mode);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  process.send?.({ port: Number(new URL(url).port) } satisfies Served);
  await once(process, "message");
  const before = process.cpuUsage();
  await once(process, "message");
  const { user, system } = process.cpuUsage(before);
  process.send?.((user + system) / 1e6);
  await app.close();
  await database.close();
  process.disconnect();
}

/** The application as it is. */
async function openServed(database: Database, mode: Mode): Promise<FastifyInstance> {
  const unused = (): never => assert.fail("intake asks no other layer");
  const vaults = { defineCollection: unused, ingest: unused, grant: unused, revokeGrant: unused };
  const ports: Ports = {
    ...vaults,
    govern: unused,
    readDraft: unused,
    proofOf: unused,
    readObject: unused,
    metrics: unused,
    ready: unused,
  };
  return await openApplication({
    database,
    clock: () => new Date(),
    random: randomBytes,
    log: pino({ level: "info" }, pino.destination(2)),
    domain,
    ports,
    limits: modes[mode].limits,
  });
}

/** Reads the same bodies and answers as long: what no application over the framework can be faster than. */
function frameworkAlone(): FastifyInstance {
  const app = fastify({ logger: false });
  const receipt = { taskId: contentId("bench", 0), state: "accepted", repeated: false };
  app.post("/v1/tasks", (_, reply) => reply.code(201).send(receipt));
  return app;
}

/** A request as its bytes, from a submitter chosen by its number. */
function requestBytes({ mode, run, tokens }: Load, at: number): Buffer {
  const key = submitterKey(at % submitters);
  const envelope: TaskEnvelope = {
    schemaVersion: "1.0",
    semanticVersion: "1",
    policyVersion: "1",
    scope: "main",
    submitter: addressOf(key),
    program: {
      kind: "protected_query",
      domain: "mobility.aviation",
      measure: { function: "mean", attribute: "delay" },
      conditions: [
        { attribute: "origin", operator: "equal", value: "LAX" },
        { attribute: "distance", operator: "greater", value: 500 },
      ],
      groupBy: "destination",
      minimumGroupSize: 10,
    },
    inputs: {
      sources: [
        { vault: "vault-a", collection: "flights" },
        { vault: "vault-b", collection: "flights" },
      ],
    },
    seed: contentId("bench.seed", at),
    feeLimit: "1000",
    idempotencyKey: `${mode}-${run}-${at}`,
    expiresAtSeconds: Math.floor(Date.now() / 1000) + 3_600,
  };
  const { isSigned } = modes[mode];
  const body = JSON.stringify(
    isSigned ? { envelope, signature: sign(envelopeDigest(domain, envelope), key) } : { envelope },
  );
  const authorization = isSigned ? "" : `authorization: Bearer ${tokens[at % submitters]}\r\n`;
  return Buffer.from(
    `POST /v1/tasks HTTP/1.1\r\nhost: bench\r\n${authorization}content-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/**
 * The load's process. A client of its own over plain sockets: it takes a few microseconds a request, so that the machine is
 * the server's, and sends bytes that were made before the time is taken.
 */
async function load(): Promise<void> {
  const [order] = (await once(process, "message")) as [Load];
  const requests = Array.from({ length: modes[order.mode].prepared }, (_, at) => requestBytes(order, at));
  const latencies: number[] = [];
  let others = 0;
  let next = 0;
  const countFrom = performance.now() + warmUpSeconds * 1000;
  const deadline = countFrom + countedSeconds * 1000;
  setTimeout(() => process.send?.("warm"), warmUpSeconds * 1000);
  const onAnswer = (head: string, sentAt: number): void => {
    const now = performance.now();
    if (!head.startsWith("HTTP/1.1 201")) others++;
    else if (now >= countFrom) latencies.push(now - sentAt);
  };
  const take = (): Buffer | undefined => (performance.now() < deadline ? requests[next++] : undefined);
  await Promise.all(Array.from({ length: connections }, async () => await converse(order.port, take, onAnswer)));
  const seconds = (performance.now() - countFrom) / 1000;
  latencies.sort((a, b) => a - b);
  const quantile = (part: number): number => latencies[Math.floor(latencies.length * part)] ?? NaN;
  const [p50, p99] = [quantile(0.5), quantile(0.99)];
  process.send?.({ acknowledged: latencies.length, others, seconds, p50, p99 } satisfies Counted);
  process.disconnect();
}

const [role, ...rest] = process.argv[1] === import.meta.filename ? process.argv.slice(2) : [];
if (role === "serve") await serve(rest[0] ?? "", (rest[1] ?? "token") as Mode);
if (role === "load") await load();
