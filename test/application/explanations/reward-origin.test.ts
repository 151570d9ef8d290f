// Origins of rewards: units per task add up to what the record says.
import fc from "fast-check";
import { expect, test } from "vitest";
import { originOf, unitsOf } from "#application/explanations/reward-origin.ts";
import { demoPolicy } from "#cli/demo/policy.ts";
import { meteredOf, rewardRecords, type Contribution } from "#protocol/rewards.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { epochOf } from "#test/settlement/archived-epoch.ts";

const account = fc.integer({ min: 1, max: 4 }).map((digit): Hex => `0x${String(digit).repeat(40)}`);
const producer = fc.record({ account, records: fc.integer({ min: 0, max: 50 }) });
const vault = fc.record({ operator: account, producers: fc.array(producer, { maxLength: 3 }) }).map((each) => ({
  ...each,
  records: each.producers.reduce((sum, { records }) => sum + records, 0),
}));
const contribution: fc.Arbitrary<Contribution> = fc
  .record({
    fee: fc.bigInt({ min: 0n, max: 1_000n }),
    executor: account,
    verifiers: fc.uniqueArray(account, { minLength: 1, maxLength: 3 }),
    vaults: fc.array(vault, { minLength: 1, maxLength: 3 }),
  })
  .map((each) => ({ ...each, records: each.vaults.reduce((sum, { records }) => sum + records, 0) }));

test("the units of the tasks add up to those that each reward was calculated from (RWRD-01)", () => {
  const policy = demoPolicy(`0x${"ee".repeat(20)}`, 10);
  fc.assert(
    fc.property(fc.array(contribution, { minLength: 1, maxLength: 8 }), (contributions) => {
      const { records } = rewardRecords("main", 1, policy, meteredOf(contributions));
      expect(records.length).toBeGreaterThan(0);
      for (const record of records) {
        if (record.role === "treasury") continue;
        const units = contributions.reduce((sum, each) => sum + unitsOf(each, record), 0n);
        expect(String(units)).toBe(record.basis.units);
      }
    }),
  );
});

const epoch = epochOf(45);
const { archive } = epoch.candidate.header;

test("each reward leads back to tasks whose units add up to it, and to the pot (RWRD-01)", async () => {
  for (const record of epoch.candidate.rewards) {
    const origin = await originOf(epoch.part, archive, record);
    expect(origin.fees + origin.subsidy).toBe(BigInt(record.basis.pot));
    if (record.role === "treasury") continue;
    expect(String(origin.tasks.reduce((sum, { units }) => sum + units, 0n))).toBe(record.basis.units);
  }
});

test("a reward whose tasks do not add up to its units is not explained away", async () => {
  const record = epoch.candidate.rewards.find(({ role }) => role === "executor");
  if (record === undefined) throw new Error("no reward of an executor");
  const inflated = { ...record, basis: { ...record.basis, units: "999999" } };
  await expect(originOf(epoch.part, archive, inflated)).rejects.toMatchObject({ code: "INTERNAL_OBJECT_CORRUPT" });
});
