// `scs start` as a process: it ends in order when it is told to, and with a named error when its database is gone for good.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { databaseFiles } from "#cli/wiring/database.ts";
import { removeEmbedded } from "#storage/embedded.ts";

const entry = fileURLToPath(new URL("../../../node/cli/scs.ts", import.meta.url));

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "scs-start-"));
  // The database server of root runs under another account.
  chmodSync(dataDir, 0o755);
});
afterEach(async () => {
  await removeEmbedded(databaseFiles.cluster(dataDir));
  rmSync(dataDir, { recursive: true, force: true });
});

type Ended = { readonly code: number | null; readonly stderr: string; readonly answers: readonly unknown[] };

/** Starts a node, waits until it is ready, has something done to it, and answers how it ended. */
async function startAnd(act: (pid: number) => void): Promise<Ended> {
  const settings = { SCS_DATA_DIR: dataDir, SCS_API_PORT: "0", SCS_CHAIN_PORT: "0" };
  const child = spawn(process.execPath, [entry, "start", "--json", "--no-signer", "--exit-with-parent"], {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...settings },
    // A pipe that ends with this process: a test that fails leaves no node behind.
    stdio: ["pipe", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  const stderr = text(child.stderr);
  const answers: unknown[] = [];
  const lines = createInterface({ input: child.stdout }).on("line", (line) => answers.push(JSON.parse(line)));
  try {
    await Promise.race([once(lines, "line"), exited]);
    if (child.pid === undefined) throw new Error("no process");
    act(child.pid);
    const [code] = (await exited) as [number | null];
    return { code, stderr: await stderr, answers };
  } finally {
    child.kill("SIGKILL");
  }
}

const postmaster = (): number =>
  Number.parseInt(
    readFileSync(join(databaseFiles.cluster(dataDir), "server", "cluster", "postmaster.pid"), "utf8"),
    10,
  );

test("a node whose embedded database dies for good stops with a named error, and one that is told to stops without", async () => {
  const lost = await startAnd(() => process.kill(postmaster(), "SIGKILL"));
  expect(lost.code).toBe(2);
  expect(lost.stderr).toContain("INTERNAL_DATABASE_UNAVAILABLE: ");
  expect(lost.answers).toMatchObject([
    { ready: true },
    { error: { code: "INTERNAL_DATABASE_UNAVAILABLE", detail: { reason: "the PostgreSQL server ended" } } },
  ]);
  // The same folder serves again.
  const told = await startAnd((pid) => process.kill(pid, "SIGTERM"));
  expect(told).toMatchObject({ code: 0, answers: [{ ready: true }] });
}, 120_000);
