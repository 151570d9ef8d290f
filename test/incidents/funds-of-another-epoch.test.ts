// What broke elsewhere: one epoch's funds paid another's claims, until the last to come found nothing left.
import { beforeAll, expect, test } from "vitest";
import {
  deployContracts,
  finalizeSettlement,
  fundSettlement,
  nextSettlement,
  scope,
  type Deployed,
} from "#test/contracts/support/deployed.ts";
import { expectRevert } from "#test/contracts/support/revert.ts";
import { proofOfBlock, recordOf, type Settlement } from "#test/contracts/support/settlement.ts";

let deployed: Deployed;
let first: Settlement;
let second: Settlement;

beforeAll(async () => {
  deployed = await deployContracts();
  const { alice, bob } = deployed.accounts;
  const payments = [
    { account: alice, amount: 60n },
    { account: bob, amount: 40n },
  ];
  first = await nextSettlement(deployed, payments);
  await finalizeSettlement(deployed, first);
  second = await nextSettlement(deployed, payments);
  await finalizeSettlement(deployed, second);
  await fundSettlement(deployed, first);
});

test("an epoch that was given nothing pays nothing, however much lies there for another [PAYO-03]", async () => {
  const { treasury, token, accounts } = deployed;
  const payer = { account: accounts.payer };
  const pay = (epoch: bigint, settlement: Settlement) =>
    treasury.write.payRange(
      [scope, epoch, 0n, settlement.payouts.map(recordOf), proofOfBlock(settlement, 0, 1)],
      payer,
    );
  await expectRevert(pay(2n, second), "Underfunded", [100n, 0n]);
  expect(await token.read.balanceOf([treasury.address])).toBe(100n);
  await pay(1n, first);
  await expectRevert(pay(2n, second), "Underfunded", [100n, 0n]);
  expect(await token.read.balanceOf([accounts.alice])).toBe(60n);
  expect(await token.read.balanceOf([accounts.bob])).toBe(40n);
});

test("an index that nobody set is 0, and 0 pays only whose leaf stands there [PAYO-03]", async () => {
  const { treasury, accounts } = deployed;
  const { alice, bob } = accounts;
  await fundSettlement(deployed, second);
  const claim = (index: bigint, account: typeof bob, amount: bigint, at: number) =>
    treasury.write.claim([scope, 2n, index, account, amount, proofOfBlock(second, at)], { account: bob });
  await expectRevert(claim(0n, bob, 40n, 1), "ProofMismatch");
  await expectRevert(claim(0n, bob, 60n, 0), "ProofMismatch");
  expect(await treasury.read.isPaid([scope, 2n, 0n])).toBe(false);
  await claim(0n, alice, 60n, 0);
  await expectRevert(claim(0n, alice, 60n, 0), "AlreadyPaid", [scope, 2n, 0n]);
});
