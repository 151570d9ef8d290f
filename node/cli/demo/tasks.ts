// The demo's tasks: programs over one or several vaults, made from the values that occur most often in the records.
import { isQueryTerm, termsOf } from "#protocol/resolution.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";
import type { Condition, Measure, ProtectedQuery, Source } from "#protocol/schemas/task.ts";
import type { DemoCollection } from "./records.ts";

/** What a demo task asks, and of whom. */
export type DemoTask = { readonly program: ProtectedQuery; readonly sources: readonly Source[] };

/** Values that occur at least this often are used in conditions, so that every answer describes a group. */
const frequentEnough = 200;

function frequentValues(records: readonly CanonicalRecord[], field: string, limit: number): readonly string[] {
  const counts = new Map<string, number>();
  for (const record of records) {
    const value = record[field];
    if (typeof value === "string") counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count >= frequentEnough)
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([value]) => value);
}

const query = (domain: string, measure: Measure, conditions: Condition[], groupBy?: string): ProtectedQuery => ({
  kind: "protected_query",
  domain,
  measure,
  ...(conditions.length === 0 ? {} : { conditions }),
  ...(groupBy === undefined ? {} : { groupBy }),
});

const equal = (attribute: string, value: string): Condition => ({ attribute, operator: "equal", value });

const bins = (width: number, count: number) => ({ origin: 0, width, count });

function strikeTasks(records: readonly CanonicalRecord[]): readonly DemoTask[] {
  const east = { vault: "aviation-east", collection: "strikes" };
  const west = { vault: "aviation-west", collection: "strikes" };
  const conditions = [
    ...frequentValues(records, "phase", 4).map((value) => equal("phase of flight", value)),
    ...["light", "dark"].map((value) => equal("aviation.wildlife?part_of_day", value)),
    ...frequentValues(records, "size", 3).map((value) => equal("wildlife size", value)),
  ];
  const measures: readonly (readonly [Measure, string?])[] = [
    [{ function: "count" }, "aviation.wildlife?speed_band"],
    [{ function: "sum", attribute: "cost_total" }, "aviation.wildlife?severity"],
    [{ function: "mean", attribute: "velocity" }, "time_of_day"],
    [{ function: "histogram", attribute: "speed", bins: bins(50, 8) }],
    [{ function: "count" }, "geography.place/state"],
  ];
  return conditions.flatMap((condition) =>
    measures.flatMap(([measure, groupBy]) =>
      [[east], [west], [east, west]].map((sources) => ({
        program: query("aviation.wildlife", measure, [condition], groupBy),
        sources,
      })),
    ),
  );
}

function filmTasks(records: readonly CanonicalRecord[]): readonly DemoTask[] {
  const sources = [{ vault: "film-archive", collection: "films" }];
  const measures: readonly (readonly [Measure, string?])[] = [
    [{ function: "count" }, "culture.film?rating_band"],
    [{ function: "mean", attribute: "imdb rating" }, "culture.film?reviewed"],
    [{ function: "sum", attribute: "gross" }],
    [{ function: "mean", attribute: "critics_rating" }, "culture.film.rating?audience"],
    [{ function: "histogram", attribute: "imdb_rating", bins: bins(10, 10) }],
  ];
  const genres = frequentValues(records, "genre", 5);
  const distributors = frequentValues(records, "distributor", 5);
  const conditions = [
    ...genres.map((value) => equal("genre", value)),
    ...distributors.map((value) => equal("distributor", value)),
  ];
  return conditions.flatMap((condition) =>
    measures.map(([measure, groupBy]) => ({ program: query("culture.film", measure, [condition], groupBy), sources })),
  );
}

function airportTasks(): readonly DemoTask[] {
  const sources = [{ vault: "aviation-west", collection: "airports" }];
  return Array.from({ length: 30 }, (_, at) => ({
    program: query(
      "aviation.airport",
      { function: "count" },
      [{ attribute: "latitude", operator: "less", value: String(35 + at) }],
      at % 2 === 0 ? "geography.place?state_initial" : "geography.place/state",
    ),
    sources,
  }));
}

/** `count` tasks that will be settled, the same ones in the same order every time. */
export function settledTasks(collections: readonly DemoCollection[], count: number): readonly DemoTask[] {
  const recordsOf = (name: string) =>
    collections.filter(({ collection }) => collection === name).flatMap(({ records }) => records);
  const all = [...strikeTasks(recordsOf("strikes")), ...filmTasks(recordsOf("films")), ...airportTasks()];
  if (all.length < count) throw new RangeError(`the demo has ${all.length} tasks`);
  return all.slice(0, count);
}

/** Whether a task selects or groups by a query attribute. */
export function asksForProjections({ program }: DemoTask): boolean {
  return termsOf(program).some(isQueryTerm);
}

/** Tasks that are admitted and then rejected, each with the code that says why. */
export function rejectedTasks(): readonly (DemoTask & { readonly code: string })[] {
  const films = [{ vault: "film-archive", collection: "films" }];
  const strikes = [{ vault: "aviation-east", collection: "strikes" }];
  return [
    {
      code: "POLICY_ATTRIBUTE_AMBIGUOUS",
      program: query("culture.film", { function: "mean", attribute: "rating" }, []),
      sources: films,
    },
    {
      code: "POLICY_ATTRIBUTE_UNRESOLVED",
      program: query("aviation.wildlife", { function: "count" }, [equal("engine", "jet")]),
      sources: strikes,
    },
    {
      code: "POLICY_REFERENCE_REFUSED",
      program: query("culture.film", { function: "count" }, [equal("geography.place/state", "Texas")]),
      sources: films,
    },
    {
      code: "POLICY_QUERY_ATTRIBUTE_RESTRICTED",
      program: query("culture.film", { function: "count" }, [], "culture.film?budget_band"),
      sources: films,
    },
    { code: "POLICY_DOMAIN_UNKNOWN", program: query("medicine.radiology", { function: "count" }, []), sources: films },
    {
      code: "EXECUTION_GROUP_TOO_SMALL",
      program: query("culture.film", { function: "mean", attribute: "budget" }, [equal("title", "The Land Girls")]),
      sources: films,
    },
    {
      code: "POLICY_GRANT_MISSING",
      program: query("aviation.airport", { function: "count" }, []),
      sources: [{ vault: "aviation-west", collection: "airports" }],
    },
  ];
}
