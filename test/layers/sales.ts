// Records and questions of the tests: sales of shops, made from a seed.
import { columnOf, type Column } from "#protocol/columns.ts";
import { columnUses, project } from "#protocol/projections.ts";
import type { Binding, SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import type { Condition, Measure, ProtectedQuery } from "#protocol/schemas/task.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";
import type { TestVault } from "./node.ts";

const shops = ["Aachen", "Bremen", "Celle", "Dresden", "Emden", null] as const;

/** Numbers that look like chance and are the same each time (a linear congruential generator, Numerical Recipes). */
export function sequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
}

/** So many sales, made from a seed. */
export function salesRecords(count: number, seed: number): readonly CanonicalRecord[] {
  const next = sequence(seed);
  return Array.from({ length: count }, () => ({
    shop: shops[(next() >>> 8) % shops.length] ?? null,
    amount:
      (next() >>> 8) % 10 === 0 ? null : `${(next() >>> 8) % 500}.${String((next() >>> 8) % 100).padStart(2, "0")}`,
    pieces: (next() >>> 8) % 12,
    age: 18 + ((next() >>> 8) % 60),
    town: (next() >>> 8) % 3 === 0 ? "Nord" : "Süd",
    // Stands for no attribute: nobody can ask for it.
    customer: `customer ${next()}`,
  }));
}

export const salesFields = {
  shop: "trade.sales/shop",
  amount: "trade.sales/amount",
  pieces: "trade.sales/pieces",
  age: "trade.sales/buyer_age",
  town: "trade.places/town",
} as const;

/** A vault of sales. */
export function salesVault(vault: string, count: number, seed: number): TestVault {
  return { vault, collection: "sales", fields: salesFields, records: salesRecords(count, seed) };
}

/** A query in the domain of sales. */
export function query(measure: Measure, more: Partial<ProtectedQuery> = {}): ProtectedQuery {
  return { kind: "protected_query", domain: "trade.sales", measure, ...more };
}

const measures: readonly Measure[] = [
  { function: "count" },
  { function: "sum", attribute: "price" },
  { function: "mean", attribute: "pieces" },
  { function: "histogram", attribute: "buyer_age", bins: { origin: 10, width: 10, count: 8 } },
];

/** A question like those that submitters ask: each measure in turn, some grouped, some conditional, some by projections. */
export function question(index: number): ProtectedQuery {
  const measure = measures[index % measures.length] ?? { function: "count" };
  const conditions: Condition[] =
    index % 3 === 0 ? [] : [{ attribute: "pieces", operator: "less", value: 3 + (index % 9) }];
  if (index % 5 === 4) conditions.push({ attribute: "trade.sales?age_band", operator: "greater_or_equal", value: 20 });
  const groupBy = index % 6 === 2 ? "trade.sales?region" : "shop";
  return query(measure, { conditions, ...(index % 2 === 0 ? { groupBy } : {}) });
}

/** What a vault of sales opens of its records for a task, by the task's words. */
export function openedSales(
  records: readonly CanonicalRecord[],
  { fields, snapshot }: Pick<Binding, "fields" | "snapshot">,
  { references }: Pick<SemanticResolutionResult, "references">,
) {
  const column = (term: string): Column | undefined => {
    const use = columnUses(references, fields).find((each) => each.term === term);
    if (use === undefined || !(use.field in salesFields)) return undefined;
    const read = columnOf(records, use.field, use.valueType);
    if (use.projection === undefined) return read;
    const { derivationRule, minimumRecords } = use.projection;
    return project(derivationRule, read, { records: snapshot.size, minimumRecords });
  };
  return { kind: "opened" as const, snapshot: { column } };
}
