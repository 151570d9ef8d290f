// The keys of a data folder: which file holds whose, and the payer's keystore.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProtocolError } from "#protocol/errors.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { openKeystore, sealKeystore } from "#payout/keystore.ts";
import type { Configuration } from "../config/schema.ts";
import { provideKeyIn, provideSecretIn, readKeyIn, readSecretIn, type ActorKey } from "../keys.ts";

/** The file of a named key in a data folder. */
export function keyFile(dataDir: string, name: string): string {
  return join(dataDir, "keys", `${name}.key`);
}

/**
 * A key that is configured has to be there: made in its place, a mistyped path would give the node another identity, or vaults
 * that nobody can open. One that is not configured is made in the data folder.
 */
function keyOr(configured: string, dataDir: string, name: string): ActorKey {
  return configured === "" ? provideKeyIn(keyFile(dataDir, name)) : readKeyIn(configured);
}

/** What the node signs and opens with. */
export type NodeKeys = {
  readonly proposer: ActorKey;
  readonly executor: ActorKey;
  readonly verifiers: readonly ActorKey[];
  readonly master: Uint8Array;
};

/**
 * The node's keys, made in the data folder where none are configured.
 * @throws ProtocolError INTERNAL_CONFIGURATION when a configured one is missing, others can read it, or it holds no key
 */
export function nodeKeys(configuration: Configuration): NodeKeys {
  const dataDir = configuration.SCS_DATA_DIR;
  const verifierFiles = configuration.SCS_VERIFIER_KEY_FILES;
  const masterFile = configuration.SCS_MASTER_KEY_FILE;
  const master = masterFile === "" ? provideSecretIn(keyFile(dataDir, "master")) : readSecretIn(masterFile);
  return {
    proposer: keyOr(configuration.SCS_PROPOSER_KEY_FILE, dataDir, "proposer"),
    executor: keyOr(configuration.SCS_EXECUTOR_KEY_FILE, dataDir, "executor"),
    verifiers:
      verifierFiles.length === 0 ? [provideKeyIn(keyFile(dataDir, "verifier-1"))] : verifierFiles.map(readKeyIn),
    master: hexToBytes(master, 32),
  };
}

/** The payer's keystore and its password, made in the data folder where none are configured. */
export async function payerKey(configuration: Configuration): Promise<Hex> {
  const { keystore, password } = await payerFiles(configuration);
  return await openKeystore(textIn(keystore), textIn(password).trim());
}

/** The payer's address; its keystore names it without being opened. */
export async function payerAddress(configuration: Configuration): Promise<Hex> {
  const { keystore } = await payerFiles(configuration);
  const { address } = JSON.parse(textIn(keystore)) as { address: string };
  return `0x${address.replace(/^0x/, "").toLowerCase()}`;
}

async function payerFiles(configuration: Configuration): Promise<{ keystore: string; password: string }> {
  const dataDir = configuration.SCS_DATA_DIR;
  const keystore = configuration.SCS_PAYER_KEYSTORE_FILE || join(dataDir, "keys", "payer.json");
  const password = configuration.SCS_PAYER_PASSWORD_FILE || join(dataDir, "keys", "payer.password");
  if (configuration.SCS_PAYER_KEYSTORE_FILE === "" && !existsSync(keystore)) {
    mkdirSync(join(dataDir, "keys"), { recursive: true, mode: 0o700 });
    const sealed = await sealKeystore(provideSecretIn(keyFile(dataDir, "payer")), passwordFor(configuration, password));
    writeFileSync(keystore, sealed, { mode: 0o600, flush: true });
  }
  return { keystore, password };
}

/** The password of a keystore that is made here: the configured one, or one that is made with it. */
function passwordFor(configuration: Configuration, file: string): string {
  return configuration.SCS_PAYER_PASSWORD_FILE === "" ? provideSecretIn(file) : textIn(file).trim();
}

/** The text of a payer's file. @throws ProtocolError INTERNAL_CONFIGURATION that names a file that is not there */
function textIn(file: string): string {
  if (existsSync(file)) return readFileSync(file, "utf8");
  const settings = [
    `${file} does not exist: see SCS_PAYER_KEYSTORE_FILE, SCS_PAYER_PASSWORD_FILE and "scs keys keystore"`,
  ];
  throw new ProtocolError("INTERNAL_CONFIGURATION", { settings });
}
