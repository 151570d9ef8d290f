// Everything the node stands on goes away for a while: the chain, then the database; and a chain that is another one stops it.
import { afterAll, beforeAll, expect, test } from "vitest";
import { request } from "#cli/api-client.ts";
import { demoScope } from "#cli/demo/submissions.ts";
import { clientOf as peopleOf } from "#cli/demo/setting.ts";
import { startChainProcess, type ChainProcess } from "#cli/wiring/local-chain-process.ts";
import { databaseFiles } from "#cli/wiring/database.ts";
import { localAccounts } from "#cli/wiring/deployment.ts";
import { startEmbedded, type EmbeddedDatabase } from "#storage/embedded.ts";
import { away, honest, startProxy, type Proxy } from "#test/chain/support/proxy.ts";
import { runScs } from "#test/cli/running.ts";
import { expectCompletedOnce, expectPaidOnce, expectSound } from "./outcome.ts";
import { hasReached, prepare, settleAndPay, settlementState, submissionsFor, submitEach, until } from "./play.ts";
import { Stage } from "./stage.ts";

const tasks = 20;
let stage: Stage;
let chain: ChainProcess;
let proxy: Proxy;
let server: EmbeddedDatabase;

beforeAll(async () => {
  stage = await Stage.open({ tasksPerEpoch: tasks });
  await prepare(stage);
  // The chain goes on as a process of the test, behind an endpoint that can be taken away.
  await stage.node.stop();
  const { configuration, dataDir } = stage;
  const fundedAddresses = await localAccounts(configuration);
  chain = await startChainProcess({ dataDir, port: 0, chainId: configuration.SCS_CHAIN_ID, fundedAddresses });
  proxy = await startProxy(chain.url);
  // So does the database, as a server that is not the node's to start.
  server = await startEmbedded({ dataDir: databaseFiles.cluster(dataDir), log: () => undefined });
  const databaseUrl = new URL(server.adminUrl);
  databaseUrl.pathname = "/scs";
  await stage.restart({ SCS_CHAIN_ENDPOINTS: proxy.url, SCS_DATABASE_URL: databaseUrl.href });
});

afterAll(async () => {
  await server.release();
  await stage.close();
  await proxy.close();
  await chain.stop();
});

const servesPeople = async (): Promise<void> => {
  const { items } = await request<{ items: readonly object[] }>(peopleOf(stage.setting, "nobody"), "GET", "/v1/epochs");
  expect(items.length).toBeGreaterThan(0);
};

const signedProposals = `SELECT count(*) FROM work.chain_attempt`;

test(
  "the chain is away before and after the proposal: REST goes on, and the epoch is anchored and paid once [ANCH-05]",
  { timeout: 240_000 },
  async () => {
    proxy.behave = away;
    await submitEach(stage, submissionsFor(stage, tasks));
    await until(stage, "a candidate without a chain", () => hasReached(stage, "candidate_ready"));
    await servesPeople();
    expect(await stage.count(signedProposals)).toBe(0);

    proxy.behave = honest;
    await until(stage, "the proposal signed", async () => (await stage.count(signedProposals)) === 1);
    proxy.behave = away;
    await servesPeople();
    expect(await settlementState(stage)).toBe("candidate_ready");

    proxy.behave = honest;
    await settleAndPay(stage);
    const proposals = `SELECT count(*) FROM work.chain_transaction WHERE intent LIKE 'propose:${demoScope}/1/%'`;
    expect(await stage.count(proposals)).toBe(1);
    await expectCompletedOnce(stage, tasks);
    await expectPaidOnce(stage);
  },
);

test(
  "the database server is killed and started again: the node goes on, nothing is lost",
  { timeout: 120_000 },
  async () => {
    const { rows } = await stage.admin.query<{ file: string }>(`SELECT pg_read_file('postmaster.pid') AS file`);
    process.kill(Number(rows[0]?.file.split("\n")[0]), "SIGKILL");
    const cluster = await startEmbedded({ dataDir: databaseFiles.cluster(stage.dataDir), log: () => undefined });
    try {
      await until(stage, "REST with a database", async () => {
        await servesPeople();
        return true;
      });
      const again = await submitEach(stage, submissionsFor(stage, tasks));
      expect(new Set(again).size).toBe(tasks);
      await expectCompletedOnce(stage, tasks);
      await expectSound(stage);
    } finally {
      await cluster.release();
    }
  },
);

test("a chain with another id stops the start, by name [ANCH-05]", { timeout: 120_000 }, async () => {
  await stage.node.stop();
  const started = await runScs(["start", "--json"], {
    SCS_DATA_DIR: stage.dataDir,
    SCS_API_PORT: "0",
    SCS_CHAIN_ENDPOINTS: proxy.url,
    SCS_CHAIN_ID: "31338",
    SCS_LOG_LEVEL: "silent",
  });
  expect(JSON.parse(started.stdout)).toMatchObject({ error: { code: "SETTLEMENT_CHAIN_ID_MISMATCH" } });
  expect(started.code).toBe(2);
});
