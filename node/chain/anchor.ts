// The Anchor contract: what it holds, the calls it takes, the events it gives.
import { encodeFunctionData } from "viem";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Header, SubRoots } from "#protocol/settlement-root.ts";
import { anchorAbi, anchorStates } from "./abi/anchor.ts";
import { agreedHead, readAgreed, type AgreedBlock, type ChainClient } from "./client.ts";
import { describeRevert, type ContractCall, type RevertReason } from "./contract-call.ts";
import { decodeEvents, plain, type ContractEvent } from "./contract-events.ts";
import { chainedTopics, type ChainedLog } from "./event-chain.ts";

/** A contract on a chain; the address is lower-case. */
export type ContractPlace = { readonly chain: ChainClient; readonly address: Hex };

/** State of an epoch on the anchor, as the contract derives it. */
export type AnchorState = Lowercase<(typeof anchorStates)[number]>;

/** All that the anchor knows of an epoch, at one block. Times are unix seconds; zero values mean absence. */
export type AnchoredCandidate = {
  readonly state: AnchorState;
  readonly revision: number;
  readonly root: Hex;
  readonly payoutCount: bigint;
  readonly payoutTotal: bigint;
  /** From when `finalize` succeeds; 0 unless the state is candidate or held. */
  readonly finalizableAtSeconds: number;
  readonly challenger: Hex;
  readonly evidenceHash: Hex;
  readonly holder: Hex;
};

/** What the anchor was deployed with. Bonds in base units of the bond token. */
export type AnchorTerms = {
  readonly bondToken: Hex;
  readonly challengeBond: bigint;
  readonly holdBond: bigint;
  readonly windowSeconds: number;
  readonly holdSeconds: number;
  readonly bondSink: Hex;
};

/** Signature hashes of the anchor's chained events, for `followOnce`. */
export const anchorTopics: ReadonlySet<Hex> = chainedTopics(anchorAbi);

/** One event of the anchor. */
export type AnchorEvent = ContractEvent<typeof anchorAbi>;

/** Decodes followed logs of the anchor. */
export const decodeAnchorEvents = (logs: readonly ChainedLog[]): readonly AnchorEvent[] =>
  decodeEvents(anchorAbi, logs);

/** Names why the anchor refuses a call. */
export const describeAnchorRevert = (data: Hex): RevertReason => describeRevert(anchorAbi, data);

/**
 * All that the anchor knows of an epoch, as a quorum sees it at `at` (default: the newest agreed block). Throws as
 * `readAgreed`.
 */
export async function readCandidate(
  { chain, address }: ContractPlace,
  scope: Hex,
  epoch: bigint,
  at?: AgreedBlock,
): Promise<AnchoredCandidate> {
  const { hash: blockHash } = at ?? (await agreedHead(chain));
  const { state, finalizableAt, ...candidate } = await readAgreed(chain, (client) =>
    client.readContract({ address, abi: anchorAbi, functionName: "candidateOf", args: [scope, epoch], blockHash }),
  );
  const name = (anchorStates[state] ?? "None").toLowerCase() as AnchorState;
  return { ...plain(candidate), state: name, finalizableAtSeconds: finalizableAt };
}

/** The last finalized epoch of a scope and its root; 0 and zero before the first. Agreed. Throws as `readAgreed`. */
export async function readHead(
  { chain, address }: ContractPlace,
  scope: Hex,
  at?: AgreedBlock,
): Promise<{ readonly epoch: bigint; readonly root: Hex }> {
  const { hash: blockHash } = at ?? (await agreedHead(chain));
  const [epoch, root] = await readAgreed(chain, (client) =>
    client.readContract({ address, abi: anchorAbi, functionName: "headOf", args: [scope], blockHash }),
  );
  return { epoch, root };
}

/** The ruleset in force for an epoch of a scope, or zero. Agreed. Throws as `readAgreed`. */
export async function readRuleset(
  { chain, address }: ContractPlace,
  scope: Hex,
  epoch: bigint,
  at?: AgreedBlock,
): Promise<Hex> {
  const { hash: blockHash } = at ?? (await agreedHead(chain));
  return readAgreed(chain, (client) =>
    client.readContract({ address, abi: anchorAbi, functionName: "rulesetOf", args: [scope, epoch], blockHash }),
  );
}

