// What a task costs: a pure function of policy and of the records it reads.
import type { Policy } from "./schemas/policy.ts";

/** The fee of a task that reads `records` records, in base units. */
export function feeOf(policy: Policy, records: number): bigint {
  const thousands = BigInt(Math.ceil(records / 1000));
  return BigInt(policy.fees.base) + BigInt(policy.fees.perThousandRecords) * thousands;
}
