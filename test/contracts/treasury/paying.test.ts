// Paying by range and by claim: what is paid, what is refused, and that nothing is paid twice.
import { getAddress, numberToHex, type Address } from "viem";
import { beforeEach, expect, test } from "vitest";
import {
  deployContracts,
  finalizeSettlement,
  fundSettlement,
  nextSettlement,
  scope,
  type Deployed,
} from "../support/deployed.ts";
import { expectRevert } from "../support/revert.ts";
import { named, payoutLeaf, proofOfBlock, recordOf, type Settlement } from "../support/settlement.ts";

const total = 300;
const payeeAt = (index: number): Address => getAddress(named(`payee ${index}`).slice(0, 42));
const payments = Array.from({ length: total }, (_, index) => ({
  account: payeeAt(index),
  amount: BigInt(1_000 + index),
}));
const sumOf = (from: number, to: number): bigint =>
  payments.slice(from, to).reduce((sum, { amount }) => sum + amount, 0n);

let deployed: Deployed;
let settlement: Settlement;
beforeEach(async () => {
  deployed = await deployContracts();
  settlement = await nextSettlement(deployed, payments);
  await finalizeSettlement(deployed, settlement);
  await fundSettlement(deployed, settlement);
});

/** Pays `count` leaves from `first`, with the proof of the block of 2^level leaves. */
const payRange = (first: number, count: number, level = Math.ceil(Math.log2(count)), from = settlement) =>
  deployed.treasury.write.payRange(
    [
      scope,
      1n,
      BigInt(first),
      from.payouts.slice(first, first + count).map(recordOf),
      proofOfBlock(from, first, level),
    ],
    { account: deployed.accounts.payer },
  );
const claim = (
  index: number,
  change: Partial<{ account: Address; amount: bigint; index: bigint; epoch: bigint }> = {},
) => {
  const { account = payeeAt(index), amount = 1_000n + BigInt(index), index: at = BigInt(index), epoch = 1n } = change;
  const args = [scope, epoch, at, account, amount, proofOfBlock(settlement, index)] as const;
  return deployed.treasury.write.claim(args, { account: deployed.accounts.stranger });
};
const balanceOf = (index: number) => deployed.token.read.balanceOf([payeeAt(index)]);
const isPaid = (index: number) => deployed.treasury.read.isPaid([scope, 1n, BigInt(index)]);

test("blocks of any size pay the whole epoch, the last one partial (PAYO-07)", async () => {
  const { treasury, token } = deployed;
  await payRange(0, 256);
  await payRange(256, 32);
  await payRange(288, 8);
  await payRange(296, 4);
  expect(await treasury.read.paidOf([scope, 1n])).toBe(sumOf(0, total));
  expect(await treasury.read.paidWord([scope, 1n, 0n])).toBe(2n ** 256n - 1n);
  expect(await treasury.read.paidWord([scope, 1n, 1n])).toBe(2n ** 44n - 1n);
  expect(await token.read.balanceOf([treasury.address])).toBe(0n);
  for (const index of [0, 1, 255, 256, 299]) expect(await balanceOf(index)).toBe(1_000n + BigInt(index));
});

test("one partial block pays all that is left (PAYO-07)", async () => {
  await payRange(256, 44);
  expect(await deployed.treasury.read.paidOf([scope, 1n])).toBe(sumOf(256, total));
  const [event] = await deployed.treasury.getEvents.RangePaid();
  expect(event?.args).toMatchObject({ firstIndex: 256n, count: 44n, paidMask: 2n ** 44n - 1n, refusedMask: 0n });
});

test("anyone can have a leaf paid to its account (PAYO-08)", async () => {
  await claim(299);
  expect(await balanceOf(299)).toBe(1_299n);
  expect([await isPaid(299), await isPaid(298)]).toEqual([true, false]);
  const [event] = await deployed.treasury.getEvents.Claimed();
  expect(event?.args).toMatchObject({ index: 299n, account: payeeAt(299), by: getAddress(deployed.accounts.stranger) });
});

