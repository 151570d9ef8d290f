// How this second opinion speaks: a claim holds, or the first place where it does not, or it cannot be judged.
import { firstDifference, shown, type Difference } from "./first-difference.ts";

/** A judgement. `unknown` is what could not be read: it neither passes nor accuses. */
export type Verdict =
  | { readonly kind: "valid"; readonly root: `0x${string}` }
  | { readonly kind: "invalid"; readonly difference: Difference }
  | { readonly kind: "unknown"; readonly reason: string };

/** Ends a recomputation at the first difference; caught where the verdict is given. */
export class Disproof extends Error {
  readonly difference: Difference;
  constructor(field: string, claimed: unknown, recomputed: unknown) {
    super(`${field}: ${shown(claimed)} is claimed, ${shown(recomputed)} recomputed`);
    this.difference = { field, claimed: shown(claimed), recomputed: shown(recomputed) };
  }
}

/** Something that was needed could not be read. */
export class Unreadable extends Error {}

/** Goes on only where both values are the same, member by member; the field is that of the first that is not. */
export function same(field: string, claimed: unknown, recomputed: unknown): void {
  const difference = firstDifference(claimed, recomputed, field);
  if (difference !== undefined) throw new Disproof(difference.field, difference.claimed, difference.recomputed);
}

/** Gives the verdict of a recomputation that ends normally, at a difference, or at something unreadable. */
export async function judged(recompute: () => Promise<`0x${string}`>): Promise<Verdict> {
  try {
    return { kind: "valid", root: await recompute() };
  } catch (error) {
    if (error instanceof Disproof) return { kind: "invalid", difference: error.difference };
    if (error instanceof Unreadable) return { kind: "unknown", reason: error.message };
    throw error;
  }
}
