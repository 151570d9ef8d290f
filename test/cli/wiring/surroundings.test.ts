// What a start began and could not finish is not left behind; what others run is left alone; a lost server is noticed.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createServer } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseConfiguration } from "#cli/config/load.ts";
import type { Configuration } from "#cli/config/schema.ts";
import { databaseFiles, provideDatabase } from "#cli/wiring/database.ts";
import { provideSurroundings } from "#cli/wiring/surroundings.ts";
import { openLog } from "#observability/log.ts";
import { removeEmbedded, startEmbedded } from "#storage/embedded.ts";
import { queryRows } from "#test/setup/database.ts";

const log = openLog({ level: "silent" });
let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "scs-wiring-"));
  // The database server of root runs under another account.
  chmodSync(dataDir, 0o755);
});
afterEach(async () => {
  await removeEmbedded(databaseFiles.cluster(dataDir));
  rmSync(dataDir, { recursive: true, force: true });
});

function configurationOf(settings: Readonly<Record<string, string>>): Configuration {
  const parsed = parseConfiguration({ SCS_DATA_DIR: dataDir, ...settings });
  if ("configuration" in parsed) return parsed.configuration;
  throw new Error(JSON.stringify(parsed.problems));
}

const pidFile = (): string => join(databaseFiles.cluster(dataDir), "server", "cluster", "postmaster.pid");

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("when a late part fails, chain and database that were started for it are stopped", async () => {
  const port = await freePort();
  const configuration = configurationOf({ SCS_CHAIN_PORT: String(port) });
  write(join(dataDir, "deployment.json"), "{");
  await expect(provideSurroundings(configuration, log)).rejects.toThrow(SyntaxError);
  await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow("fetch failed");
  expect(existsSync(join(dataDir, "chain"))).toBe(true);
  expect(existsSync(dirname(pidFile()))).toBe(true);
  expect(existsSync(pidFile())).toBe(false);
});

test("a start that fails leaves a server alone that ran before it", async () => {
  const running = await startEmbedded({ dataDir: databaseFiles.cluster(dataDir), log: () => undefined });
  write(databaseFiles.secret(dataDir), "no secret");
  await expect(provideDatabase(configurationOf({}), log)).rejects.toMatchObject({ code: "INTERNAL_CONFIGURATION" });
  expect(await queryRows(running.adminUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  await running.release();
});

test("a server that dies is told to whoever it was provided for, and stopping after that stops nothing", async () => {
  const { lost, stop } = await provideDatabase(configurationOf({}), log);
  process.kill(Number.parseInt(readFileSync(pidFile(), "utf8"), 10), "SIGKILL");
  expect(await lost).toMatch(/PostgreSQL server ended/);
  const other = await startEmbedded({ dataDir: databaseFiles.cluster(dataDir), log: () => undefined });
  await stop();
  expect(await queryRows(other.adminUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  await other.release();
});
