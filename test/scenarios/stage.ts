// A node as anybody runs it, with its signer, database and chain as processes of their own, and the means to be cruel to them.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { tokenIn } from "#cli/api-client.ts";
import { loadConfiguration } from "#cli/config/load.ts";
import type { Configuration } from "#cli/config/schema.ts";
import { writeDemoKeys } from "#cli/demo/actors.ts";
import { govern, issueDemoTokens } from "#cli/demo/governance.ts";
import { logFile, startNodeProcess, type NodeProcess } from "#cli/demo/node-process.ts";
import type { Setting } from "#cli/demo/setting.ts";
import { databaseFiles, openAs, provideDatabase } from "#cli/wiring/database.ts";
import { operatorTokenFile } from "#cli/wiring/surroundings.ts";
import { openLog } from "#observability/log.ts";
import type { Database } from "#storage/database.ts";
import { removeEmbedded, startEmbedded, type EmbeddedDatabase } from "#storage/embedded.ts";

/** When everything that is signed expires: the same for every stage of a test file, so that all sign the same bytes. */
const expiresAtSeconds = Math.floor(Date.now() / 1000) + 3_600;

/** Settings of every stage: free ports, and a window that a test can wait for. */
const stageSettings = {
  SCS_API_PORT: "0",
  SCS_CHAIN_PORT: "0",
  SCS_ANCHOR_WINDOW_SECONDS: "2",
  SCS_CHAIN_POLL_MS: "50",
};

/** Where an operation is tried again after the node was away; together more than a start takes. */
const retryPauseMilliseconds = 100;
const retryLimit = 600;

/** How a stage differs from the others. */
export type StageOptions = {
  /** Members of an epoch that close it. */
  readonly tasksPerEpoch: number;
  /** More settings of the node, or other values. */
  readonly settings?: Readonly<Record<string, string>>;
};

/** A running node with everything around it. Close it, whatever happened. */
export class Stage {
  readonly dataDir: string;
  readonly configuration: Configuration;
  /** Under the node's role. */
  readonly database: Database;
  /** As the cluster's superuser: what a thief or an administrator could do. */
  readonly admin: pg.Pool;
  #settings: Readonly<Record<string, string>>;
  readonly #cluster: EmbeddedDatabase;
  #tokens: ReadonlyMap<string, string> = new Map();
  #node: NodeProcess;

  private constructor(
    dataDir: string,
    settings: Readonly<Record<string, string>>,
    parts: { node: NodeProcess; configuration: Configuration; database: Database; cluster: EmbeddedDatabase },
  ) {
    this.dataDir = dataDir;
    this.#settings = settings;
    this.configuration = parts.configuration;
    this.database = parts.database;
    this.#node = parts.node;
    this.#cluster = parts.cluster;
    this.admin = openAdmin(parts.cluster, "scs");
  }

  /** Starts a node in a new folder with the keys, meaning and policy of the demo. */
  static async open({ tasksPerEpoch, settings: more = {} }: StageOptions): Promise<Stage> {
    const dataDir = await mkdtemp(join(tmpdir(), "scs-scenario-"));
    // The database server of root runs under another account.
    await chmod(dataDir, 0o755);
    writeDemoKeys(dataDir);
    const settings = { ...stageSettings, ...more };
    const node = await startNodeProcess(dataDir, settings);
    const configuration = loadConfiguration({ ...settings, SCS_DATA_DIR: dataDir });
    const silent = openLog({ level: "silent" });
    const { urls } = await provideDatabase(configuration, silent);
    const database = openAs(urls, "node", configuration, silent);
    const cluster = await startEmbedded({ dataDir: databaseFiles.cluster(dataDir), log: () => undefined });
    const stage = new Stage(dataDir, settings, { node, configuration, database, cluster });
    await govern(configuration, { url: node.url, rpcUrl: stage.rpcUrl, anchor: node.anchor }, tasksPerEpoch);
    const tokens = new Map(await issueDemoTokens(database));
    tokens.set("operator", tokenIn(operatorTokenFile(dataDir)) ?? "");
    stage.#tokens = tokens;
    return stage;
  }

