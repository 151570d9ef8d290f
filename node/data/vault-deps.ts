// What the data layer is given.
import type { Metrics } from "#observability/metrics.ts";
import type { MessageDomain } from "#protocol/messages.ts";
import type { Database } from "#storage/database.ts";

export type VaultDeps = {
  readonly database: Database;
  readonly clock: () => Date;
  /** Unpredictable bytes, for keys and nonces. */
  readonly random: (size: number) => Uint8Array;
  /** 32 bytes that wrap the collections' keys. Whoever has it, and the database, has the plaintext. */
  readonly masterKey: Uint8Array;
  /** Where signatures count. */
  readonly domain: MessageDomain;
  readonly metrics: Metrics;
};
