// The payout policy: each limit by itself, in order, and never past any of them.
import fc from "fast-check";
import { expect, test } from "vitest";
import { recordAmountLimit } from "#chain/treasury.ts";
import { authorize, type EpochFunds, type PayoutLimits, type RangeAmount } from "#payout/policy.ts";

const limits: PayoutLimits = { epochCap: 1_000n, hourlyCap: 600n };
const funds: EpochFunds = { committed: 1_000n, funded: 1_000n, finalized: true };
const range = (firstIndex: number, amount: bigint): RangeAmount => ({ firstIndex, amount, largest: amount });
const ranges = [range(0, 300n), range(256, 300n), range(512, 400n)];

test("nothing is authorized before the root is final, whatever else holds [PAYO-01]", () => {
  const { authorized, held } = authorize(limits, { ...funds, finalized: false }, ranges, 0n);
  expect(authorized).toEqual([]);
  expect(held?.code).toBe("REWARD_NOT_FINAL");
});

test("an epoch past its cap is refused as a whole, with both numbers; at the cap it is not", () => {
  const refused = authorize(limits, { ...funds, committed: 1_001n, funded: 2_000n }, ranges, 0n);
  expect(refused.authorized).toEqual([]);
  expect(refused.held).toEqual({
    code: "PAYOUT_POLICY_REFUSED",
    detail: { limit: "epoch cap", cap: "1000", committed: "1001" },
  });
  expect(authorize({ ...limits, hourlyCap: 1_000n }, funds, ranges, 0n)).toEqual({
    authorized: [0, 256, 512],
    held: null,
  });
});

test("an epoch that lacks one unit waits, with both numbers", () => {
  const { authorized, held } = authorize(limits, { ...funds, funded: 999n }, ranges, 0n);
  expect(authorized).toEqual([]);
  expect(held).toEqual({ code: "PAYOUT_NOT_FUNDED", detail: { committed: "1000", funded: "999" } });
});

test("ranges are taken in order up to the hourly cap, and none after the first that does not fit", () => {
  const { authorized, held } = authorize(limits, funds, [...ranges, range(768, 1n)], 0n);
  expect(authorized).toEqual([0, 256]);
  expect(held).toEqual({
    code: "PAYOUT_POLICY_REFUSED",
    detail: { limit: "hourly cap", cap: "600", authorized: "600", range: 512, amount: "400" },
  });
  expect(authorize(limits, funds, ranges, 301n).authorized).toEqual([]);
  expect(authorize(limits, funds, ranges, 300n).authorized).toEqual([0]);
});

test("a range with an amount that no record holds is left out, and those after it are not", () => {
  const wide = { epochCap: 2n ** 100n, hourlyCap: 2n ** 100n };
  const large = { ...range(0, 5n), largest: recordAmountLimit + 1n };
  const { authorized, held } = authorize(wide, funds, [large, { ...range(256, 5n), largest: recordAmountLimit }], 0n);
  expect(authorized).toEqual([256]);
  expect(held).toMatchObject({ code: "PAYOUT_POLICY_REFUSED", detail: { limit: "range record" } });
});

test("a range above the hourly cap, which no hour lets through, is refused with both numbers and holds no other up [PAYO-03]", () => {
  const never = {
    code: "PAYOUT_POLICY_REFUSED",
    detail: { limit: "hourly cap below one range", cap: "600", range: 0, amount: "601" },
  };
  const given = [range(0, 601n), range(256, 399n)];
  expect(authorize(limits, funds, given, 0n)).toEqual({ authorized: [256], held: never });
  // What time does not cure is named before what it does.
  expect(authorize(limits, funds, given, 600n)).toEqual({ authorized: [], held: never });
  expect(authorize(limits, funds, [range(0, 600n), range(256, 400n)], 0n).authorized).toEqual([0]);
});

test("what is authorized is a beginning of the ranges that fit an hour, never past its cap, and held exactly when something is left", () => {
  const amounts = fc.array(fc.bigInt({ min: 1n, max: 500n }), { maxLength: 12 });
  fc.assert(
    fc.property(
      amounts,
      fc.bigInt({ min: 0n, max: 2_000n }),
      fc.bigInt({ min: 0n, max: 2_000n }),
      (list, cap, spent) => {
        const given = list.map((amount, at) => range(at * 256, amount));
        const fitting = given.filter(({ amount }) => amount <= cap);
        const { authorized, held } = authorize({ epochCap: 1_000n, hourlyCap: cap }, funds, given, spent);
        expect(authorized).toEqual(fitting.slice(0, authorized.length).map(({ firstIndex }) => firstIndex));
        const sum = fitting.slice(0, authorized.length).reduce((total, { amount }) => total + amount, spent);
        if (authorized.length > 0) expect(sum <= cap).toBe(true);
        const next = fitting[authorized.length];
        expect(held !== null).toBe(authorized.length < given.length);
        if (next) expect(sum + next.amount > cap).toBe(true);
      },
    ),
  );
});
