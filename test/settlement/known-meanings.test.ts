// A meaning that is remembered is the one that resolution gives, for this submitter, this scope and this registry.
import { expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { indexRegistry, resolve } from "#protocol/resolution.ts";
import { meaningIn } from "#settlement/known-meanings.ts";
import { registry } from "./finished-meaning.ts";
import { finishedTask } from "./finished-tasks.ts";

test("meanings are those of resolution, the second time as the first, and of one registry alone [ATTR-05]", () => {
  const [query] = registry.queryAttributes;
  if (query === undefined) throw new Error("no query attribute");
  const allowedUsageScope = { actors: [finishedTask(0).envelope.submitter], scopes: [] };
  const narrow = { ...registry, queryAttributes: [{ ...query, allowedUsageScope }] };
  const indices = [indexRegistry(registry), indexRegistry(narrow)];
  let refused = 0;
  for (const round of [1, 2]) {
    for (let number = 0; number < 30; number++) {
      const { envelope } = finishedTask(number);
      for (const index of indices) {
        const meaning = resolve(envelope.program, index, envelope);
        const expected = meaning.kind === "resolved" ? canonicalText(meaning.result) : undefined;
        if (expected === undefined) refused++;
        expect(meaningIn(index, envelope), `task ${number}, round ${round}`).toBe(expected);
      }
    }
  }
  expect(refused).toBeGreaterThan(0);
});
