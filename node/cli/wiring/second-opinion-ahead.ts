// What the threads of the second opinion share: parts of the archives in a folder, worked out under one expectation at a time.
import { workAhead, type Ahead } from "#audit/ahead.ts";
import { canonicalText } from "#protocol/canonical.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ExpectedManifest } from "#settlement/second-opinion.ts";
import { contentKey } from "#storage/objects/content.ts";
import type { ObjectStore } from "#storage/objects/store.ts";

/** A thread that was begun and is told nothing more ends by itself: its build was given up. */
export const idleMs = 300_000;

/** Gives what was worked out so far under an expectation; another expectation begins anew. */
export type AheadUnder = {
  readonly under: (expected: ExpectedManifest) => Ahead;
  readonly latest: () => Ahead | undefined;
};

/** Works out parts of the archives in a store. */
export function aheadOver(store: ObjectStore): AheadUnder {
  const read = async (digest: Hex): Promise<Uint8Array> => {
    const bytes = await store.get(contentKey(digest));
    if (bytes === undefined) throw new Error(`${digest} is not there`);
    // Whether they have this digest is asked by whoever works them out.
    return bytes;
  };
  let begun: { readonly text: string; readonly ahead: Ahead } | undefined;
  const under = (expected: ExpectedManifest): Ahead => {
    const text = canonicalText(expected);
    if (begun?.text !== text) {
      begun = { text, ahead: workAhead(read, expected) };
    }
    return begun.ahead;
  };
  return { under, latest: () => begun?.ahead };
}
