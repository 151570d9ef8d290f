// secp256k1 signatures over 32-byte digests, as Ethereum wallets make them, and the account behind one.
import secp256k1 from "secp256k1";
import { bytesToHex, hexToBytes, type Hex } from "./hash.ts";
import { keccak256 } from "./keccak.ts";

/** Half of the group's order: of the two values of s that verify, only the one up to here counts (EIP-2). */
const halfOrder = hexToBytes("0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");

/** r, s and v behind one another. */
const SIGNATURE_BYTES = 65;

/** v is 27 plus the parity of the point's y. */
const V_EVEN = 27;

/**
 * Signs a digest. Deterministic (RFC 6979), low s.
 * @returns 65 bytes r‖s‖v, v 27 or 28.
 * @throws TypeError or Error if the key is not a private key; neither repeats it.
 */
export function sign(digest: Uint8Array, privateKey: Hex): Hex {
  const { signature, recid } = secp256k1.ecdsaSign(digest, hexToBytes(privateKey, 32));
  // An x coordinate beyond the order, which would give 2 or 3, is a matter of one in 2^127.
  if (recid > 1) throw new Error("the signature cannot be written with v 27 or 28");
  return `${bytesToHex(signature)}${(V_EVEN + recid).toString(16)}`;
}

/**
 * The account whose key signed a digest, in lower case; undefined if the signature is malformed: not 65 bytes, v
 * other than 27 or 28, s above half the order (so that no second signature for the same content exists), or no point.
 */
export function recover(digest: Uint8Array, signature: string): Hex | undefined {
  if (digest.length !== 32 || !/^0x[0-9a-fA-F]{130}$/.test(signature)) return undefined;
  const bytes = hexToBytes(signature, SIGNATURE_BYTES);
  const recoveryId = (bytes[64] ?? 0) - V_EVEN;
  if (recoveryId !== 0 && recoveryId !== 1) return undefined;
  if (Buffer.compare(bytes.subarray(32, 64), halfOrder) > 0) return undefined;
  try {
    return accountOf(secp256k1.ecdsaRecover(bytes.subarray(0, 64), recoveryId, digest, false));
  } catch {
    // The library throws for r or s outside the group and where no point fits; its inputs are well-formed here.
    return undefined;
  }
}

/**
 * The account of a private key, in lower case.
 * @throws TypeError or Error if the key is not a private key; neither repeats it.
 */
export function addressOf(privateKey: Hex): Hex {
  return accountOf(secp256k1.publicKeyCreate(hexToBytes(privateKey, 32), false));
}

/** Accounts of public keys already seen: actors are few, and remembering costs less than hashing. */
const accounts = new Map<string, Hex>();
const accountsKept = 1_000;

/** The last 20 bytes of the hash of an uncompressed public key without its first byte. */
function accountOf(publicKey: Uint8Array): Hex {
  // The whole key is the name: a part of it could be shared.
  const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.length).toString("latin1");
  const known = accounts.get(name);
  if (known !== undefined) return known;
  const account = bytesToHex(keccak256(publicKey.subarray(1)).subarray(12));
  if (accounts.size >= accountsKept) accounts.clear();
  accounts.set(name, account);
  return account;
}