test("nothing is paid twice: by claims, by ranges, by one after the other (PAYO-01)", async () => {
  const { treasury } = deployed;
  await claim(5);
  await expectRevert(claim(5), "AlreadyPaid", [scope, 1n, 5n]);
  await payRange(4, 4);
  const [event] = await treasury.getEvents.RangePaid();
  expect(event?.args).toMatchObject({ paidMask: 0b1101n, refusedMask: 0n, amount: 1_004n + 1_006n + 1_007n });
  await payRange(0, 8);
  await payRange(0, 8);
  expect(await balanceOf(5)).toBe(1_005n);
  expect(await balanceOf(4)).toBe(1_004n);
  await expectRevert(claim(4), "AlreadyPaid", [scope, 1n, 4n]);
  expect(await treasury.read.paidOf([scope, 1n])).toBe(sumOf(0, 8));
});

test("a stolen payer key pays no other amount, account or order (PAYO-03)", async () => {
  const [first, second, ...rest] = settlement.payouts.slice(0, 4);
  if (first === undefined || second === undefined) throw new Error("no payouts");
  const { accounts, treasury } = deployed;
  const forgeries = [
    [{ ...first, amount: first.amount + 1n }, second, ...rest],
    [{ ...first, account: accounts.payer }, second, ...rest],
    [second, first, ...rest],
    [first, first, ...rest],
  ];
  for (const forged of forgeries) {
    const args = [scope, 1n, 0n, forged.map(recordOf), proofOfBlock(settlement, 0, 2)] as const;
    await expectRevert(treasury.write.payRange(args, { account: accounts.payer }), "ProofMismatch");
  }
  await expectRevert(claim(0, { amount: 9n }), "ProofMismatch");
  await expectRevert(claim(0, { account: accounts.stranger }), "ProofMismatch");
  await expectRevert(claim(0, { index: 1n }), "ProofMismatch");
});

test.each([
  ["not aligned", 1, 2, 1],
  ["aligned to less than its size", 4, 8, 3],
  ["partial, and not the last", 0, 3, 2],
  ["empty", 0, 0, 0],
  ["longer than a word of the bitmap", 0, 257, 9],
])("a block that is %s is refused", async (_case, first, count, level) => {
  await expectRevert(payRange(first, count, level), "RangeMisaligned", [BigInt(first), BigInt(count)]);
});

test("an index beyond the last is refused, also a huge one", async () => {
  const { treasury, accounts } = deployed;
  for (const index of [BigInt(total), 2n ** 255n, 2n ** 256n - 1n]) {
    await expectRevert(claim(0, { index }), "IndexOutOfRange", [BigInt(total), index]);
    const args = [scope, 1n, index, [recordOf({ account: accounts.alice, amount: 1n })], []] as const;
    await expectRevert(treasury.write.payRange(args, { account: accounts.payer }), "IndexOutOfRange");
  }
  const records = [...settlement.payouts.slice(296), ...settlement.payouts.slice(0, 4)].map(recordOf);
  await expectRevert(
    treasury.write.payRange([scope, 1n, 296n, records, proofOfBlock(settlement, 296, 3)], { account: accounts.payer }),
    "IndexOutOfRange",
  );
});

test("an inner node, or a leaf of another kind, is not a payout (SETL-05)", async () => {
  const { treasury, accounts } = deployed;
  const [left, right] = settlement.layers[0] ?? [];
  if (left === undefined || right === undefined) throw new Error("no leaves");
  const account = left.slice(0, 42) as Address;
  const disguised = [scope, 1n, BigInt(right), account, BigInt(left), proofOfBlock(settlement, 0, 1)] as const;
  await expectRevert(treasury.write.claim(disguised), "IndexOutOfRange");
  const asReward = [scope, 1n, 0n, accounts.alice, 5n, []] as const;
  await expectRevert(treasury.write.claim(asReward), "ProofMismatch");
});

