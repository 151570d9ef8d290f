// Authenticated encryption of records: a key for each record, wrapped by its collection's key, wrapped by the master key.
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex, sha256, type Hex } from "#protocol/hash.ts";

const algorithm = "aes-256-gcm";
/** Bytes of a key: AES-256. */
export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** Bytes of chance that sealing one record takes: its key, and a nonce for each of the two encryptions. */
export const sealingBytes = keyBytes + 2 * nonceBytes;
/** Bytes of chance that wrapping a collection's key takes. */
export const wrappingBytes = nonceBytes;

/** Whose record it is and where it stands: bound to its bytes, so that none can stand for another (LAYR-09). */
export type RecordPlace = {
  readonly vault: string;
  readonly collection: string;
  readonly position: number;
  readonly recordId: string;
  readonly producer: Hex;
  readonly commitment: Hex;
};

/** A record as it is at rest. Both parts are nonce, ciphertext and tag behind one another. */
export type SealedBytes = { readonly wrappedKey: Uint8Array; readonly ciphertext: Uint8Array };

/** None of the parts can hold a NUL, so two places never give the same bytes. */
function placeBytes(purpose: string, place: RecordPlace): Buffer {
  const { vault, collection, position, recordId, producer, commitment } = place;
  return Buffer.from([purpose, vault, collection, String(position), recordId, producer, commitment].join("\0"), "utf8");
}

function seal(key: KeyObject, nonce: Uint8Array, plaintext: Uint8Array, context: Uint8Array): Uint8Array {
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(context);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** The plaintext, or undefined when key, bytes or context are not those of the sealing. */
function open(key: KeyObject, sealed: Uint8Array, context: Uint8Array): Buffer | undefined {
  if (sealed.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(context);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  const begun = decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes));
  try {
    // Nothing is used before the tag was checked. In this mode nothing is left to come.
    decipher.final();
    return begun;
  } catch {
    return undefined;
  }
}

/**
 * Seals the canonical text of a record.
 * @param chance {@link sealingBytes} unpredictable bytes, used for nothing else.
 */
export function sealRecord(vaultKey: KeyObject, place: RecordPlace, text: string, chance: Uint8Array): SealedBytes {
  const recordKey = chance.subarray(0, keyBytes);
  const [first, second] = [chance.subarray(keyBytes, keyBytes + nonceBytes), chance.subarray(keyBytes + nonceBytes)];
  return {
    wrappedKey: seal(vaultKey, first, recordKey, placeBytes("record key", place)),
    ciphertext: seal(createSecretKey(recordKey), second, Buffer.from(text, "utf8"), placeBytes("record", place)),
  };
}

/**
 * Opens a sealed record: its canonical bytes, checked against its commitment.
 * @throws ProtocolError EXECUTION_RECORD_CORRUPT for a wrong key, a record in another's place, or any changed byte; it names
 * the place, never what is there
 */
export function openRecord(vaultKey: KeyObject, place: RecordPlace, sealed: SealedBytes): Buffer {
  const recordKey = open(vaultKey, sealed.wrappedKey, placeBytes("record key", place));
  const bytes = recordKey && open(createSecretKey(recordKey), sealed.ciphertext, placeBytes("record", place));
  if (bytes !== undefined && bytesToHex(sha256(bytes)) === place.commitment) return bytes;
  const { vault, collection, position } = place;
  throw new ProtocolError("EXECUTION_RECORD_CORRUPT", { vault, collection, position });
}

type CollectionPlace = Pick<RecordPlace, "vault" | "collection">;

const collectionBytes = ({ vault, collection }: CollectionPlace): Buffer =>
  Buffer.from(["collection key", vault, collection].join("\0"), "utf8");

/**
 * Wraps a collection's key with the master key.
 * @param nonce {@link wrappingBytes} unpredictable bytes.
 */
export function wrapVaultKey(
  masterKey: Uint8Array,
  place: CollectionPlace,
  vaultKey: Uint8Array,
  nonce: Uint8Array,
): Uint8Array {
  return seal(createSecretKey(masterKey), nonce, vaultKey, collectionBytes(place));
}

/**
 * The key of a collection, as a key object: given as bytes, a key costs more to prepare than a record to decrypt.
 * @throws ProtocolError EXECUTION_RECORD_CORRUPT when the master key is another one, or the wrapped key was changed or moved
 */
export function unwrapVaultKey(masterKey: Uint8Array, place: CollectionPlace, wrapped: Uint8Array): KeyObject {
  const key = open(createSecretKey(masterKey), wrapped, collectionBytes(place));
  if (key !== undefined) return createSecretKey(key);
  const { vault, collection } = place;
  throw new ProtocolError("EXECUTION_RECORD_CORRUPT", { vault, collection, reason: "its key does not open" });
}
