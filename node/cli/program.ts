// The command line as a whole: every command, and how wrong usage ends.
import { Command, CommanderError } from "commander";
import { readFileSync } from "node:fs";
import * as actor from "./commands/actor.ts";
import * as acts from "./commands/acts.ts";
import * as archive from "./commands/archive.ts";
import * as audit from "./commands/audit.ts";
import * as budget from "./commands/budget.ts";
import * as chain from "./commands/chain.ts";
import * as challenge from "./commands/challenge.ts";
import * as config from "./commands/config.ts";
import * as demo from "./commands/demo.ts";
import * as explain from "./commands/explain.ts";
import * as governance from "./commands/governance.ts";
import * as keys from "./commands/keys.ts";
import * as local from "./commands/local.ts";
import * as meaning from "./commands/meaning.ts";
import * as migrate from "./commands/migrate.ts";
import * as replay from "./commands/replay.ts";
import * as reward from "./commands/reward.ts";
import * as settlement from "./commands/settlement.ts";
import * as signer from "./commands/signer.ts";
import * as start from "./commands/start.ts";
import * as task from "./commands/task.ts";
import * as token from "./commands/token.ts";
import * as treasury from "./commands/treasury.ts";
import * as vault from "./commands/vault.ts";
import * as verify from "./commands/verify.ts";
import * as version from "./commands/version.ts";
import { exitCodes } from "./output.ts";

const manifest = new URL("../../package.json", import.meta.url);

/** Every module that registers commands, in the order of the help. */
const modules = [
  actor,
  acts,
  archive,
  audit,
  budget,
  chain,
  challenge,
  config,
  demo,
  explain,
  governance,
  keys,
  local,
  meaning,
  migrate,
  replay,
  reward,
  settlement,
  signer,
  start,
  task,
  token,
  treasury,
  vault,
  verify,
  version,
] as const;

/** The program with all its commands. */
export function openProgram(): Command {
  const { version: release, description } = JSON.parse(readFileSync(manifest, "utf8")) as Record<string, string>;
  const program = new Command("scs")
    .description(description ?? "")
    .version(release ?? "")
    .exitOverride()
    .showHelpAfterError("(see --help)")
    .configureHelp({ sortSubcommands: true, showGlobalOptions: true });
  for (const { register } of modules) register(program);
  return program;
}

/** Runs one command line; the exit code is left in `process.exitCode`. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const program = openProgram();
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
}
