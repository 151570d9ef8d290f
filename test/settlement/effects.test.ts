// Effects have the same key whenever they are decided on again.
import { expect, test } from "vitest";
import {
  archiveEffect,
  eventEffect,
  eventOf,
  finalizeEffect,
  proposeEffect,
  settlementOf,
} from "#settlement/effects.ts";

const key = { scope: "films", epoch: 3, revision: 2 };

test("an effect's key names its settlement and its act, and its body reads back [SETL-09]", () => {
  const effects = [proposeEffect(key), finalizeEffect(key), archiveEffect(key)];
  expect(effects.map((effect) => effect.key)).toEqual([
    "anchor.propose:films/3/2",
    "anchor.finalize:films/3/2",
    "archive.publish:films/3/2",
  ]);
  expect(effects.map(({ body }) => settlementOf(body))).toEqual([key, key, key]);
});

test("each event of a settlement has one key for ever [SETL-09]", () => {
  const event = { ...key, event: "finalized", root: null, archive: null, reason: null } as const;
  expect(eventEffect(event)).toEqual(eventEffect({ ...event }));
  expect(eventEffect(event).key).toBe("settlement.event:finalized:films/3/2");
  expect(eventOf(eventEffect(event).body)).toEqual(event);
});
