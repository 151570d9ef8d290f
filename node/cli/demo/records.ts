// The demo's records: real public data from the npm package vega-datasets, as canonical records of three vaults.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { csvParse, type DSVRowString } from "d3-dsv";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";

/** One collection of one vault, with the canonical attribute each field stands for. */
export type DemoCollection = {
  readonly vault: string;
  readonly collection: string;
  readonly fields: Readonly<Record<string, string>>;
  /** The scope that its local attributes are aggregated in; without it they are not. */
  readonly aggregationScope?: string;
  readonly records: readonly CanonicalRecord[];
};

/** The package exports only its index; its data files lie in a folder above it. */
const datasets = new URL("../data/", import.meta.resolve("vega-datasets"));

function dataset(name: string): string {
  return readFileSync(fileURLToPath(new URL(name, datasets)), "utf8");
}

const strikeFields = {
  airport: "aviation.wildlife/airport",
  damage: "aviation.wildlife/damage",
  operator: "aviation.wildlife/operator",
  phase: "aviation.wildlife/phase",
  species: "aviation.wildlife/species",
  size: "aviation.wildlife/size",
  timeOfDay: "aviation.wildlife/time_of_day",
  costTotal: "aviation.wildlife/cost_total",
  costRepair: "aviation.wildlife/cost_repair",
  costOther: "aviation.wildlife.cost/other",
  speed: "aviation.wildlife/speed",
  state: "geography.place/state",
} as const;

const filmFields = {
  title: "culture.film/title",
  genre: "culture.film/genre",
  distributor: "culture.film/distributor",
  grossWorldwide: "culture.film/gross_worldwide",
  budget: "culture.film/budget",
  runningMinutes: "culture.film/running_minutes",
  imdbRating: "culture.film/imdb_rating",
  criticsRating: "culture.film/critics_rating",
  mpaa: "culture.film.rating/mpaa",
} as const;

const airportFields = {
  code: "aviation.airport/code",
  name: "aviation.airport/name",
  latitude: "aviation.airport/latitude",
  longitude: "aviation.airport/longitude",
  city: "geography.place.settlement/city",
  state: "geography.place/state",
  country: "geography.place/country",
} as const;

const wholeNumber = (value: string | undefined): number | null => {
  const number = Number(value === "" ? Number.NaN : value);
  return Number.isSafeInteger(number) ? number : null;
};
const words = (value: unknown): string | null =>
  (typeof value === "string" && value !== "") || typeof value === "number" ? String(value) : null;

function strike(row: DSVRowString): CanonicalRecord {
  return {
    airport: words(row["Airport Name"]),
    damage: words(row["Effect Amount of damage"]),
    operator: words(row["Aircraft Airline Operator"]),
    phase: words(row["Phase of flight"]),
    species: words(row["Wildlife Species"]),
    size: words(row["Wildlife Size"]),
    timeOfDay: words(row["Time of day"]),
    costTotal: wholeNumber(row["Cost Total $"]),
    costRepair: wholeNumber(row["Cost Repair"]),
    costOther: wholeNumber(row["Cost Other"]),
    speed: wholeNumber(row["Speed IAS in knots"]),
    state: words(row["Origin State"]),
  };
}

function film(row: Readonly<Record<string, unknown>>): CanonicalRecord {
  const number = (value: unknown) => (typeof value === "number" ? wholeNumber(String(value)) : null);
  return {
    title: words(row["Title"]),
    genre: words(row["Major Genre"]),
    distributor: words(row["Distributor"]),
    grossWorldwide: number(row["Worldwide Gross"]),
    budget: number(row["Production Budget"]),
    runningMinutes: number(row["Running Time min"]),
    imdbRating: words(row["IMDB Rating"]),
    criticsRating: number(row["Rotten Tomatoes Rating"]),
    mpaa: words(row["MPAA Rating"]),
  };
}

function airport(row: DSVRowString): CanonicalRecord {
  return {
    code: words(row["iata"]),
    name: words(row["name"]),
    latitude: words(row["latitude"]),
    longitude: words(row["longitude"]),
    city: words(row["city"]),
    state: words(row["state"]),
    country: words(row["country"]),
  };
}

/** 10,000 wildlife strikes split over two vaults, 3,376 airports, 3,201 films; of each collection at most the first `limit`. */
export function demoCollections(limit = Infinity): readonly DemoCollection[] {
  const strikes = csvParse(dataset("birdstrikes.csv")).map(strike);
  const half = Math.ceil(strikes.length / 2);
  const films = (JSON.parse(dataset("movies.json")) as Record<string, unknown>[]).map(film);
  const airports = csvParse(dataset("airports.csv")).map(airport);
  const all: readonly DemoCollection[] = [
    { vault: "aviation-east", collection: "strikes", fields: strikeFields, records: strikes.slice(0, half) },
    { vault: "aviation-west", collection: "strikes", fields: strikeFields, records: strikes.slice(half) },
    { vault: "aviation-west", collection: "airports", fields: airportFields, records: airports },
    { vault: "film-archive", collection: "films", fields: filmFields, records: films },
  ];
  return all.map((each) => ({ ...each, records: each.records.slice(0, limit) }));
}