/** What the anchor was deployed with. Agreed. Throws as `readAgreed`. */
export async function readTerms({ chain, address }: ContractPlace): Promise<AnchorTerms> {
  const { hash: blockHash } = await agreedHead(chain);
  const terms = await readAgreed(chain, (client) =>
    client.readContract({ address, abi: anchorAbi, functionName: "terms", blockHash }),
  );
  return plain(terms);
}

/**
 * The contract's own verdict on a leaf and its proof against the epoch's finalized root; null when nothing is final for
 * the epoch: "not yet" is not "no". Agreed. Throws as `readAgreed`.
 */
export async function verifyLeaf(
  { chain, address }: ContractPlace,
  item: { readonly scope: Hex; readonly epoch: bigint; readonly leaf: Hex; readonly proof: readonly Hex[] },
): Promise<boolean | null> {
  const { scope, epoch, leaf, proof } = item;
  const at = await agreedHead(chain);
  const head = await readHead({ chain, address }, scope, at);
  if (epoch === 0n || epoch > head.epoch) return null;
  return readAgreed(chain, (client) =>
    client.readContract({
      address,
      abi: anchorAbi,
      functionName: "verify",
      args: [scope, epoch, leaf, proof],
      blockHash: at.hash,
    }),
  );
}

/** The call that proposes a settlement. */
export function proposeCall(anchor: Hex, header: Header, subRoots: SubRoots): ContractCall {
  const data = encodeFunctionData({ abi: anchorAbi, functionName: "propose", args: [header, subRoots] });
  return { to: anchor, data, value: 0n };
}

/** The call that makes the standing candidate final. */
export function finalizeCall(anchor: Hex, scope: Hex, epoch: bigint): ContractCall {
  return {
    to: anchor,
    data: encodeFunctionData({ abi: anchorAbi, functionName: "finalize", args: [scope, epoch] }),
    value: 0n,
  };
}

/** The call that attacks the standing candidate `root`. */
export function challengeCall(
  anchor: Hex,
  candidate: { readonly scope: Hex; readonly epoch: bigint; readonly root: Hex },
  evidenceHash: Hex,
): ContractCall {
  const args = [candidate.scope, candidate.epoch, candidate.root, evidenceHash] as const;
  return { to: anchor, data: encodeFunctionData({ abi: anchorAbi, functionName: "challenge", args }), value: 0n };
}

/** The call that gives the standing candidate `root` more time, because it cannot be verified. */
export function holdCall(
  anchor: Hex,
  candidate: { readonly scope: Hex; readonly epoch: bigint; readonly root: Hex },
  reasonHash: Hex,
): ContractCall {
  const args = [candidate.scope, candidate.epoch, candidate.root, reasonHash] as const;
  return { to: anchor, data: encodeFunctionData({ abi: anchorAbi, functionName: "hold", args }), value: 0n };
}

/** The call that decides the open challenge with that evidence. */
export function resolveCall(
  anchor: Hex,
  challenge: { readonly scope: Hex; readonly epoch: bigint; readonly evidenceHash: Hex },
  decision: { readonly upheld: boolean; readonly decisionHash: Hex },
): ContractCall {
  const { scope, epoch, evidenceHash } = challenge;
  const args = [scope, epoch, evidenceHash, decision.upheld, decision.decisionHash] as const;
  return { to: anchor, data: encodeFunctionData({ abi: anchorAbi, functionName: "resolve", args }), value: 0n };
}

/** The call that puts a ruleset in force from an epoch on. */
export function activateRulesetCall(anchor: Hex, scope: Hex, ruleset: Hex, fromEpoch: bigint): ContractCall {
  const args = [scope, ruleset, fromEpoch] as const;
  return { to: anchor, data: encodeFunctionData({ abi: anchorAbi, functionName: "activateRuleset", args }), value: 0n };
}
