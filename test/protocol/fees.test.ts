// What a task costs: the base and a part for each begun thousand of records, and never less for more.
import fc from "fast-check";
import { expect, test } from "vitest";
import { feeOf } from "#protocol/fees.ts";
import { policyOf } from "#test/layers/documents.ts";

test("a fee is the base and a part for each begun thousand of records", () => {
  const policy = policyOf();
  const fees = [0, 1, 1_000, 1_001, 2_500].map((records) => feeOf(policy, records));
  expect(fees).toEqual([1_000n, 1_500n, 1_500n, 2_000n, 2_500n]);
});

test("a fee is exact for amounts that no double holds, and never falls with more records", () => {
  const amount = fc.bigInt({ min: 0n, max: 10n ** 37n }).map(String);
  fc.assert(
    fc.property(amount, amount, fc.nat(10_000_000), fc.nat(10_000_000), (base, perThousandRecords, some, more) => {
      const policy = policyOf({ fees: { base, perThousandRecords } });
      const fee = feeOf(policy, some);
      expect(fee).toBe(BigInt(base) + BigInt(perThousandRecords) * ((BigInt(some) + 999n) / 1_000n));
      expect(feeOf(policy, some + more) >= fee).toBe(true);
    }),
  );
});
