// The parts of a policy that most tests do not look at: no penalties, and aggregation that nothing reaches.
import type { Policy } from "#protocol/schemas/policy.ts";

/** Spread into a test's policy. */
export const quietPolicyParts: Pick<Policy, "penalties" | "aggregation"> = {
  penalties: { executor: "0", verifier: "0" },
  aggregation: {
    windowEpochs: 10,
    highActivityWindowEpochs: 5,
    highActivityDomains: [],
    privacy: { epsilonThousandths: 1_000, deltaExponent: 6, minimumRecords: 20 },
    promotion: { minimumVaults: 2, minimumFrequency: 1_000, minimumStability: 5_000, minimumWindows: 1 },
  },
};
