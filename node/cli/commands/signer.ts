// `scs signer`: the payout signer as a process of its own.
import { Option, type Command } from "commander";
import { openLog } from "#observability/log.ts";
import { openDatabase } from "#storage/database.ts";
import { openChain } from "../wiring/chain.ts";
import { signerUrl } from "../wiring/database.ts";
import { knownDeployment } from "../wiring/deployment.ts";
import { payerKey } from "../wiring/keys.ts";
import { runSigner } from "../wiring/signer.ts";
import { define, type Invocation } from "./command.ts";
import { toldToStop } from "./start.ts";

type SignerOptions = { readonly exitWithParent?: boolean };

/** Connections of the signer: its steps run one after another. */
const connections = 2;

async function run({ options, output, configuration }: Invocation<readonly [], SignerOptions>): Promise<void> {
  const settings = configuration();
  // A process that holds a key writes no debug log, whatever it is told.
  const level = settings.SCS_LOG_LEVEL === "silent" ? "silent" : "info";
  const log = openLog({ level });
  const stopping = new AbortController();
  void toldToStop(options.exitWithParent === true).then(() => stopping.abort());
  const database = openDatabase({
    url: signerUrl(settings.SCS_DATA_DIR),
    applicationName: "scs signer",
    maxConnections: connections,
    statementTimeoutMs: settings.SCS_DATABASE_TIMEOUT_MS,
    onConnectionLost: (error) => log.warn({ reason: error.message }, "a database connection was lost"),
  });
  const privateKey = await payerKey(settings);
  const chain = await openChain(settings, settings.SCS_CHAIN_ENDPOINTS, knownDeployment(settings));
  output.answer({ ready: true, treasury: chain.treasury.address }, () =>
    output.say(`signing for ${chain.treasury.address}`),
  );
  await runSigner({ configuration: settings, database, chain, privateKey, log }, stopping.signal);
  await database.close();
}

/** Adds `scs signer`. */
export function register(program: Command): void {
  define<readonly [], SignerOptions>(program, {
    name: "signer",
    summary: "Run the payout signer: its own key, its own database role, no web server",
    example: "SCS_CHAIN_ENDPOINTS=https://… scs signer",
    options: [new Option("--exit-with-parent", "end when standard input ends")],
    run,
  });
}
