// Parameter resolution: the triple alone decides, and the ids of version sets commit to all of it.
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { epochIdOf, policyDigest, registryDigest, resolveParameters, rulesetId } from "#protocol/parameters.ts";
import { policyOf, registryOf } from "#test/layers/documents.ts";

test("the same epoch, semantic and policy version give the same parameters, byte for byte [EPOC-09]", () => {
  fc.assert(
    fc.property(fc.constantFrom("trade", "health"), fc.integer({ min: 1, max: 1_000_000 }), (scope, epoch) => {
      const first = resolveParameters(scope, epoch, registryOf(), policyOf());
      // From documents that were read anew, with their keys in another order.
      const reversed = Object.fromEntries(Object.entries(policyOf()).reverse()) as ReturnType<typeof policyOf>;
      const again = resolveParameters(scope, epoch, JSON.parse(JSON.stringify(registryOf())) as never, reversed);
      expect(canonicalText(again)).toBe(canonicalText(first));
      expect(first).toMatchObject({
        epochId: `${scope}/${epoch}`,
        semanticVersion: "2026.1",
        policyVersion: "1",
        sequence: epoch,
      });
    }),
  );
});

test("each part of the triple, and each published number, shows in the parameters [EPOC-09]", () => {
  const texts = [
    resolveParameters("trade", 1, registryOf(), policyOf()),
    resolveParameters("trade", 2, registryOf(), policyOf()),
    resolveParameters("health", 1, registryOf(), policyOf()),
    resolveParameters("trade", 1, registryOf("2026.2"), policyOf()),
    resolveParameters("trade", 1, registryOf(), policyOf({ policyVersion: "2" })),
    resolveParameters("trade", 1, registryOf(), policyOf({ minimumGroupSize: 6 })),
  ].map(canonicalText);
  expect(new Set(texts).size).toBe(texts.length);
});

test("digests name their documents, and kinds of documents never share one", () => {
  expect(registryDigest(registryOf())).not.toBe(registryDigest(registryOf("2026.2")));
  expect(policyDigest(policyOf())).not.toBe(policyDigest(policyOf({ verifiers: 2 })));
  expect(policyDigest(policyOf())).not.toBe(registryDigest(policyOf() as never));
  expect(epochIdOf("trade", 7)).toBe("trade/7");
});

test("a version set has one id, and is refused in any order but the ascending one", () => {
  const digest = `0x${"11".repeat(32)}` as const;
  const set = {
    schema: ["1.0"],
    semantic: [
      { version: "2026.1", digest },
      { version: "2026.2", digest },
    ],
    policy: [{ version: "1", digest }],
  };
  expect(rulesetId(set)).toMatch(/^0x[0-9a-f]{64}$/);
  expect(rulesetId({ ...set, policy: [{ version: "2", digest }] })).not.toBe(rulesetId(set));
  expect(() => rulesetId({ ...set, semantic: [...set.semantic].reverse() })).toThrow();
  expect(() => rulesetId({ ...set, schema: ["1.0", "1.0"] })).toThrow();
});
