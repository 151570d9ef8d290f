// The keys of a data folder: which file holds whose, and the payer's keystore.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { openKeystore, sealKeystore } from "#payout/keystore.ts";
import type { Configuration } from "../config/schema.ts";
import { actorKeyIn, secretIn, type ActorKey } from "../keys.ts";

/** The file of a named key in a data folder. */
export function keyFile(dataDir: string, name: string): string {
  return join(dataDir, "keys", `${name}.key`);
}

const fileOr = (configured: string, dataDir: string, name: string): string =>
  configured === "" ? keyFile(dataDir, name) : configured;

/** What the node signs and opens with. */
export type NodeKeys = {
  readonly proposer: ActorKey;
  readonly executor: ActorKey;
  readonly verifiers: readonly ActorKey[];
  readonly master: Uint8Array;
};

/** The node's keys, made in the data folder where none are configured. */
export function nodeKeys(configuration: Configuration): NodeKeys {
  const dataDir = configuration.SCS_DATA_DIR;
  const verifierFiles = configuration.SCS_VERIFIER_KEY_FILES;
  const verifiers = verifierFiles.length === 0 ? [keyFile(dataDir, "verifier-1")] : verifierFiles;
  return {
    proposer: actorKeyIn(fileOr(configuration.SCS_PROPOSER_KEY_FILE, dataDir, "proposer")),
    executor: actorKeyIn(fileOr(configuration.SCS_EXECUTOR_KEY_FILE, dataDir, "executor")),
    verifiers: verifiers.map(actorKeyIn),
    master: hexToBytes(secretIn(fileOr(configuration.SCS_MASTER_KEY_FILE, dataDir, "master")), 32),
  };
}

/** The payer's keystore and its password, made in the data folder where none are configured. */
export async function payerKey(configuration: Configuration): Promise<Hex> {
  const { keystore, password } = await payerFiles(configuration);
  return await openKeystore(readFileSync(keystore, "utf8"), secretOf(password));
}

/** The payer's address; its keystore names it without being opened. */
export async function payerAddress(configuration: Configuration): Promise<Hex> {
  const { keystore } = await payerFiles(configuration);
  const { address } = JSON.parse(readFileSync(keystore, "utf8")) as { address: string };
  return `0x${address.replace(/^0x/, "").toLowerCase()}`;
}

async function payerFiles(configuration: Configuration): Promise<{ keystore: string; password: string }> {
  const dataDir = configuration.SCS_DATA_DIR;
  const keystore = configuration.SCS_PAYER_KEYSTORE_FILE || join(dataDir, "keys", "payer.json");
  const password = configuration.SCS_PAYER_PASSWORD_FILE || join(dataDir, "keys", "payer.password");
  if (configuration.SCS_PAYER_KEYSTORE_FILE === "" && !existsSync(keystore)) {
    mkdirSync(join(dataDir, "keys"), { recursive: true, mode: 0o700 });
    const sealed = await sealKeystore(secretIn(keyFile(dataDir, "payer")), secretIn(password));
    writeFileSync(keystore, sealed, { mode: 0o600, flush: true });
  }
  return { keystore, password };
}

function secretOf(file: string): string {
  return readFileSync(file, "utf8").trim();
}
