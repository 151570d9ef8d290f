// What the payout steps work with; made once per signer process.
import type { ContractPlace } from "#chain/anchor.ts";
import type { FollowSource } from "#chain/follower.ts";
import type { Submitter } from "#chain/submitter.ts";
import type { Logger } from "#observability/log.ts";
import type { Database } from "#storage/database.ts";
import type { Notices } from "./notices.ts";
import type { PayoutLimits } from "./policy.ts";

export type PayoutDeps = {
  readonly database: Database;
  readonly anchor: ContractPlace;
  readonly treasury: ContractPlace;
  readonly source: FollowSource;
  readonly submitter: Submitter;
  readonly limits: PayoutLimits;
  readonly clock: () => Date;
  readonly log: Logger;
  /** What holds payouts back goes through it: a step looks several times a second. */
  readonly notices: Notices;
};
