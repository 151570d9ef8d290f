// When answers of several endpoints count as one: a pure tally.
import { stringify } from "viem";

/** What one endpoint said: a value, or nothing usable and why. */
export type Answer<T> =
  { readonly kind: "value"; readonly value: T } | { readonly kind: "none"; readonly reason: string };

/** The outcome of a tally over the answers so far. */
export type Tally<T> =
  | { readonly kind: "agreed"; readonly value: T }
  /** Enough endpoints answered, but no value has a quorum. */
  | { readonly kind: "disagree"; readonly distinct: number }
  /** Too few endpoints answered. */
  | { readonly kind: "missing"; readonly answered: number };

/** The default quorum: more than half of the endpoints, so that no two different values can both have it. */
export function majority(endpoints: number): number {
  return Math.floor(endpoints / 2) + 1;
}

/** Counts equal answers (plain data, bigint included) and returns the first value that reaches the quorum. */
export function tally<T>(answers: readonly Answer<T>[], quorum: number): Tally<T> {
  const counts = new Map<string, number>();
  let answered = 0;
  for (const answer of answers) {
    if (answer.kind === "none") continue;
    answered += 1;
    const key = stringify(answer.value) ?? "undefined";
    const count = (counts.get(key) ?? 0) + 1;
    if (count >= quorum) return { kind: "agreed", value: answer.value };
    counts.set(key, count);
  }
  if (answered < quorum) return { kind: "missing", answered };
  return { kind: "disagree", distinct: counts.size };
}

/**
 * The highest value that at least `quorum` of the given ones reach; undefined when there are fewer. For heights, tips and
 * gas, where endpoints differ honestly: a single one moves it neither up nor, past the others, down.
 */
export function quorumReaches(values: readonly bigint[], quorum: number): bigint | undefined {
  return values.toSorted((left, right) => (left < right ? 1 : left > right ? -1 : 0))[quorum - 1];
}