test("a leaf of another epoch, scope, anchor or chain is not a payout (PAYO-03)", async () => {
  const { treasury, accounts } = deployed;
  const payment = { index: 0n, account: accounts.alice, amount: 77n };
  const places = [
    { ...settlement.place, epoch: 1n },
    { ...settlement.place, scope: named("other") },
    { ...settlement.place, anchor: accounts.bob },
    { ...settlement.place, chainId: 1n },
  ];
  for (const place of places) {
    const leaf = payoutLeaf(place, payment);
    const second = await nextSettlement(deployed, [{ account: accounts.alice, amount: 77n }]);
    const foreign = { ...second, subRoots: { ...second.subRoots, payouts: leaf } };
    const fresh = { header: foreign.header, subRoots: foreign.subRoots };
    const epoch = second.header.epoch;
    await deployed.anchor.write.propose([fresh.header, fresh.subRoots], { account: accounts.proposer });
    await deployed.time.increase(3_600);
    await deployed.anchor.write.finalize([scope, epoch]);
    await fundSettlement(deployed, second);
    const proof = proofOfBlock({ ...foreign, layers: [[leaf]] }, 0);
    await expectRevert(treasury.write.claim([scope, epoch, 0n, accounts.alice, 77n, proof]), "ProofMismatch");
  }
});

test("an amount beyond twelve bytes is claimed", async () => {
  const big = 2n ** 96n + 5n;
  const next = await nextSettlement(deployed, [{ account: deployed.accounts.alice, amount: big }]);
  await finalizeSettlement(deployed, next);
  await fundSettlement(deployed, next);
  expect(() => recordOf({ account: deployed.accounts.alice, amount: big })).toThrow();
  const truncated = `${deployed.accounts.alice}${numberToHex(big, { size: 13 }).slice(4)}` as const;
  const { treasury, accounts, token } = deployed;
  const args = [scope, 2n, 0n, [truncated], proofOfBlock(next, 0)] as const;
  await expectRevert(treasury.write.payRange(args, { account: accounts.payer }), "ProofMismatch");
  await treasury.write.claim([scope, 2n, 0n, accounts.alice, big, proofOfBlock(next, 0)]);
  expect(await token.read.balanceOf([accounts.alice])).toBe(big);
});

test("leaves that sum up to more than the header says are paid up to the header's total and no further", async () => {
  const { treasury, accounts } = deployed;
  const four = [1, 2, 3, 4].map((n) => ({ account: payeeAt(n), amount: 100n }));
  const lying = await nextSettlement(deployed, four, { payoutTotal: 250n });
  await finalizeSettlement(deployed, lying);
  await fundSettlement(deployed, lying);
  const range = [scope, 2n, 0n, four.map(recordOf), proofOfBlock(lying, 0, 2)] as const;
  await expectRevert(treasury.write.payRange(range, { account: accounts.payer }), "TotalExceeded", [250n, 400n]);
  for (const index of [0, 1, 2]) {
    const args = [scope, 2n, BigInt(index), payeeAt(index + 1), 100n, proofOfBlock(lying, index)] as const;
    if (index < 2) await treasury.write.claim(args);
    else await expectRevert(treasury.write.claim(args), "TotalExceeded", [250n, 300n]);
  }
});

test("a pause stops paying and claiming", async () => {
  const { treasury, accounts } = deployed;
  await treasury.write.pause({ account: accounts.pauser });
  await expectRevert(claim(0), "EnforcedPause");
  await expectRevert(payRange(0, 4), "EnforcedPause");
  await expectRevert(
    treasury.write.reclaim([scope, 1n, accounts.alice], { account: accounts.governance }),
    "EnforcedPause",
  );
  await treasury.write.unpause({ account: accounts.governance });
  await claim(0);
});
