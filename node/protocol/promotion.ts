// Whether a candidate that many vaults agree on may become a proposed attribute.
import type { GovernanceOrder } from "./schemas/governance.ts";
import type { LocalAttributeCandidate } from "./schemas/local-attribute.ts";
import type { Policy } from "./schemas/policy.ts";

type Promotion = Extract<GovernanceOrder, { kind: "promote_candidate" }>;

/**
 * What a candidate lacks to be promoted (ATTR-11), each with a stable first word: coverage, unless an exception is recorded;
 * frequency, stability and windows; one clear domain, which is the attribute's; values of the attribute's kind; no conflict,
 * unless an alias or a replacement is declared. Empty when it may be.
 */
export function missingForPromotion(
  order: Promotion,
  candidate: LocalAttributeCandidate,
  { minimumVaults, minimumFrequency, minimumStability, minimumWindows }: Policy["aggregation"]["promotion"],
): readonly string[] {
  const { attribute, coverageException, declaration } = order;
  const { coverage, frequency, stability, windows, domainId, valueKind, conflicts } = candidate;
  const missing: string[] = [];
  const least = (what: string, is: number, required: number) => {
    if (is < required) missing.push(`${what}: ${is} of ${required}`);
  };
  if (coverageException === undefined) least("coverage", coverage, minimumVaults);
  least("frequency", frequency, minimumFrequency);
  least("stability", stability, minimumStability);
  least("windows", windows, minimumWindows);
  if (domainId === null) missing.push("domain: the vaults hint at none, or at several");
  else if (domainId !== attribute.domainId) missing.push(`domain: it belongs to ${domainId}`);
  if (valueKind !== attribute.valueType.kind) missing.push(`kind: its values are ${valueKind}`);
  if (declaration === undefined) missing.push(...conflicts.map((conflict) => `conflict: ${conflict}`));
  return missing;
}
