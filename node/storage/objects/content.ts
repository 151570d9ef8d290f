// Objects named by what is in them: whoever holds the digest can tell whether the bytes are the right ones.
import { ProtocolError } from "#protocol/errors.ts";
import { sha256Hex } from "#protocol/hash.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ObjectStore } from "./store.ts";

/** The key of content with this digest; the first byte spreads objects over 256 folders. */
export function contentKey(digest: Hex): string {
  return `sha256/${digest.slice(2, 4)}/${digest.slice(2)}`;
}

/**
 * Keeps bytes under their SHA-256 digest and answers it. Content that is there already is compared byte by byte.
 * @throws ProtocolError INTERNAL_OBJECT_CORRUPT when other bytes are kept under this digest; INTERNAL_OBJECT_UNREACHABLE
 */
export async function putContent(store: ObjectStore, bytes: Uint8Array): Promise<Hex> {
  const digest = sha256Hex(bytes);
  const outcome = await store.putOnce(contentKey(digest), bytes);
  if (outcome === "conflict") throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { digest });
  return digest;
}

/**
 * The bytes with this SHA-256 digest, or undefined when the store has none.
 * @throws ProtocolError INTERNAL_OBJECT_CORRUPT when the stored bytes have another digest; INTERNAL_OBJECT_UNREACHABLE
 */
export async function getContent(store: ObjectStore, digest: Hex): Promise<Uint8Array | undefined> {
  const bytes = await store.get(contentKey(digest));
  if (bytes === undefined) return undefined;
  const found = sha256Hex(bytes);
  if (found !== digest) throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { digest, found });
  return bytes;
}
