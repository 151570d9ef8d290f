// The running digest of a collection: what its first records commit to, however they were added.
import { bytesToHex, contentId, hexToBytes, sha256, type Hex } from "#protocol/hash.ts";

/** The digest of no records: it names the collection, so that two collections never share one. */
export function emptyDigest(vault: string, collection: string): Hex {
  return contentId("scs.collection", { vault, collection });
}

/**
 * The digest after further records: digest_n = SHA-256(digest_{n−1} ‖ commitment_n), one record at a time, so that it depends
 * on the records and their order alone, not on how they came in batches.
 */
export function foldDigest(digest: Hex, commitments: readonly Hex[]): Hex {
  let current = hexToBytes(digest, 32);
  const both = Buffer.alloc(64);
  for (const commitment of commitments) {
    both.set(current, 0);
    both.set(hexToBytes(commitment, 32), 32);
    current = sha256(both);
  }
  return bytesToHex(current);
}
