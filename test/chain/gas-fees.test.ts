// First fees and replacement fees: within the ceiling, above the old.
import fc from "fast-check";
import { expect, test } from "vitest";
import { initialFees, replacementFees, type GasFees } from "#chain/gas-fees.ts";

const wei = fc.bigInt({ min: 0n, max: 10n ** 12n });
const market = fc.record({ baseFeePerGas: wei, priorityFeePerGas: wei });
const ceiling = fc.record({ maxFeePerGas: wei, firstPriorityFeePerGas: wei });

test("first fees cover twice the base fee and the tip", () => {
  const high = { maxFeePerGas: 10n ** 12n, firstPriorityFeePerGas: 10n ** 12n };
  expect(initialFees({ baseFeePerGas: 100n, priorityFeePerGas: 7n }, high)).toEqual({
    maxFeePerGas: 207n,
    maxPriorityFeePerGas: 7n,
  });
});

test("no fee passes the ceiling, and none is below what the chain asks", () => {
  fc.assert(
    fc.property(market, ceiling, (asked, limit) => {
      const fees = initialFees(asked, limit);
      if (fees === undefined) {
        const tip =
          asked.priorityFeePerGas < limit.firstPriorityFeePerGas
            ? asked.priorityFeePerGas
            : limit.firstPriorityFeePerGas;
        expect(asked.baseFeePerGas + tip > limit.maxFeePerGas).toBe(true);
        return;
      }
      expect(fees.maxFeePerGas <= limit.maxFeePerGas).toBe(true);
      expect(fees.maxPriorityFeePerGas <= limit.firstPriorityFeePerGas).toBe(true);
      expect(fees.maxFeePerGas >= asked.baseFeePerGas + fees.maxPriorityFeePerGas).toBe(true);
    }),
  );
});

test("a replacement offers at least an eighth more on both fields, or there is none", () => {
  const fees = fc
    .record({ maxFeePerGas: wei, maxPriorityFeePerGas: wei })
    .filter((each) => each.maxPriorityFeePerGas <= each.maxFeePerGas);
  fc.assert(
    fc.property(fees, market, ceiling, (old, asked, limit) => {
      const next = replacementFees(old, asked, limit);
      fc.pre(next !== undefined);
      expect(next.maxFeePerGas <= limit.maxFeePerGas).toBe(true);
      expect(8n * next.maxFeePerGas >= 9n * old.maxFeePerGas).toBe(true);
      expect(8n * next.maxPriorityFeePerGas >= 9n * old.maxPriorityFeePerGas).toBe(true);
      expect(next.maxFeePerGas > old.maxFeePerGas && next.maxPriorityFeePerGas > old.maxPriorityFeePerGas).toBe(true);
      expect(next.maxPriorityFeePerGas <= next.maxFeePerGas).toBe(true);
    }),
  );
});

test("replacements end at the ceiling", () => {
  const limit = { maxFeePerGas: 1_000n, firstPriorityFeePerGas: 100n };
  let fees: GasFees | undefined = { maxFeePerGas: 100n, maxPriorityFeePerGas: 1n };
  let count = 0;
  while (fees !== undefined) {
    fees = replacementFees(fees, { baseFeePerGas: 50n, priorityFeePerGas: 1n }, limit);
    count += 1;
  }
  expect(count).toBeGreaterThan(10);
  expect(count).toBeLessThan(40);
});
