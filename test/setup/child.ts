// Other processes of a test: started under the same Node, read line by line, killed without mercy.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A script of this folder that is running. */
export type Child = {
  readonly process: ChildProcess;
  /** The lines it printed so far. */
  readonly lines: readonly string[];
  /** Waits until it has printed this many lines, or has ended. */
  readonly printed: (count: number) => Promise<void>;
  /** Ends it by SIGKILL and waits until it is gone. */
  readonly kill: () => Promise<void>;
  /** Its exit code, once it has ended by itself; null when it was killed. */
  readonly ended: Promise<number | null>;
};

/** Starts `test/setup/<script>`, or a script by its absolute path. Detached it does not hear Ctrl-C; its stdin is a pipe. */
export function startChild(script: string, args: readonly string[], options: { detached?: boolean } = {}): Child {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { ...options, stdio: ["pipe", "pipe", "inherit"] });
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  output.on("line", (line) => lines.push(line));
  const ended = once(child, "close").then(() => child.exitCode);
  return {
    process: child,
    lines,
    printed: async (count) => {
      while (lines.length < count && child.exitCode === null && child.signalCode === null) {
        await Promise.race([once(output, "line"), ended]);
      }
    },
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    ended,
  };
}
