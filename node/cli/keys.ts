// Key files: 32 random bytes as hexadecimal text in a file only its owner can read; reading one and making one are two acts.
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import { addressOf } from "#protocol/signature.ts";

/** An actor's key: its address, and the key itself, which goes into signatures and nowhere else. */
export type ActorKey = { readonly address: Hex; readonly privateKey: Hex };

/**
 * Reads the secret in a file.
 * @throws ProtocolError INTERNAL_CONFIGURATION if there is no such file, others than the owner can read it, or it holds
 * something else
 */
export function readSecretIn(file: string): Hex {
  const status = statSync(file, { throwIfNoEntry: false });
  if (!status) {
    const settings = [`${file} does not exist: make it with "scs keys new", or correct the path`];
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings });
  }
  if ((status.mode & 0o077) !== 0) {
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${file} must be readable by its owner alone`] });
  }
  const text = readFileSync(file, "utf8").trim();
  if (/^0x[0-9a-f]{64}$/.test(text)) return text as Hex;
  throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${file} does not hold a key`] });
}

/**
 * The secret in a file, made first if the file does not exist. Two processes that make it at once end with the same one.
 * @throws ProtocolError INTERNAL_CONFIGURATION as {@link readSecretIn}
 */
export function provideSecretIn(file: string): Hex {
  makeSecret(file);
  return readSecretIn(file);
}

const keyOf = (privateKey: Hex): ActorKey => ({ privateKey, address: addressOf(privateKey) });

/** The key of an actor in a file that is there: reading makes none. @throws ProtocolError INTERNAL_CONFIGURATION */
export function readKeyIn(file: string): ActorKey {
  return keyOf(readSecretIn(file));
}

/** The key of an actor, made if its file does not exist. @throws ProtocolError INTERNAL_CONFIGURATION */
export function provideKeyIn(file: string): ActorKey {
  return keyOf(provideSecretIn(file));
}

/** A file appears whole or not at all: it is written under another name and linked into place. */
function makeSecret(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })) return;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.draft`;
  writeFileSync(draft, `${bytesToHex(randomBytes(32))}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
