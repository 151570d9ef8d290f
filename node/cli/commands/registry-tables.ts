// A registry as people read it: its domains, its canonical attributes and its query attributes.
import type { Registry } from "#protocol/schemas/registry.ts";
import type { Output } from "../output.ts";

/** Shows everything in a registry as tables. */
export function showRegistry(output: Output, { domains, attributes, queryAttributes }: Registry): void {
  output.table(
    ["domain", "level", "status", "references"],
    domains.map(({ domainId, level, status, references }) => [
      domainId,
      level,
      status,
      references.map(({ domain, answer }) => `${domain}: ${answer}`).join("\n"),
    ]),
  );
  output.table(
    ["attribute", "status", "type", "terms", "successor"],
    attributes.map(({ attributeId, status, valueType, terms, successor }) => [
      attributeId,
      status,
      valueType.kind === "decimal" ? `decimal, ${valueType.scale} digits` : valueType.kind,
      terms.join(", "),
      successor ?? "",
    ]),
  );
  if (queryAttributes.length === 0) return;
  output.table(
    ["query attribute", "status", "derived", "at least", "privacy"],
    queryAttributes.map(({ queryAttributeId, status, derivationRule, queryGranularity, privacyClass }) => [
      queryAttributeId,
      status,
      `${derivationRule.kind} of ${derivationRule.source}`,
      `${queryGranularity.minimumRecords} records`,
      privacyClass,
    ]),
  );
}
