// The signer as a child of `start`: started again when it ends, and ending when its parent does.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Logger } from "#observability/log.ts";
import type { Configuration } from "../config/schema.ts";

const entry = fileURLToPath(new URL("../scs.ts", import.meta.url));

/** Pause before a signer that ended is started again. */
const restartMilliseconds = 1_000;

/** Settings that the signer is given: where its key, its database address and the chain are, and its limits. */
function signerEnvironment(configuration: Configuration, endpoints: readonly string[]): NodeJS.ProcessEnv {
  const given: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(configuration)) {
    if (name === "SCS_DATABASE_URL") continue;
    given[name] = Array.isArray(value) ? value.join(",") : String(value);
  }
  return { ...given, SCS_CHAIN_ENDPOINTS: endpoints.join(",") };
}

/** Starts the signer and keeps it going. `stop` ends it for good. */
export function keepSigner(
  configuration: Configuration,
  endpoints: readonly string[],
  log: Logger,
): { readonly stop: () => Promise<void> } {
  let stopping = false;
  let child: ChildProcess | undefined;
  const start = () => {
    if (stopping) return;
    child = spawn(process.execPath, [entry, "signer", "--exit-with-parent"], {
      env: signerEnvironment(configuration, endpoints),
      stdio: ["pipe", "ignore", "inherit"],
    });
    child.once("exit", (code, signal) => {
      if (stopping) return;
      log.warn({ code, signal }, "the signer ended and is started again");
      setTimeout(start, restartMilliseconds);
    });
  };
  start();
  return {
    stop: async () => {
      stopping = true;
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      child.stdin?.end();
      await once(child, "exit");
    },
  };
}
