// Who signs: an account that turns a transaction into signed bytes, wherever its key is kept.
import { keccak256, parseTransaction, recoverTransactionAddress, type TransactionSerializableEIP1559 } from "viem";
import type { Hex } from "#protocol/schemas/primitives.ts";

/** A key that signs transactions: in this process, in a keystore, in a remote signer or a cloud service. */
export type Signer = {
  /** Lower-case. */
  readonly address: Hex;
  /** Returns the serialized signed transaction. */
  readonly signTransaction: (transaction: TransactionSerializableEIP1559) => Promise<Hex>;
};

/** Every field that decides what a transaction does, as one comparable text. */
function meaningOf(transaction: TransactionSerializableEIP1559): string {
  const { chainId, nonce = 0, to, value = 0n, data = "0x", gas, maxFeePerGas, maxPriorityFeePerGas = 0n } = transaction;
  const fields = [chainId, nonce, to ?? "", value, data, gas, maxFeePerGas, maxPriorityFeePerGas];
  return fields.map((field) => String(field).toLowerCase()).join("|");
}

/**
 * Signs and checks what came back: signed bytes are stored and sent, so they must be this transaction, signed by this
 * account. A signer elsewhere may be misconfigured. Throws an Error when they are not.
 */
export async function signChecked(
  signer: Signer,
  transaction: TransactionSerializableEIP1559,
): Promise<{ readonly raw: Hex; readonly hash: Hex }> {
  const raw = await signer.signTransaction(transaction);
  const signed = parseTransaction(raw);
  if (signed.type !== "eip1559" || meaningOf(signed) !== meaningOf(transaction)) {
    throw new Error("the signer returned another transaction than it was given");
  }
  const signedBy = await recoverTransactionAddress({ serializedTransaction: raw as `0x02${string}` });
  if (signedBy.toLowerCase() !== signer.address) throw new Error("the signer signed with another key than its address");
  return { raw, hash: keccak256(raw) };
}
