// Signing on the command line: whose key, and for which chain and anchor the signature counts.
import { Option } from "commander";
import type { Hex } from "#protocol/hash.ts";
import type { MessageDomain } from "#protocol/messages.ts";
import { readKeyIn, type ActorKey } from "../keys.ts";
import type { Invocation } from "./command.ts";
import { deployedAddress } from "./deployed.ts";
import { parseAddress, wholeNumber } from "./options.ts";

/** Options of a command that signs a message. */
export type SigningOptions = { readonly keyFile?: string; readonly chainId?: number; readonly anchor?: Hex };

/** The options, with what the key is for. */
export const signingOptions = (whose: string) => [
  new Option("--key-file <file>", whose),
  new Option("--chain-id <id>", "chain that the signature is for (default: the configured one)").argParser(
    wholeNumber(1),
  ),
  new Option("--anchor <address>", "anchor that the signature is for (default: the configured one)").argParser(
    parseAddress,
  ),
];

/** The key that a person names: it has to be there. @throws ProtocolError INTERNAL_CONFIGURATION that says what to do */
export function existingKey(file: string): ActorKey {
  return readKeyIn(file);
}

/** Where a signature counts. @throws ProtocolError INTERNAL_CONFIGURATION when no anchor is known */
export function messageDomain({
  options,
  configuration,
}: Pick<Invocation<readonly unknown[], SigningOptions>, "options" | "configuration">): MessageDomain {
  const { chainId, anchor } = options;
  if (chainId !== undefined && anchor !== undefined) return { chainId: BigInt(chainId), anchor };
  const settings = configuration();
  return {
    chainId: BigInt(chainId ?? settings.SCS_CHAIN_ID),
    anchor: anchor ?? deployedAddress(settings, "anchor"),
  };
}
