// `scs demo`: the whole story in one command, from an empty folder to proven payouts.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Option, type Command } from "commander";
import { logFile } from "../demo/node-process.ts";
import { tellStory } from "../demo/story.ts";
import { showSummary } from "../demo/summary.ts";
import { Progress } from "../output.ts";
import { define, type Invocation } from "./command.ts";
import { wholeNumber } from "./options.ts";

type DemoOptions = { readonly dataDir?: string; readonly expires?: number };

/** What is signed in the demo expires an hour after it began. */
const lifetimeSeconds = 3_600;

async function run({ options, output }: Invocation<readonly [], DemoOptions>): Promise<void> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "scs-demo-"));
  mkdirSync(dataDir, { recursive: true });
  const expiresAtSeconds = options.expires ?? Math.floor(Date.now() / 1000) + lifetimeSeconds;
  process.stderr.write(`the demo's node keeps everything in ${dataDir}; its log is ${logFile(dataDir)}\n`);
  const progress = new Progress();
  const summary = await tellStory({ dataDir, expiresAtSeconds, progress }).finally(() => progress.stop());
  output.answer(summary, () => showSummary(output, summary));
  if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
}

/** Adds `scs demo`. */
export function register(program: Command): void {
  define<readonly [], DemoOptions>(program, {
    name: "demo",
    summary: "Run one honest story on real data: tasks, settlement, payout, and a stranger's check",
    example: "scs demo",
    options: [
      new Option("--data-dir <folder>", "an empty folder to keep; default: a temporary one that is removed at the end"),
      new Option(
        "--expires <seconds>",
        "when what is signed expires, since 1970; the same gives the same roots",
      ).argParser(wholeNumber(1)),
    ],
    run,
  });
}
