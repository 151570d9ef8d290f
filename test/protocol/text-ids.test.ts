// Ids by canonical text are the ids that messages.ts gives for the messages themselves.
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalText, type Json } from "#protocol/canonical.ts";
import {
  accessLogIdOf,
  bundleIdOf,
  decisionIdOf,
  evidenceHashOf,
  resolutionIdOf,
  taskIdOf,
  transcriptIdOf,
} from "#protocol/messages.ts";
import { identify, idOfText, resolutionText } from "#protocol/text-ids.ts";

const idsOf = {
  task: taskIdOf,
  transcript: transcriptIdOf,
  accessLog: accessLogIdOf,
  bundle: bundleIdOf,
  evidence: evidenceHashOf,
  decision: decisionIdOf,
} as const;

const json = fc.jsonValue({ stringUnit: "grapheme", depthSize: "small" }).filter((value) => {
  try {
    return canonicalText(value as Json) !== "";
  } catch {
    return false;
  }
});

test.each(Object.keys(idsOf) as (keyof typeof idsOf)[])("a %s has one id, by its text and by itself", (kind) => {
  fc.assert(
    fc.property(json, (value) => {
      const expected = idsOf[kind](value as never);
      expect(idOfText(kind, canonicalText(value as Json))).toBe(expected);
      expect(identify(kind, value as Json)).toEqual({ id: expected, text: canonicalText(value as Json) });
    }),
  );
});

test("a resolution's text is put together from its parts to the same id", () => {
  fc.assert(
    fc.property(json, fc.array(json), fc.bigInt({ min: 0n }), (resolution, bindings, fee) => {
      const parts = {
        bindings: canonicalText(bindings as Json),
        fee: String(fee),
        resolution: canonicalText(resolution as Json),
      };
      const expected = resolutionIdOf({ resolution, bindings, fee: String(fee) } as never);
      expect(idOfText("resolution", resolutionText(parts))).toBe(expected);
    }),
  );
});
