// The worked example of a registry: three domain families, with a reference allowed, one mediated, and one superseded name.
import type { CanonicalAttribute, Domain, Registry, ValueType } from "#protocol/schemas/registry.ts";

const semanticVersion = "2026.1";
const text: ValueType = { kind: "text" };
const integer: ValueType = { kind: "integer" };
const decimal = (scale: number): ValueType => ({ kind: "decimal", scale });

function domain(
  domainId: string,
  level: Domain["level"],
  parentDomainId: string | null,
  references: Domain["references"] = [],
): Domain {
  return {
    domainId,
    parentDomainId,
    level,
    domainVersion: "1",
    semanticVersion,
    status: "active",
    deprecatedResolvable: true,
    references,
  };
}

function attribute(
  attributeId: string,
  valueType: ValueType,
  terms: readonly string[],
  more: Partial<CanonicalAttribute> = {},
): CanonicalAttribute {
  return {
    attributeId,
    domainId: attributeId.slice(0, attributeId.indexOf("/")),
    semanticVersion,
    scope: "record",
    status: "active",
    terms: [...terms],
    valueType,
    effectiveFrom: semanticVersion,
    deprecatedFrom: null,
    retiredFrom: null,
    successor: null,
    ...more,
  };
}

/** The registry that the demo publishes. */
export const demoRegistry: Registry = {
  semanticVersion,
  domains: [
    domain("global", "global", null),
    domain("aviation", "family", "global"),
    domain("aviation.wildlife", "concrete", "aviation", [
      { domain: "geography.place", answer: "allowed" },
      {
        domain: "aviation.airport",
        answer: "mediated",
        mediation: { "aviation.airport/name": "aviation.wildlife/airport" },
      },
    ]),
    domain("aviation.airport", "concrete", "aviation", [{ domain: "geography.place", answer: "allowed" }]),
    domain("culture", "family", "global"),
    domain("culture.film", "concrete", "culture"),
    domain("culture.film.rating", "sub_domain", "culture.film"),
    domain("geography", "family", "global"),
    domain("geography.place", "concrete", "geography"),
  ],
  attributes: [
    attribute("aviation.wildlife/airport", text, ["airport name"]),
    attribute("aviation.wildlife/damage", text, ["effect"]),
    attribute("aviation.wildlife/operator", text, ["airline"]),
    attribute("aviation.wildlife/phase", text, ["phase of flight"]),
    attribute("aviation.wildlife/species", text, ["wildlife species"]),
    attribute("aviation.wildlife/size", text, ["wildlife size"]),
    attribute("aviation.wildlife/time_of_day", text, []),
    attribute("aviation.wildlife/cost_total", integer, ["cost"]),
    attribute("aviation.wildlife/cost_repair", integer, ["cost"]),
    attribute("aviation.wildlife/speed", integer, ["speed ias in knots"]),
    attribute("aviation.wildlife/velocity", integer, [], {
      status: "superseded",
      successor: "aviation.wildlife/speed",
    }),
    attribute("aviation.wildlife/engine", text, ["engine type"], { status: "retired", retiredFrom: semanticVersion }),
    attribute("aviation.airport/code", text, ["iata"]),
    attribute("aviation.airport/name", text, []),
    attribute("aviation.airport/latitude", decimal(8), []),
    attribute("aviation.airport/longitude", decimal(8), []),
    attribute("culture.film/title", text, []),
    attribute("culture.film/genre", text, ["major genre"]),
    attribute("culture.film/distributor", text, []),
    attribute("culture.film/gross_worldwide", integer, ["worldwide gross", "gross"]),
    attribute("culture.film/budget", integer, ["production budget"]),
    attribute("culture.film/running_minutes", integer, ["running time"]),
    attribute("culture.film/imdb_rating", decimal(1), ["imdb rating", "rating"]),
    attribute("culture.film/critics_rating", integer, ["rotten tomatoes rating", "rating"]),
    attribute("geography.place/state", text, ["origin state"]),
    attribute("geography.place/country", text, []),
  ],
  queryAttributes: [],
};
