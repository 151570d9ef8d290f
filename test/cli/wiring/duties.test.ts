// A node and a signer that stop in order give their duties back: another process need not wait for a lease to end.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfiguration } from "#cli/config/load.ts";
import type { Configuration } from "#cli/config/schema.ts";
import type { ChainAccess } from "#cli/wiring/chain.ts";
import { giveBackDuties } from "#cli/wiring/duties.ts";
import { nodeKeys } from "#cli/wiring/keys.ts";
import { startNode } from "#cli/wiring/node.ts";
import { runSigner } from "#cli/wiring/signer.ts";
import { Database } from "#storage/database.ts";
import { acquireDuty, type DutySchema } from "#storage/duties.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import { role } from "#test/chain/support/contracts.ts";
import { keys, testChainId } from "#test/chain/support/test-chain.ts";
import { openStage, optionsOf, type Stage } from "#test/payout/stage.ts";
import { queryRows } from "#test/setup/database.ts";

const folder = mkdtempSync(join(tmpdir(), "scs-duties-"));
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => {
  await stage.close();
  rmSync(folder, { recursive: true, force: true });
});

const heldDuties = async (schema: DutySchema): Promise<readonly string[]> => {
  const text = `SELECT duty FROM ${schema}.duty WHERE held_until > now() ORDER BY duty`;
  return (await queryRows(stage.server.adminUrl, text)).map(({ duty }) => String(duty));
};

function configurationOf(more: Readonly<Record<string, string>> = {}): Configuration {
  const parsed = parseConfiguration({
    SCS_DATA_DIR: join(folder, "data"),
    SCS_CHAIN_ID: String(testChainId),
    SCS_CHAIN_POLL_MS: "50",
    ...more,
  });
  if ("configuration" in parsed) return parsed.configuration;
  throw new Error(JSON.stringify(parsed.problems));
}

function chainAccess(): ChainAccess {
  const { anchor, treasury, source } = stage.deps;
  const domain = { chainId: BigInt(testChainId), anchor: anchor.address };
  const { deploymentBlock } = source;
  return { client: anchor.chain, anchor, treasury, domain, deploymentBlock, confirmations: 0n };
}

test("a signer that is told to stop leaves its duty to the next at once", async () => {
  const stopping = new AbortController();
  const { signer: database, deps } = stage;
  const privateKey = keys[role.payer] ?? "0x";
  const parts = { configuration: configurationOf(), database, chain: chainAccess(), privateKey, log: deps.log };
  const running = runSigner(parts, stopping.signal);
  await expect.poll(() => heldDuties("payout")).toEqual(["payer"]);
  const next = { schema: "payout", name: "payer", holder: "next", seconds: 30 } as const;
  expect(await acquireDuty(database, { ...next, now: new Date() })).toBeUndefined();
  stopping.abort();
  await running;
  expect(await acquireDuty(database, { ...next, now: new Date() })).toMatchObject({ fence: 2n });
});

test("a node that stops leaves every duty it held to the next at once", async () => {
  const objects = join(folder, "objects");
  const configuration = configurationOf({ SCS_ROLES: "settler" });
  const node = await startNode({
    configuration,
    database: stage.node,
    store: await createFolderStore(objects),
    objects,
    chain: chainAccess(),
    keys: nodeKeys(configuration),
    log: stage.deps.log,
  });
  await expect.poll(async () => (await heldDuties("work")).length).toBeGreaterThan(2);
  await node.stop();
  expect(await heldDuties("work")).toEqual([]);
});

test("a database that is gone does not keep a process from stopping: it is told", async () => {
  const nowhere = new Database(optionsOf("postgres://nobody@127.0.0.1:1/none"));
  await giveBackDuties({ database: nowhere, log: stage.deps.log }, "work", "p1");
  expect(stage.logged.at(-1)?.["msg"]).toMatch(/duties were not given back/);
  await nowhere.close();
});
