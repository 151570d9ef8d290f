// Addresses of the contracts a command speaks of: configured, or those this data folder deployed.
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import type { Configuration } from "../config/schema.ts";
import { readDeployment } from "../wiring/deployment.ts";

const settingOf = { anchor: "SCS_ANCHOR_ADDRESS", treasury: "SCS_TREASURY_ADDRESS" } as const;

/** The address of a contract. @throws ProtocolError INTERNAL_CONFIGURATION when none is known */
export function deployedAddress(configuration: Configuration, contract: keyof typeof settingOf): Hex {
  const configured = configuration[settingOf[contract]];
  if (configured !== "") return configured as Hex;
  const recorded = readDeployment(configuration.SCS_DATA_DIR)?.[contract];
  if (recorded !== undefined) return recorded;
  const settings = [`${settingOf[contract]} is not set, and nothing was deployed from this data folder`];
  throw new ProtocolError("INTERNAL_CONFIGURATION", { settings });
}
