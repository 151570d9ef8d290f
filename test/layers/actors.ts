// Accounts of the tests, each with a key that its name decides.
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { addressOf, sign } from "#protocol/signature.ts";

/** An account that can sign. */
export type Actor = { readonly address: Hex; readonly sign: (digest: Uint8Array) => Hex };

/** The account of a name. */
export function actor(name: string): Actor {
  const key = sha256Hex(`test actor ${name}`);
  return { address: addressOf(key), sign: (digest) => sign(digest, key) };
}
