// `scs start`: the node with everything it needs, until it is told to stop.
import { Option, type Command } from "commander";
import { openLog } from "#observability/log.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { startNode } from "../wiring/node.ts";
import { keepSigner } from "../wiring/signer-process.ts";
import { provideSurroundings } from "../wiring/surroundings.ts";
import { define, type Invocation } from "./command.ts";

type StartOptions = { readonly signer: boolean; readonly exitWithParent?: boolean };

/** Settles when the process is told to end: by a signal, or by the end of its parent. */
export function toldToStop(withParent: boolean): Promise<undefined> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve(undefined));
    process.once("SIGTERM", () => resolve(undefined));
    if (!withParent) return;
    process.stdin.once("end", () => resolve(undefined));
    process.stdin.resume();
    // A process that fails on its way ends, even while its parent lives.
    if ("unref" in process.stdin) process.stdin.unref();
  });
}

async function run({ options, output, configuration }: Invocation<readonly [], StartOptions>): Promise<void> {
  const settings = configuration();
  const log = openLog({ level: settings.SCS_LOG_LEVEL });
  const told = toldToStop(options.exitWithParent === true);
  const surroundings = await provideSurroundings(settings, log);
  const { endpoints, deployment } = surroundings;
  const signer = options.signer ? keepSigner(settings, endpoints, log) : undefined;
  // Whatever ends this, the processes it started end with it.
  try {
    const node = await startNode({ configuration: settings, ...surroundings, log });
    output.answer({ ready: true, url: node.url, endpoints, ...deployment }, () => {
      output.say(`API      ${node.url ?? "not served by this process"}`);
      output.say(`chain    ${endpoints.join(", ")} (id ${deployment.chainId})`);
      output.say(`anchor   ${deployment.anchor}`);
      output.say(`treasury ${deployment.treasury}`);
      output.say(`data     ${settings.SCS_DATA_DIR}; stop with Ctrl-C`);
    });
    const lost = await Promise.race([told, surroundings.databaseLost]);
    log.info({ reason: lost ?? "told to" }, "stopping");
    await node.stop();
    // Without its database a node can do nothing; who watches over it starts it again, and the server with it.
    if (lost !== undefined) throw new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE", { reason: lost });
  } finally {
    await signer?.stop();
    await surroundings.stop();
  }
}

/** Adds `scs start`. */
export function register(program: Command): void {
  define<readonly [], StartOptions>(program, {
    name: "start",
    summary: "Run the node: API, workers, settler, and the payout signer as a second process",
    example: "scs start",
    options: [
      new Option("--no-signer", "leave the payout signer to another machine"),
      new Option("--exit-with-parent", "end when standard input ends"),
    ],
    run,
  });
}
