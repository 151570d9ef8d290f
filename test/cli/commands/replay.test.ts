// `scs replay` of a task: with the node's own keys, which are read and never made, over a real database.
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, inject, test } from "vitest";
import { bytesToHex, sha256Hex, type Hex } from "#protocol/hash.ts";
import { domain, masterKey, openLayers } from "#test/layers/node.ts";
import { query } from "#test/layers/sales.ts";
import { east, setStage, settle, west } from "#test/layers/stage.ts";
import { run, runJson, scratchFile, scratchFolder, type Settings } from "../running.ts";

/** The account that the commands read the vaults for. */
const readerKey = sha256Hex("test reader");
const folder = scratchFolder();
const { database, test: server, clock, submit } = await setStage();
let settings: Settings;
let taskId: Hex;
let refused: Hex;

beforeAll(async () => {
  taskId = await submit(query({ function: "mean", attribute: "pieces" }, { groupBy: "shop" }), [west, east]);
  refused = await submit(query({ function: "count" }, { minimumGroupSize: 5_000 }));
  const { handoff, resolve, execute, verify } = openLayers(database, { clock: clock.now });
  await settle(handoff, resolve, execute, verify);
  const address = new URL(inject("databaseAdminUrl"));
  address.pathname = new URL(server.urls.node).pathname;
  const keys = join(folder, "keys");
  mkdirSync(keys);
  for (const [name, key] of Object.entries({ master: bytesToHex(masterKey), executor: readerKey })) {
    chmodSync(scratchFile(keys, `${name}.key`, key), 0o600);
  }
  settings = {
    SCS_DATA_DIR: folder,
    SCS_DATABASE_URL: address.href,
    SCS_ANCHOR_ADDRESS: domain.anchor,
    SCS_CHAIN_ID: String(domain.chainId),
  };
  // The commands' logins: their passwords follow from the data folder's secret once it is provisioned.
  expect((await run(["migrate"], settings)).code).toBe(0);
});

test("resolution, execution and verification of an honest task are equal (ASSR-01)", async () => {
  for (const stage of ["resolution", "execution", "verification"]) {
    const { code, value } = await runJson(["replay", stage, taskId], settings);
    expect({ code, value }, stage).toMatchObject({ code: 0, value: { taskId, kind: "valid" } });
    expect((await run(["replay", stage, taskId], settings)).stdout).toMatch(/^equal: 0x[0-9a-f]{64}\n$/);
  }
});

test("a refusal is replayed too; what nobody decided cannot be judged (ASSR-01)", async () => {
  expect(await runJson(["replay", "execution", refused], settings)).toMatchObject({ code: 0 });
  expect(await runJson(["replay", "verification", refused], settings)).toMatchObject({
    code: 2,
    value: { kind: "unknown" },
  });
});

test("without the vaults' key nothing is replayed, and none is made", async () => {
  const elsewhere = join(folder, "elsewhere");
  mkdirSync(elsewhere);
  const bare = { ...settings, SCS_DATA_DIR: elsewhere };
  const { code, value } = await runJson(["replay", "execution", taskId], bare);
  expect({ code, value }).toMatchObject({ code: 2, value: { error: { code: "INTERNAL_CONFIGURATION" } } });
  expect(existsSync(join(elsewhere, "keys"))).toBe(false);
});

test("an unknown task is not found", async () => {
  const nobody = `0x${"00".repeat(32)}`;
  for (const stage of ["resolution", "execution", "verification"]) {
    expect(await runJson(["replay", stage, nobody], settings)).toMatchObject({
      code: 2,
      value: { error: { code: "SCHEMA_NOT_FOUND" } },
    });
  }
});
