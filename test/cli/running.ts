// Runs command lines for tests: in this process with everything it prints caught, or as a process of its own.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, vi } from "vitest";
import { runCommandLine } from "#cli/program.ts";

/** What a command line came to. */
export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

const entry = fileURLToPath(new URL("../../node/cli/scs.ts", import.meta.url));

/** Settings of a test's commands; nothing of the surroundings shines through. */
export type Settings = Readonly<Record<string, string>>;

/** A folder for one test file, removed after it. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scs-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file of a test and answers its name. */
export function scratchFile(folder: string, name: string, content: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

/** Runs a command line as a process of its own. */
export async function runScs(args: readonly string[], settings: Settings = {}): Promise<Ran> {
  return await new Promise((resolve) => {
    const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], ...settings };
    execFile(process.execPath, [entry, ...args], { env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Runs a command line in this process; one at a time. */
export async function run(args: readonly string[], settings: Settings = {}): Promise<Ran> {
  const printed = { stdout: "", stderr: "" };
  const caught = (["stdout", "stderr"] as const).map((stream) =>
    vi.spyOn(process[stream], "write").mockImplementation((chunk) => {
      printed[stream] += String(chunk);
      return true;
    }),
  );
  for (const name of Object.keys(process.env)) if (/^SCS_(?!TEST_)/.test(name)) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  const before = process.exitCode;
  try {
    await runCommandLine(args);
    return { code: Number(process.exitCode ?? 0), ...printed };
  } finally {
    process.exitCode = before;
    vi.unstubAllEnvs();
    for (const spy of caught) spy.mockRestore();
  }
}

/** Runs a command line with --json in this process and answers its one value. */
export async function runJson<T>(
  args: readonly string[],
  settings: Settings = {},
): Promise<Ran & { readonly value: T }> {
  const ran = await run([...args, "--json"], settings);
  return { ...ran, value: JSON.parse(ran.stdout) as T };
}
