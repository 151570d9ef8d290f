// Funds are kept apart per epoch: none pays before it is whole, none draws on another, only a surplus leaves otherwise.
import { beforeEach, expect, test } from "vitest";
import {
  deployContracts,
  finalizeSettlement,
  fundSettlement,
  nextSettlement,
  propose,
  scope,
  windowSeconds,
  type Deployed,
} from "../support/deployed.ts";
import { expectRevert } from "../support/revert.ts";
import { named, proofOfBlock, recordOf, type Settlement } from "../support/settlement.ts";

let deployed: Deployed;
beforeEach(async () => {
  deployed = await deployContracts();
});

const payments = () => [deployed.accounts.alice, deployed.accounts.bob].map((account) => ({ account, amount: 50n }));
const fund = (epoch: bigint, amount: bigint) =>
  deployed.treasury.write.fund([scope, epoch, amount], { account: deployed.accounts.governance });
const reclaim = (epoch: bigint) =>
  deployed.treasury.write.reclaim([scope, epoch, deployed.accounts.carol], { account: deployed.accounts.governance });
const pay = (settlement: Settlement) => {
  const { epoch } = settlement.header;
  const args = [scope, epoch, 0n, settlement.payouts.map(recordOf), proofOfBlock(settlement, 0, 1)] as const;
  return deployed.treasury.write.payRange(args, { account: deployed.accounts.payer });
};
const claim = (settlement: Settlement) => {
  const args = [scope, settlement.header.epoch, 0n, deployed.accounts.alice, 50n, proofOfBlock(settlement, 0)] as const;
  return deployed.treasury.write.claim(args);
};

test("an epoch that is not wholly funded pays nothing, though the treasury is full (PAYO-03)", async () => {
  const { treasury } = deployed;
  const first = await nextSettlement(deployed, payments());
  await finalizeSettlement(deployed, first);
  await fundSettlement(deployed, first);
  const second = await nextSettlement(deployed, payments());
  await finalizeSettlement(deployed, second);

  await fund(2n, 99n);
  await expectRevert(pay(second), "Underfunded", [100n, 99n]);
  await expectRevert(claim(second), "Underfunded", [100n, 99n]);
  await fund(2n, 1n);
  await pay(second);
  expect(await treasury.read.fundedOf([scope, 1n])).toBe(100n);
  expect(await treasury.read.paidOf([scope, 1n])).toBe(0n);
  await pay(first);
  expect(await deployed.token.read.balanceOf([treasury.address])).toBe(0n);
});

test("only a finalized settlement is paid (PAYO-03)", async () => {
  const { anchor, accounts } = deployed;
  const settlement = await nextSettlement(deployed, payments());
  await propose(deployed, settlement);
  await fundSettlement(deployed, settlement);
  await expectRevert(pay(settlement), "NotFinal", [scope, 1n]);
  await expectRevert(claim(settlement), "NotFinal", [scope, 1n]);
  await expectRevert(reclaim(1n), "NotFinal", [scope, 1n]);

  const evidence = named("evidence");
  await anchor.write.challenge([scope, 1n, settlement.root, evidence], { account: accounts.challenger });
  await anchor.write.resolve([scope, 1n, evidence, true, evidence], { account: accounts.adjudicator });
  await deployed.time.increase(windowSeconds);
  await expectRevert(pay(settlement), "NotFinal", [scope, 1n]);
});

test("an epoch that the anchor does not know takes no funds, nor does one whose candidate was rejected", async () => {
  await expectRevert(fund(1n, 5n), "NothingCommitted", [scope, 1n]);
  const settlement = await nextSettlement(deployed, payments());
  await propose(deployed, settlement);
  await fund(1n, 5n);
  const { anchor, accounts } = deployed;
  const evidence = named("evidence");
  await anchor.write.challenge([scope, 1n, settlement.root, evidence], { account: accounts.challenger });
  await anchor.write.resolve([scope, 1n, evidence, true, evidence], { account: accounts.adjudicator });
  await expectRevert(fund(1n, 5n), "NothingCommitted", [scope, 1n]);
});

test("governance takes back what was given beyond the total, and never what unpaid leaves need", async () => {
  const { treasury, token, accounts } = deployed;
  const settlement = await nextSettlement(deployed, payments());
  await finalizeSettlement(deployed, settlement);
  await fund(1n, 99n);
  await expectRevert(reclaim(1n), "Underfunded", [100n, 99n]);
  await fund(1n, 8n);
  await claim(settlement);
  await reclaim(1n);
  expect(await token.read.balanceOf([accounts.carol])).toBe(7n);
  await expectRevert(reclaim(1n), "NoSurplus", [scope, 1n]);
  await pay(settlement);
  expect(await treasury.read.fundedOf([scope, 1n])).toBe(100n);
  expect(await treasury.read.paidOf([scope, 1n])).toBe(100n);
  await expectRevert(reclaim(1n), "NoSurplus");
});

test("a surplus does not go to the treasury itself", async () => {
  const settlement = await nextSettlement(deployed, payments());
  await finalizeSettlement(deployed, settlement);
  await fund(1n, 101n);
  const { treasury, accounts } = deployed;
  const call = treasury.write.reclaim([scope, 1n, treasury.address], { account: accounts.governance });
  await expectRevert(call, "AccountIsTreasury");
});

test("a token that takes a fee, or a sender that comes back in meanwhile, funds nothing", async () => {
  deployed = await deployContracts("HostileToken");
  await propose(deployed, await nextSettlement(deployed, payments()));
  await deployed.setFee(1n);
  await expectRevert(fund(1n, 100n), "ReceivedAmount", [100n, 99n]);
  expect(await deployed.treasury.read.fundedOf([scope, 1n])).toBe(0n);
});

test("tokens that were only sent belong to no epoch", async () => {
  const { token, treasury, accounts } = deployed;
  const settlement = await nextSettlement(deployed, payments());
  await finalizeSettlement(deployed, settlement);
  await token.write.transfer([treasury.address, 1_000n], { account: accounts.governance });
  await expectRevert(pay(settlement), "Underfunded", [100n, 0n]);
});
