// The Treasury contract: what it holds, the calls it takes, the events it gives.
import assert from "node:assert";
import { encodeFunctionData, encodePacked } from "viem";
import { payoutRangeLimit } from "#protocol/limits.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { treasuryAbi } from "./abi/treasury.ts";
import type { ContractPlace } from "./anchor.ts";
import { agreedHead, readAgreed, type AgreedBlock } from "./client.ts";
import { describeRevert, type ContractCall, type RevertReason } from "./contract-call.ts";
import { decodeEvents, type ContractEvent } from "./contract-events.ts";
import { chainedTopics, type ChainedLog } from "./event-chain.ts";

/** One payout: its index in the epoch's tree, who gets it, and how much, in base units. */
export type PayoutLeaf = { readonly index: bigint; readonly account: Hex; readonly amount: bigint };

/** An epoch of a scope. */
export type EpochPlace = { readonly scope: Hex; readonly epoch: bigint };

/** Money of one epoch in the treasury, in base units. */
export type EpochFunds = { readonly funded: bigint; readonly paid: bigint };

/** The most a record of `payRange` holds; a larger amount has to be claimed. */
export const recordAmountLimit = 2n ** 96n - 1n;

/** Signature hashes of the treasury's chained events, for `followOnce`. */
export const treasuryTopics: ReadonlySet<Hex> = chainedTopics(treasuryAbi);

/** One event of the treasury. */
export type TreasuryEvent = ContractEvent<typeof treasuryAbi>;

/** Decodes followed logs of the treasury. */
export const decodeTreasuryEvents = (logs: readonly ChainedLog[]): readonly TreasuryEvent[] =>
  decodeEvents(treasuryAbi, logs);

/** Names why the treasury refuses a call. */
export const describeTreasuryRevert = (data: Hex): RevertReason => describeRevert(treasuryAbi, data);

/** Whether a range's mask speaks of the `offset`-th leaf of the range. */
export function maskHas(mask: bigint, offset: number): boolean {
  return ((mask >> BigInt(offset)) & 1n) === 1n;
}

/** What an epoch was given and what was paid for it, as a quorum sees it. Throws as `readAgreed`. */
export async function readFunds(
  { chain, address }: ContractPlace,
  of: EpochPlace,
  at?: AgreedBlock,
): Promise<EpochFunds> {
  const { hash: blockHash } = at ?? (await agreedHead(chain));
  return readAgreed(chain, async (client) => {
    const call = { address, abi: treasuryAbi, args: [of.scope, of.epoch], blockHash } as const;
    const funded = await client.readContract({ ...call, functionName: "fundedOf" });
    const paid = await client.readContract({ ...call, functionName: "paidOf" });
    return { funded, paid };
  });
}

/** Which of the payouts 256·word … 256·word + 255 were made: bit i speaks of index 256·word + i. Agreed. */
export async function readPaidWord(
  { chain, address }: ContractPlace,
  of: EpochPlace,
  word: bigint,
  at?: AgreedBlock,
): Promise<bigint> {
  const { hash: blockHash } = at ?? (await agreedHead(chain));
  return readAgreed(chain, (client) =>
    client.readContract({
      address,
      abi: treasuryAbi,
      functionName: "paidWord",
      args: [of.scope, of.epoch, word],
      blockHash,
    }),
  );
}

/** Whether one payout was made. Agreed. */
export async function readIsPaid(
  place: ContractPlace,
  of: EpochPlace,
  index: bigint,
  at?: AgreedBlock,
): Promise<boolean> {
  const word = await readPaidWord(place, of, index / 256n, at);
  return maskHas(word, Number(index % 256n));
}

/** The anchor and the token that the treasury was deployed with, lower-case. Agreed. */
export async function readTreasuryParts({
  chain,
  address,
}: ContractPlace): Promise<{ readonly anchor: Hex; readonly token: Hex }> {
  const { hash: blockHash } = await agreedHead(chain);
  const lower = (value: string): Hex => value.toLowerCase() as Hex;
  return readAgreed(chain, async (client) => {
    const call = { address, abi: treasuryAbi, blockHash } as const;
    const anchor = await client.readContract({ ...call, functionName: "anchor" });
    const token = await client.readContract({ ...call, functionName: "token" });
    return { anchor: lower(anchor), token: lower(token) };
  });
}

/**
 * The call that pays a block of consecutive leaves (PAYO-07). `leaves` begin at a multiple of the block's size 2^k and are all
 * of it, or all that is left of the tree; `proof` leads from the block's node to the root.
 */
export function payRangeCall(
  treasury: Hex,
  of: EpochPlace,
  leaves: readonly PayoutLeaf[],
  proof: readonly Hex[],
): ContractCall {
  const first = leaves[0];
  assert(first !== undefined && leaves.length <= payoutRangeLimit);
  assert(leaves.every((leaf, offset) => leaf.index === first.index + BigInt(offset)));
  const records = leaves.map(({ account, amount }) => {
    assert(amount <= recordAmountLimit);
    return encodePacked(["address", "uint96"], [account, amount]);
  });
  const args = [of.scope, of.epoch, first.index, records, proof] as const;
  return { to: treasury, data: encodeFunctionData({ abi: treasuryAbi, functionName: "payRange", args }), value: 0n };
}

/** The call that pays one leaf to its account (PAYO-08). */
export function claimCall(treasury: Hex, of: EpochPlace, leaf: PayoutLeaf, proof: readonly Hex[]): ContractCall {
  const args = [of.scope, of.epoch, leaf.index, leaf.account, leaf.amount, proof] as const;
  return { to: treasury, data: encodeFunctionData({ abi: treasuryAbi, functionName: "claim", args }), value: 0n };
}

/** The call that gives an epoch `amount`; the sender must have approved the treasury for it. */
export function fundCall(treasury: Hex, of: EpochPlace, amount: bigint): ContractCall {
  const args = [of.scope, of.epoch, amount] as const;
  return { to: treasury, data: encodeFunctionData({ abi: treasuryAbi, functionName: "fund", args }), value: 0n };
}

/** The call that takes back what a finalized epoch was given beyond its committed total. */
export function reclaimCall(treasury: Hex, of: EpochPlace, to: Hex): ContractCall {
  const args = [of.scope, of.epoch, to] as const;
  return { to: treasury, data: encodeFunctionData({ abi: treasuryAbi, functionName: "reclaim", args }), value: 0n };
}
