// What an object store is: bytes written once under a key, with absence told apart from being unreachable (RUNR-03).
import { ProtocolError } from "#protocol/errors.ts";

/**
 * `created`: the bytes are now kept under the key, durably. `same`: these bytes were there already. `conflict`: other bytes
 * are there, and stay.
 */
export type PutOutcome = "created" | "same" | "conflict";

/**
 * Bytes under keys, written once and never changed. Each operation throws ProtocolError INTERNAL_OBJECT_UNREACHABLE when the
 * store cannot be asked: that is never an answer about the object.
 */
export interface ObjectStore {
  /** Keeps bytes under a key that is still free, all of them or none. Safe to repeat, and safe between processes. */
  putOnce(key: string, bytes: Uint8Array): Promise<PutOutcome>;
  /** The bytes under a key, or undefined when there are none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Whether there are bytes under a key. */
  has(key: string): Promise<boolean>;
  /** The keys that begin with a prefix, in the order of their code units. */
  list(prefix: string): AsyncIterable<string>;
}

/** S3 takes keys of 1,024 bytes; ours are ids and names, and a local folder has room for these on every file system. */
const maxKeyLength = 512;
/** What a local folder takes as one name, with room for the name of a draft. */
const maxPartLength = 200;
/** An object is held in memory as a whole by who writes and who reads it; larger things are kept in parts. */
const maxObjectBytes = 128 * 1024 * 1024;
/** Lower case alone, since some file systems do not tell case apart; no part begins with a dot, so none is a way out. */
const part = /^[a-z0-9_][a-z0-9._-]*$/;

/**
 * Refuses bytes that are too many for one object.
 * @throws ProtocolError INTERNAL_UNEXPECTED: the node cuts what it keeps into parts, so this is a mistake in it
 */
export function requireSize(bytes: Uint8Array): void {
  if (bytes.length <= maxObjectBytes) return;
  throw new ProtocolError("INTERNAL_UNEXPECTED", { reason: "too large for one object", bytes: bytes.length });
}

/**
 * Refuses keys that one of the drivers could not keep: parts of `a-z 0-9 . _ -`, separated by `/`, none beginning with a dot
 * or a dash.
 * @throws ProtocolError INTERNAL_UNEXPECTED: keys are made by the node itself, so this is a mistake in it
 */
export function requireKey(key: string): void {
  const parts = key.split("/");
  const fits = key.length <= maxKeyLength && parts.every((each) => each.length <= maxPartLength && part.test(each));
  if (!fits)
    throw new ProtocolError("INTERNAL_UNEXPECTED", { reason: `not an object key: ${key.slice(0, maxKeyLength)}` });
}
