// Everything a node process stands on: database, objects, chain, contracts, keys; made in the data folder where not configured.
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tokenScopes } from "#application/scopes.ts";
import type { Logger } from "#observability/log.ts";
import type { Hex } from "#protocol/hash.ts";
import type { Database } from "#storage/database.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { issueToken, registerActor } from "#storage/tokens.ts";
import type { Deployment } from "../../../deploy/chain/deploy.ts";
import type { Configuration } from "../config/schema.ts";
import { openChain, type ChainAccess } from "./chain.ts";
import { openAs, provideDatabase } from "./database.ts";
import { deployLocally, knownDeployment, localAccounts, localActor } from "./deployment.ts";
import { nodeKeys, type NodeKeys } from "./keys.ts";
import { startChainProcess } from "./local-chain-process.ts";

/** What `start` runs a node on. `endpoints` are the chain's, for the processes beside this one. */
export type Surroundings = {
  readonly database: Database;
  readonly store: ObjectStore;
  /** The folder behind the store. */
  readonly objects: string;
  readonly chain: ChainAccess;
  readonly endpoints: readonly string[];
  readonly deployment: Deployment;
  readonly keys: NodeKeys;
  /** Settles with the reason when an embedded database is gone for good. */
  readonly databaseLost: Promise<string>;
  readonly stop: () => Promise<void>;
};

/** Where the operator's own token is kept for the commands on this machine. */
export const operatorTokenFile = (dataDir: string): string => join(dataDir, "keys", "operator.token");

/** How long the operator's token is valid; another is issued with `scs token issue`. */
const operatorTokenMilliseconds = 365 * 86_400_000;

/** What to do so that something that was started is not left behind. */
type Undoing = (() => Promise<void>)[];

/**
 * Starts, finds or connects to everything, in the order in which one needs the other. When a part fails, those that this start
 * began are stopped, the latest first, before the failure is passed on.
 */
export async function provideSurroundings(configuration: Configuration, log: Logger): Promise<Surroundings> {
  const begun: Undoing = [];
  try {
    return await provideAll(configuration, log, begun);
  } catch (error) {
    for (const undo of begun.reverse()) {
      await undo().catch((failure: unknown) => log.warn({ err: failure }, "a part that was started did not stop"));
    }
    throw error;
  }
}

async function provideAll(configuration: Configuration, log: Logger, begun: Undoing): Promise<Surroundings> {
  const dataDir = configuration.SCS_DATA_DIR;
  const ready = await provideDatabase(configuration, log);
  begun.push(ready.undo);
  const database = openAs(ready.urls, "node", configuration, log);
  begun.push(async () => await database.close());
  const keys = nodeKeys(configuration);
  const isLocal = configuration.SCS_CHAIN_ENDPOINTS.length === 0;
  const chainProcess = isLocal
    ? await startChainProcess({
        dataDir,
        port: configuration.SCS_CHAIN_PORT,
        chainId: configuration.SCS_CHAIN_ID,
        fundedAddresses: await localAccounts(configuration),
      })
    : undefined;
  begun.push(async () => await chainProcess?.stop());
  const endpoints = chainProcess ? [chainProcess.url] : configuration.SCS_CHAIN_ENDPOINTS;
  const deployment = chainProcess
    ? await deployLocally(configuration, chainProcess.url)
    : knownDeployment(configuration);
  const chain = await openChain(configuration, endpoints, deployment);
  if (isLocal) await registerOwnActors(database, keys, localActor(dataDir, "governance").address);
  await provideOperatorToken(database, dataDir);
  const objects = join(dataDir, "objects");
  const store = await createFolderStore(objects);
  const stop = async () => {
    await database.close();
    await chainProcess?.stop();
    await ready.stop();
  };
  return { database, store, objects, chain, endpoints, deployment, keys, databaseLost: ready.lost, stop };
}

/** On a local chain nobody else would register the node's own executor and verifiers, and who governs it. */
async function registerOwnActors(database: Database, keys: NodeKeys, governance: Hex): Promise<void> {
  const now = new Date();
  await registerActor(database, { address: governance, roles: ["governance"] }, "operator", now);
  await registerActor(database, { address: keys.executor.address, roles: ["executor"] }, "operator", now);
  for (const { address } of keys.verifiers) {
    await registerActor(database, { address, roles: ["verifier"] }, "operator", now);
  }
}

async function provideOperatorToken(database: Database, dataDir: string): Promise<void> {
  const file = operatorTokenFile(dataDir);
  if (existsSync(file)) return;
  const now = new Date();
  const until = new Date(now.getTime() + operatorTokenMilliseconds);
  const token = { subject: "operator", scopes: Object.keys(tokenScopes), until };
  const random = (size: number): Uint8Array => randomBytes(size);
  writeFileSync(file, await issueToken(database, token, { random, now }), { mode: 0o600 });
}
