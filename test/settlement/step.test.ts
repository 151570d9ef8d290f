// Steps hold their duty through long work, and stop when it went to somebody else.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ProtocolError } from "#protocol/errors.ts";
import { keepDuty, later, mayPass, takeDuty } from "#settlement/step.ts";
import { openSettling, pass, type Settling } from "./settling.ts";

let settling: Settling;

beforeAll(async () => {
  settling = await openSettling();
});

afterAll(async () => {
  await settling.close();
});

test("a duty that went to another process meanwhile is lost [LAYR-05]", async () => {
  const { deps } = settling;
  const duty = await takeDuty(deps, "long work");
  if (duty === undefined) throw new Error("not taken");
  pass(settling, 20);
  await keepDuty(deps, duty);
  pass(settling, 20);
  expect(await takeDuty({ ...deps, holder: "other" }, "long work")).toBeUndefined();
  pass(settling, 20);
  expect(await takeDuty({ ...deps, holder: "other" }, "long work")).toBeDefined();
  await expect(keepDuty(deps, duty)).rejects.toMatchObject({ code: "INTERNAL_LEASE_LOST" });
});

test("only what the error table marks as passing may pass", () => {
  expect(mayPass(new ProtocolError("SETTLEMENT_CHAIN_UNREACHABLE"))).toBe(true);
  expect(mayPass(new ProtocolError("SETTLEMENT_ANCHOR_REFUSED"))).toBe(false);
  expect(mayPass(new Error("no"))).toBe(false);
  expect(later(new Date(0), 1.5)).toEqual(new Date(1500));
});
