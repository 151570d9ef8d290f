// The chain as a command asks it: endpoints from options or configuration, and the anchor's word on a root or a leaf.
import type { AnchorReader } from "#audit/proof-file.ts";
import { readCandidate, verifyLeaf } from "#chain/anchor.ts";
import { agreedHead, connectChain, readAgreed, type ChainClient } from "#chain/client.ts";
import { simulate, type ContractCall, type RevertReason } from "#chain/contract-call.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import type { Configuration } from "../config/schema.ts";
import type { ActorKey } from "../keys.ts";
import { sendAs } from "../wiring/deployment.ts";

/** Options of a command that may name endpoints. */
export type EndpointOptions = { readonly endpoint?: readonly string[] };

/** A person waits for the answer. */
const timeoutMs = 10_000;

/** The endpoints in force: those named, those configured, or the data folder's local chain. */
export function endpointsOf({ endpoint }: EndpointOptions, configuration: () => Configuration): readonly string[] {
  if (endpoint !== undefined) return endpoint;
  const { SCS_CHAIN_ENDPOINTS: configured, SCS_CHAIN_PORT: port } = configuration();
  if (configured.length > 0) return configured;
  if (port !== 0) return [`http://127.0.0.1:${port}`];
  throw new ProtocolError("INTERNAL_CONFIGURATION", {
    settings: ["SCS_CHAIN_PORT is 0 and SCS_CHAIN_ENDPOINTS is empty: name the chain with --endpoint"],
  });
}

/** Connects; every endpoint must answer for the chain. Throws as `connectChain`. */
export async function openChain(endpoints: readonly string[], chainId: number): Promise<ChainClient> {
  return await connectChain({ endpoints, chainId, timeoutMs });
}

/** The questions of a stranger's check. Each is asked of a quorum of the endpoints. */
export function anchorReader(connect: () => Promise<ChainClient>): AnchorReader {
  return {
    chainId: async () => await readAgreed(await connect(), (client) => client.getChainId()),
    finalizedRoot: async (address, scope, epoch) => {
      const { state, root } = await readCandidate({ chain: await connect(), address }, scope, BigInt(epoch));
      return state === "finalized" ? root : null;
    },
    verify: async (address, item) => await verifyLeaf({ chain: await connect(), address }, item),
  };
}

/**
 * Sends a call that the contract would take now, and waits until it is mined; answers the transaction's hash.
 * @throws ProtocolError SETTLEMENT_ANCHOR_REFUSED with the contract's reason, and nothing sent
 */
export async function sendChecked(
  { chain, endpoints }: { readonly chain: ChainClient; readonly endpoints: readonly string[] },
  key: ActorKey,
  call: ContractCall,
  describe: (data: Hex) => RevertReason,
): Promise<Hex> {
  const outcome = await simulate(chain, key.address, call, await agreedHead(chain));
  if (outcome.kind === "reverts") {
    const { name, args } = describe(outcome.data);
    throw new ProtocolError("SETTLEMENT_ANCHOR_REFUSED", { reason: name, ...args });
  }
  const { hash } = await sendAs(endpoints[0] ?? "", chain.chainId, key, call);
  return hash;
}
