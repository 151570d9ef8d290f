// The demo's people: keys made from their names, so that two runs of the demo settle the same bytes. Never use them for more.
import { join } from "node:path";
import { mkdirSync, writeFileSync } from "node:fs";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { addressOf } from "#protocol/signature.ts";
import type { ActorKey } from "../keys.ts";

/** The key of a person of the demo. */
export function demoKey(name: string): ActorKey {
  const privateKey = sha256Hex(`scs demo key, known to everybody: ${name}`);
  return { privateKey, address: addressOf(privateKey) };
}

/** Everybody who takes part from outside the node. */
export const demoPeople = {
  submitters: ["acme-insurance", "birdwatch-society", "cinema-weekly"].map(demoKey),
  /** Registered, with a budget that covers nothing. */
  poor: demoKey("penniless-startup"),
  /** Not registered. */
  stranger: demoKey("stranger"),
  operators: {
    "aviation-east": demoKey("operator-east"),
    "aviation-west": demoKey("operator-west"),
    "film-archive": demoKey("operator-film"),
  },
  producers: ["tower-log", "ranger-station", "film-society", "airport-survey"].map(demoKey),
} as const;

/** Key files of the node's own actors, by the names that `wiring/keys.ts` gives them. */
const nodeActors = [
  "deployer",
  "governance",
  "proposer",
  "adjudicator",
  "pauser",
  "treasurer",
  "executor",
  "verifier-1",
];

/** Writes the node's keys into a data folder, where it would otherwise make random ones. */
export function writeDemoKeys(dataDir: string): void {
  const folder = join(dataDir, "keys");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of nodeActors) {
    writeFileSync(join(folder, `${name}.key`), `${demoKey(name).privateKey}\n`, { mode: 0o600 });
  }
}

/** Everybody who can earn in the demo. */
export function demoRecipients(): readonly Hex[] {
  const inside = ["executor", "verifier-1", "treasurer"].map(demoKey);
  const { operators, producers } = demoPeople;
  return [...inside, ...Object.values(operators), ...producers].map(({ address }) => address);
}
