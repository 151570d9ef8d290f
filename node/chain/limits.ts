// The bounds of the chain client, each with its reason.

/** Bytes of one answer from an endpoint; a range of logs that exceeds it is split. */
export const answerBytesLimit = 32 * 1024 * 1024;
/** Blocks one followed range spans at most: public endpoints refuse much larger ranges of logs. */
export const followRangeBlocks = 5_000;
/** Up to this many blocks every header is read and linked to its parent; longer ranges lie deep and are re-read at both ends. */
export const linkedBlocks = 64;
/** Chained events of one followed step: bounds its memory and the caller's transaction. */
export const followStepEvents = 5_000;
/** Checkpoints a reader keeps to find the common ancestor after a reorganization; older ones may be dropped. */
export const followCheckpoints = 64;
/** Attempts (fee replacements) of one transaction: 1.125^40 is over a hundredfold, far beyond any sane ceiling. */
export const attemptLimit = 40;
/** How often a new transaction looks for a free nonce when others of the same sender are being stored at once. */
export const nonceRaceRetries = 16;
/** Requests sent to the endpoints at once by one step. */
export const parallelReads = 32;
/** Live transactions of one account: pools of endpoints keep few more of one sender. */
export const liveTransactionLimit = 16;
