// Recipients that refuse, in every way a token allows: the others are paid, nobody is paid twice, nothing is lost.
import { encodeFunctionData, getAddress, type Address } from "viem";
import { beforeEach, expect, test } from "vitest";
import { treasuryAbi } from "#chain/abi/treasury.ts";
import {
  deployContracts,
  finalizeSettlement,
  fundSettlement,
  gasOf,
  nextSettlement,
  refusals,
  scope,
  type Deployed,
} from "../support/deployed.ts";
import { expectRevert } from "../support/revert.ts";
import { named, proofOfBlock, recordOf, type Settlement } from "../support/settlement.ts";

const payeeAt = (index: number): Address => getAddress(named(`payee ${index}`).slice(0, 42));
/** An account whose sixteenth byte, left over behind an answer of 31 zero bytes, would read as true. */
const almostTrue = getAddress(`0x${"ab".repeat(15)}01${"cd".repeat(4)}`);
const accounts = [payeeAt(0), almostTrue, payeeAt(2), payeeAt(3)];

let deployed: Deployed;
let settlement: Settlement;
beforeEach(async () => {
  deployed = await deployContracts("HostileToken");
  settlement = await nextSettlement(
    deployed,
    accounts.map((account) => ({ account, amount: 10n })),
  );
  await finalizeSettlement(deployed, settlement);
  await fundSettlement(deployed, settlement);
});

const args = () => [scope, 1n, 0n, settlement.payouts.map(recordOf), proofOfBlock(settlement, 0, 2)] as const;
const payAll = (gas?: bigint) =>
  deployed.treasury.write.payRange(args(), { account: deployed.accounts.payer, ...(gas === undefined ? {} : { gas }) });
const claim = (index: number) => {
  const claimed = [scope, 1n, BigInt(index), accounts[index] ?? "0x", 10n, proofOfBlock(settlement, index)] as const;
  return deployed.treasury.write.claim(claimed, { gas: 500_000n });
};
const balances = () => Promise.all(accounts.map((account) => deployed.token.read.balanceOf([account])));

test.each(refusals.filter((refusal) => refusal !== "None" && refusal !== "CallBack"))(
  "a recipient that refuses by %s is skipped, reported, and can be paid later (PAYO-07)",
  async (refusal) => {
    await deployed.setRefusal(almostTrue, refusal);
    const hash = await payAll();
    const [event] = await deployed.treasury.getEvents.RangePaid();
    expect(event?.args).toMatchObject({ paidMask: 0b1101n, refusedMask: 0b0010n, amount: 30n });
    expect(await balances()).toEqual([10n, 0n, 10n, 10n]);
    expect(await deployed.treasury.read.isPaid([scope, 1n, 1n])).toBe(false);
    expect(await deployed.treasury.read.paidOf([scope, 1n])).toBe(30n);
    expect(await gasOf(deployed, hash)).toBeLessThan(500_000);
    // claim pays by SafeERC20, which takes that one answer for true: such a token would lie to any contract.
    if (refusal !== "AnswerShort") await expect(claim(1)).rejects.toThrow();

    await deployed.setRefusal(almostTrue, "None");
    await payAll();
    expect(await balances()).toEqual([10n, 10n, 10n, 10n]);
    expect(await deployed.treasury.read.paidOf([scope, 1n])).toBe(40n);
  },
);

test("a refused recipient can be paid by a claim", async () => {
  await deployed.setRefusal(almostTrue, "Revert");
  await payAll();
  await deployed.setRefusal(almostTrue, "None");
  await claim(1);
  await payAll();
  expect(await balances()).toEqual([10n, 10n, 10n, 10n]);
});

test("a recipient that calls back is not paid twice (PAYO-01)", async () => {
  const { treasury, setRefusal, setCallBack } = deployed;
  await setRefusal(almostTrue, "CallBack");
  for (const index of [1, 3]) {
    const claimArgs = [
      scope,
      1n,
      BigInt(index),
      accounts[index] ?? "0x",
      10n,
      proofOfBlock(settlement, index),
    ] as const;
    await setCallBack(
      treasury.address,
      encodeFunctionData({ abi: treasuryAbi, functionName: "claim", args: claimArgs }),
    );
    await payAll();
    expect(await deployed.calledBack()).toBe(false);
  }
  expect(await balances()).toEqual([10n, 10n, 10n, 10n]);
  expect(await treasury.read.paidOf([scope, 1n])).toBe(40n);
});

test("a token that answers nothing pays, as old ones do", async () => {
  await deployed.setSilent(true);
  await payAll();
  expect(await balances()).toEqual([10n, 10n, 10n, 10n]);
  const [event] = await deployed.treasury.getEvents.RangePaid();
  expect(event?.args).toMatchObject({ paidMask: 0b1111n, refusedMask: 0n });
});

test("a thrifty payer cannot make anybody a refuser: too little gas reverts the whole block", async () => {
  const needed = await deployed.client.estimateContractGas({
    address: deployed.treasury.address,
    abi: treasuryAbi,
    functionName: "payRange",
    args: args(),
    account: deployed.accounts.payer,
  });
  for (const gas of [needed / 2n, (needed * 8n) / 10n, (needed * 95n) / 100n]) {
    await expect(payAll(gas)).rejects.toThrow();
  }
  expect(await balances()).toEqual([0n, 0n, 0n, 0n]);
  await payAll(needed);
  const [event] = await deployed.treasury.getEvents.RangePaid();
  expect(event?.args.refusedMask).toBe(0n);
});

test("the treasury does not pay itself", async () => {
  const { treasury } = deployed;
  const payments = [treasury.address, payeeAt(9)].map((account) => ({ account, amount: 10n }));
  const next = await nextSettlement(deployed, payments);
  await finalizeSettlement(deployed, next);
  await fundSettlement(deployed, next);
  const range = [scope, 2n, 0n, payments.map(recordOf), proofOfBlock(next, 0, 1)] as const;
  await treasury.write.payRange(range, { account: deployed.accounts.payer });
  expect(await treasury.read.paidWord([scope, 2n, 0n])).toBe(0b10n);
  const own = [scope, 2n, 0n, treasury.address, 10n, proofOfBlock(next, 0)] as const;
  await expectRevert(treasury.write.claim(own), "AccountIsTreasury");
});
