// The worked example of a registry: three domain families with sub-domains, references of every kind, and projections of every kind.
import { derivationRuleRefOf } from "#protocol/projections.ts";
import type {
  CanonicalAttribute,
  DerivationRule,
  Domain,
  QueryAttribute,
  Registry,
  ValueType,
} from "#protocol/schemas/registry.ts";
import { demoPeople } from "./actors.ts";

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

/** A projection that describes no fewer than twenty records of a collection by one value. */
function queryAttribute(
  queryAttributeId: string,
  derivationRule: DerivationRule,
  more: Partial<QueryAttribute> = {},
): QueryAttribute {
  return {
    queryAttributeId,
    domainId: queryAttributeId.slice(0, queryAttributeId.indexOf("?")),
    semanticVersion,
    status: "active",
    derivationRule,
    derivationRuleRef: derivationRuleRefOf(derivationRule),
    queryGranularity: { minimumRecords: 20 },
    privacyClass: "internal",
    allowedUsageScope: { actors: [], scopes: [] },
    ...more,
  };
}

const wildlifeProjections = [
  queryAttribute("aviation.wildlife?part_of_day", {
    kind: "class",
    source: "aviation.wildlife/time_of_day",
    classes: { light: ["Dawn", "Day"], dark: ["Dusk", "Night"] },
  }),
  queryAttribute("aviation.wildlife?speed_band", {
    kind: "bucket",
    source: "aviation.wildlife/speed",
    origin: 0,
    width: 50,
  }),
  queryAttribute("aviation.wildlife?speed_known", { kind: "presence", source: "aviation.wildlife/speed" }),
  queryAttribute("aviation.wildlife?airport_initial", {
    kind: "prefix",
    source: "aviation.wildlife/airport",
    length: 1,
  }),
  // Who may use it is a matter of the scope: tasks of the demo's own scope may.
  queryAttribute(
    "aviation.wildlife?severity",
    {
      kind: "class",
      source: "aviation.wildlife/damage",
      classes: { slight: ["None", "Minor"], serious: ["Medium", "Substantial", "B", "C"] },
    },
    { status: "restricted", privacyClass: "sensitive", allowedUsageScope: { actors: [], scopes: ["main"] } },
  ),
  queryAttribute(
    "aviation.wildlife?species_initial",
    { kind: "prefix", source: "aviation.wildlife/species", length: 1 },
    { status: "retired" },
  ),
];

const otherProjections = [
  queryAttribute("aviation.airport?name_initial", { kind: "prefix", source: "aviation.airport/name", length: 1 }),
  queryAttribute(
    "geography.place?state_initial",
    { kind: "prefix", source: "geography.place/state", length: 1 },
    { privacyClass: "public" },
  ),
  queryAttribute("geography.place.settlement?city_initial", {
    kind: "prefix",
    source: "geography.place.settlement/city",
    length: 1,
  }),
  queryAttribute(
    "culture.film?rating_band",
    { kind: "bucket", source: "culture.film/imdb_rating", origin: 0, width: 20 },
    { privacyClass: "public" },
  ),
  queryAttribute("culture.film?reviewed", { kind: "presence", source: "culture.film/critics_rating" }),
  queryAttribute(
    "culture.film?title_initial",
    { kind: "prefix", source: "culture.film/title", length: 1 },
    { status: "deprecated" },
  ),
  queryAttribute("culture.film.rating?audience", {
    kind: "class",
    source: "culture.film.rating/mpaa",
    classes: { family: ["G", "PG"], grown: ["R", "NC-17"] },
  }),
  // And of the submitter: whoever insures films may see what they cost, roughly.
  queryAttribute(
    "culture.film?budget_band",
    { kind: "bucket", source: "culture.film/budget", origin: 0, width: 20_000_000 },
    {
      status: "restricted",
      privacyClass: "sensitive",
      allowedUsageScope: { actors: demoPeople.submitters.slice(0, 1).map(({ address }) => address), scopes: [] },
    },
  ),
];

/** The registry that the demo publishes. */
export const demoRegistry: Registry = {
  semanticVersion,
  domains: [
    domain("global", "global", null),
    domain("aviation", "family", "global"),
    domain("aviation.wildlife", "concrete", "aviation", [
      { domain: "geography.place", answer: "allowed" },
      { domain: "aviation.wildlife.cost", answer: "allowed" },
      {
        domain: "aviation.airport",
        answer: "mediated",
        mediation: {
          "aviation.airport/name": "aviation.wildlife/airport",
          "aviation.airport?name_initial": "aviation.wildlife?airport_initial",
        },
      },
    ]),
    domain("aviation.wildlife.cost", "sub_domain", "aviation.wildlife"),
    domain("aviation.airport", "concrete", "aviation", [{ domain: "geography.place", answer: "allowed" }]),
    domain("culture", "family", "global"),
    domain("culture.film", "concrete", "culture", [
      { domain: "culture.film.rating", answer: "allowed" },
      { domain: "geography.place", answer: "refused" },
    ]),
    domain("culture.film.rating", "sub_domain", "culture.film"),
    domain("geography", "family", "global"),
    domain("geography.place", "concrete", "geography"),
    domain("geography.place.settlement", "sub_domain", "geography.place"),
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
    attribute("aviation.wildlife.cost/other", integer, ["other cost"]),
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
    attribute("culture.film.rating/mpaa", text, ["mpaa rating"]),
    attribute("geography.place/state", text, ["origin state"]),
    attribute("geography.place/country", text, []),
    attribute("geography.place.settlement/city", text, ["town"]),
  ],
  queryAttributes: [...wildlifeProjections, ...otherProjections],
};