  get node(): NodeProcess {
    return this.#node;
  }

  /** The address of the superuser of its database server. */
  get adminUrl(): string {
    return this.#cluster.adminUrl;
  }

  get rpcUrl(): string {
    return this.#node.endpoints[0] ?? "";
  }

  /** How the people of the demo reach the node as it runs now. */
  get setting(): Setting {
    const { url, chainId, anchor } = this.#node;
    return { url, domain: { chainId: BigInt(chainId), anchor }, tokens: this.#tokens, expiresAtSeconds };
  }

  /** What the node wrote into its log so far. */
  get log(): string {
    return readFileSync(logFile(this.dataDir), "utf8");
  }

  /** Kills the node and, in the same moment, those of its children whose command line has one of these words. */
  async kill(...children: readonly string[]): Promise<void> {
    const victims = childrenOf(this.#node.pid).filter(({ command }) => children.some((word) => command.includes(word)));
    const killed = this.#node.kill();
    for (const { pid } of victims) process.kill(pid, "SIGKILL");
    await killed;
  }

  /** Kills the signer alone; the node starts another. */
  killSigner(): void {
    for (const { pid, command } of childrenOf(this.#node.pid)) {
      if (command.includes("signer")) process.kill(pid, "SIGKILL");
    }
  }

  /** Starts the node again on what it left. */
  async start(): Promise<void> {
    this.#node = await startNodeProcess(this.dataDir, this.#settings);
  }

  /** Stops the node in order and starts it again, with other settings where they are given. */
  async restart(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#node.stop();
    this.#settings = { ...this.#settings, ...settings };
    await this.start();
  }

  /** Lets the time pass in which claims and duties of dead processes still hold. */
  async passLeases(): Promise<void> {
    await this.admin.query(`UPDATE work.duty SET held_until = now()`);
    await this.admin.query(`UPDATE payout.duty SET held_until = now()`);
    await this.admin.query(`UPDATE work.task SET held_until = now() WHERE held_until > now()`);
    await this.admin.query(`UPDATE work.outbox SET due_at = now() WHERE delivered_at IS NULL AND due_at > now()`);
  }

  /** The first column of a query's first row, as a number. */
  async count(sql: string): Promise<number> {
    const { rows } = await this.admin.query<{ count: string }>(sql);
    return Number(rows[0]?.count ?? 0);
  }

  /** Does something over REST, and again while the node is away. */
  async insist<T>(work: (setting: Setting) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(this.setting);
      } catch (error) {
        if (attempt === retryLimit || !isAway(error)) throw error;
        await pause(retryPauseMilliseconds);
      }
    }
  }

  /** Ends every process of the stage and removes its folder. */
  async close(): Promise<void> {
    await this.#node.stop();
    await this.database.close();
    await this.admin.end();
    await this.#cluster.release();
    await removeEmbedded(databaseFiles.cluster(this.dataDir));
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** Connections of the superuser to one of a cluster's databases. */
export function openAdmin({ adminUrl }: Pick<EmbeddedDatabase, "adminUrl">, database: string): pg.Pool {
  const url = new URL(adminUrl);
  url.pathname = database;
  const pool = new pg.Pool({ connectionString: url.href, max: 2 });
  pool.on("error", () => undefined);
  return pool;
}

/** Whether somebody was not there, as opposed to having refused. */
function isAway(error: unknown): boolean {
  const texts = [error, (error as { cause?: unknown } | undefined)?.cause].map(String);
  return texts.some((text) => /fetch failed|ECONNREFUSED|ECONNRESET|HTTP request failed|socket|terminated/.test(text));
}

type Running = { readonly pid: number; readonly command: string };

/** The child processes of a process, as the system lists them. */
function childrenOf(parent: number): readonly Running[] {
  return readdirSync("/proc").flatMap((name): readonly Running[] => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parentOf = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      if (parentOf !== parent) return [];
      return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ") }];
    } catch {
      return [];
    }
  });
}
