// A verdict is valid, the first difference, or unknown; any other error is a mistake and stays one.
import { expect, test } from "vitest";
import { Disproof, judged, same, Unreadable } from "#audit/disproof.ts";

test("each end of a recomputation gives its verdict", async () => {
  expect(await judged(() => Promise.resolve("0x01"))).toEqual({ kind: "valid", root: "0x01" });
  const differs = judged(() => Promise.reject(new Disproof("pot", 5n, undefined)));
  expect(await differs).toEqual({ kind: "invalid", difference: { field: "pot", claimed: "5", recomputed: "nothing" } });
  expect(await judged(() => Promise.reject(new Unreadable("no disk")))).toEqual({ kind: "unknown", reason: "no disk" });
  await expect(judged(() => Promise.reject(new Error("a mistake")))).rejects.toThrow("a mistake");
});

test("only the same is the same", () => {
  same("a", 1, 1);
  expect(() => same("a", "1", 1)).toThrow(Disproof);
});
