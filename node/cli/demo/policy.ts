// The demo's policy: small deadlines, fees and shares that a reader can check by hand.
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";

/** The policy of the demo; an epoch closes when `maximumTasks` verified tasks are its members. */
export function demoPolicy(treasuryAccount: Hex, maximumTasks: number): Policy {
  const stage = { deadlineSeconds: 600, maximumAttempts: 5, backoffMilliseconds: 200 };
  return {
    policyVersion: "1",
    stages: { accepted: stage, resolving: stage, dispatched: stage, verifying: stage },
    fees: { base: "1000000000000000", perThousandRecords: "500000000000000" },
    minimumGroupSize: 10,
    verifiers: 1,
    quota: { tasksPerWindow: 100_000, windowSeconds: 3_600 },
    epochs: { maximumSeconds: 86_400, maximumTasks },
    rewards: {
      shares: { producers: 3_000, vaults: 2_500, executors: 2_500, verifiers: 1_500, treasury: 500 },
      subsidy: "1000000000000000000",
      treasuryAccount,
    },
    penalties: { executor: "2000000000000000", verifier: "1000000000000000" },
    aggregation: {
      windowEpochs: 10,
      highActivityWindowEpochs: 5,
      highActivityDomains: ["aviation.wildlife"],
      privacy: { epsilonThousandths: 1_000, deltaExponent: 6, minimumRecords: 25 },
      promotion: { minimumVaults: 2, minimumFrequency: 1_000, minimumStability: 5_000, minimumWindows: 1 },
    },
    envelopeLifetimeSeconds: 86_400,
  };
}
