// What acts of governance order from other parts of the node: epochs, aggregations, challenges, candidates.
import type { GovernanceOrders } from "#semantic/govern.ts";
import { carryOutVerdict } from "#settlement/challenge-verdicts.ts";
import { startClosing } from "#storage/epochs.ts";
import { readFinalCandidate } from "#storage/governance.ts";
import { orderAggregation } from "#storage/local-attributes.ts";

/** The orders as the node carries them out, each in the transaction of its act. */
export const governanceOrders: GovernanceOrders = {
  closeEpoch: (transaction, { scope, epoch, by }, now) =>
    startClosing(transaction, { scope, epoch, by, trigger: "order" }, now),
  orderAggregation: (transaction, { scope, epoch }) => orderAggregation(transaction, { scope, epoch }),
  decideChallenge: (transaction, { challengeId, round, upheld, penalty, by, actId }, now) =>
    carryOutVerdict(transaction, { challengeId, round, upheld, penalty, by, actId }, now),
  readCandidate: readFinalCandidate,
};
