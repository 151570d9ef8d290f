// Every bound of the product in one place, each with its reason.

/** Bytes of a REST body: a full batch of 5,000 records fits; anything larger belongs in several requests. */
export const bodyLimitBytes = 4 * 1024 * 1024;
/** Nesting of JSON values: canonical bytes are made recursively and must not exhaust the stack. */
export const jsonDepthLimit = 32;
/** Submissions waiting for a flush: beyond it callers get POLICY_OVERLOADED instead of a growing queue. */
export const intakeQueueLimit = 8192;
/** Submissions per intake transaction: past a few hundred rows a larger batch no longer lowers cost per row. */
export const intakeBatchLimit = 512;
/** Intake transactions at once: two keep the database busy while the next batch collects. */
export const intakeFlushesInFlight = 2;
/** Tasks a step claims at once: large enough to amortize a commit, small enough to finish well within a lease. */
export const stepBatchLimit = 256;
/** How long a claim holds without renewal: longer than any honest batch, short enough to wait out a crash. */
export const leaseSeconds = 30;
/** Journal entries per sealed batch: bounds the memory of a seal. */
export const journalBatchLimit = 4096;
/** Outbox deliveries claimed at once. */
export const outboxBatchLimit = 64;
/** Items of an epoch: its trees are held in memory while the root is built. */
export const epochItemLimit = 1_000_000;
/** Penalties that one epoch freezes: they are in its archive's manifest; others wait for a later epoch. */
export const epochPenaltyLimit = 100_000;
/** Items in one part of an archive: bounds the memory of a reader that streams. */
export const archivePartItems = 1_000;
/** Payout leaves one transaction pays: one bitmap word of the treasury contract. */
export const payoutRangeLimit = 256;
/** Plaintext held by the execution layer's collection cache, in bytes of decoded columns. */
export const plaintextCacheBytes = 256 * 1024 * 1024;
/** Records decrypted at once while a collection is opened. */
export const recordPageLimit = 5_000;
/** Distinct groups of one query result. */
export const queryGroupLimit = 10_000;
/** Local attributes that one record counts for. It bounds what one record can change, so noise grows with it; it is no setting. */
export const localAttributesPerRecord = 8;
/** Summaries of one aggregation window: they are held in memory and in the archive's manifest. */
export const localSummariesPerWindow = 10_000;
/** Acts that amend one semantic version: whoever looks at it before it is published has them folded. */
export const actsPerVersion = 1_000;
/** Requests a second from one address that carries no token. */
export const anonymousRequestsPerSecond = 50;
