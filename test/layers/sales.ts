// Records and questions of the tests: sales of shops, made from a seed.
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

/** A question like those that submitters ask: each measure in turn, some grouped, some conditional. */
export function question(index: number): ProtectedQuery {
  const measure = measures[index % measures.length] ?? { function: "count" };
  const conditions: Condition[] =
    index % 3 === 0 ? [] : [{ attribute: "pieces", operator: "less", value: 3 + (index % 9) }];
  return query(measure, { conditions, ...(index % 2 === 0 ? { groupBy: "shop" } : {}) });
}
