// A signer whose private key is in this process's memory.
import { privateKeyToAccount } from "viem/accounts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Signer } from "./signer.ts";

/** A {@link Signer} from a private key of 32 bytes. The key stays inside; neither it nor anything made of it is shown. */
export function localKey(privateKey: Hex): Signer {
  const account = privateKeyToAccount(privateKey);
  return {
    address: account.address.toLowerCase() as Hex,
    signTransaction: (transaction) => account.signTransaction(transaction),
  };
}
