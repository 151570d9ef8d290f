// Challenges, holds and their bonds: what stops a candidate, who decides, and where the money goes.
import { getAddress, zeroAddress } from "viem";
import { beforeEach, expect, test } from "vitest";
import { anchorStates } from "#chain/abi/anchor.ts";
import {
  challengeBond,
  deployContracts,
  finalizeSettlement,
  holdBond,
  holdSeconds,
  nextSettlement,
  propose,
  scope,
  windowSeconds,
  type Deployed,
} from "../support/deployed.ts";
import { expectRevert } from "../support/revert.ts";
import { named, zero, type Settlement } from "../support/settlement.ts";

const evidence = named("evidence");
const decision = named("decision");

let deployed: Deployed;
let settlement: Settlement;
beforeEach(async () => {
  deployed = await deployContracts();
  settlement = await nextSettlement(deployed);
  await propose(deployed, settlement);
});

const by = (account: keyof Deployed["accounts"]) => ({ account: deployed.accounts[account] });
const challenge = (account: keyof Deployed["accounts"] = "challenger") =>
  deployed.anchor.write.challenge([scope, 1n, settlement.root, evidence], by(account));
const hold = () => deployed.anchor.write.hold([scope, 1n, settlement.root, named("cannot fetch")], by("challenger"));
const resolve = (upheld: boolean) =>
  deployed.anchor.write.resolve([scope, 1n, evidence, upheld, decision], by("adjudicator"));
const candidate = () => deployed.anchor.read.candidateOf([scope, 1n]);
const state = async () => anchorStates[(await candidate()).state];
const creditOf = (account: keyof Deployed["accounts"]) =>
  deployed.anchor.read.bondCreditOf([deployed.accounts[account]]);

test("an open challenge keeps a candidate from becoming final, however long it takes (CHAL-07)", async () => {
  const { token, accounts, anchor, time } = deployed;
  const before = await token.read.balanceOf([accounts.challenger]);
  await challenge();
  expect(await token.read.balanceOf([accounts.challenger])).toBe(before - challengeBond);
  expect(await candidate()).toMatchObject({
    challenger: getAddress(accounts.challenger),
    evidenceHash: evidence,
    finalizableAt: 0,
  });
  expect(await state()).toBe("Challenged");

  await time.increase(100 * windowSeconds);
  await expectRevert(anchor.write.finalize([scope, 1n]), "StateMismatch", [
    scope,
    1n,
    anchorStates.indexOf("Challenged"),
  ]);
  await expectRevert(challenge(), "StateMismatch");
  await expectRevert(hold(), "StateMismatch");
});

test("upheld: the candidate is gone, the bond comes back, and only the next revision may follow (CHAL-07)", async () => {
  const { token, accounts, anchor } = deployed;
  await hold();
  await challenge();
  await resolve(true);
  expect(await state()).toBe("Rejected");
  expect(await candidate()).toMatchObject({
    root: zero,
    revision: 1,
    payoutTotal: 0n,
    challenger: zeroAddress,
    holder: zeroAddress,
  });
  expect(await creditOf("challenger")).toBe(challengeBond + holdBond);
  await anchor.write.withdrawBond([accounts.challenger], by("stranger"));
  expect(await token.read.balanceOf([anchor.address])).toBe(0n);
  await expectRevert(anchor.write.withdrawBond([accounts.challenger]), "NoCredit");

  await deployed.time.increase(windowSeconds);
  await expectRevert(anchor.write.finalize([scope, 1n]), "StateMismatch");
  await expectRevert(propose(deployed, settlement), "RevisionOutOfOrder", [2, 1]);
  const corrected = await nextSettlement(deployed, [], { revision: 2, archive: named("corrected") });
  await finalizeSettlement(deployed, corrected);
  expect(await anchor.read.headOf([scope])).toEqual([1n, corrected.root]);
});

test("dismissed: the bond is forfeited and a full window starts, so that others can still challenge (CHAL-07)", async () => {
  const { anchor, accounts, time, token } = deployed;
  await time.increase(windowSeconds - 10);
  await challenge();
  await resolve(false);
  const resolvedAt = await time.latest();
  expect(await state()).toBe("Candidate");
  expect((await candidate()).finalizableAt).toBe(resolvedAt + windowSeconds);
  expect(await creditOf("challenger")).toBe(0n);
  expect(await creditOf("sink")).toBe(challengeBond);
  await anchor.write.withdrawBond([accounts.sink]);
  expect(await token.read.balanceOf([accounts.sink])).toBe(challengeBond);

  await challenge();
  expect(await state()).toBe("Challenged");
});

test("a hold extends the window once a revision, accuses nobody, and its bond comes back", async () => {
  const { anchor, time } = deployed;
  const { finalizableAt } = await candidate();
  await hold();
  expect(await state()).toBe("Held");
  expect((await candidate()).finalizableAt).toBe(finalizableAt + holdSeconds);
  await expectRevert(hold(), "StateMismatch", [scope, 1n, anchorStates.indexOf("Held")]);

  await challenge();
  await resolve(false);
  expect(await state()).toBe("Held");
  await expectRevert(hold(), "StateMismatch");

  await time.increaseTo((await candidate()).finalizableAt);
  await anchor.write.finalize([scope, 1n]);
  expect(await creditOf("challenger")).toBe(holdBond);
});

test("until someone finalizes, a candidate can be doubted: the window is a minimum", async () => {
  const { time } = deployed;
  await time.increase(5 * windowSeconds);
  await hold();
  expect((await candidate()).finalizableAt).toBe((await time.latest()) + holdSeconds);
  await challenge();
  expect(await state()).toBe("Challenged");
});

test("a doubt names the candidate it is about, and a decision the challenge (CHAL-07)", async () => {
  const { anchor } = deployed;
  const other = named("other");
  await expectRevert(anchor.write.challenge([scope, 1n, other, evidence], by("challenger")), "RootMismatch", [
    settlement.root,
    other,
  ]);
  await expectRevert(anchor.write.hold([scope, 1n, other, evidence], by("challenger")), "RootMismatch");
  await expectRevert(anchor.write.challenge([scope, 2n, zero, evidence], by("challenger")), "StateMismatch");
  await expectRevert(anchor.write.challenge([scope, 1n, settlement.root, zero], by("challenger")), "Missing");
  await expectRevert(resolve(true), "StateMismatch");
  await challenge();
  await expectRevert(anchor.write.resolve([scope, 1n, other, true, decision], by("adjudicator")), "EvidenceMismatch", [
    evidence,
    other,
  ]);
  await expectRevert(anchor.write.resolve([scope, 1n, evidence, true, zero], by("adjudicator")), "Missing");
});

test("what is final cannot be challenged, held or rejected any more (ANCH-02)", async () => {
  const { anchor, time } = deployed;
  await time.increase(windowSeconds);
  await anchor.write.finalize([scope, 1n]);
  await expectRevert(challenge(), "StateMismatch", [scope, 1n, anchorStates.indexOf("Finalized")]);
  await expectRevert(hold(), "StateMismatch");
  await expectRevert(resolve(true), "StateMismatch");
});

test("challengers are named, or everybody without a role where governance opens it (ANCH-03)", async () => {
  const { anchor } = deployed;
  const role = await anchor.read.CHALLENGER_ROLE();
  await expectRevert(challenge("stranger"), "AccessControlUnauthorizedAccount");
  await anchor.write.grantRole([role, zeroAddress], by("governance"));
  for (const account of ["proposer", "adjudicator", "governance"] as const) {
    await expectRevert(challenge(account), "AccessControlUnauthorizedAccount");
  }
  await challenge("stranger");
  expect(await state()).toBe("Challenged");
});

test("a bond token that takes a fee is refused, and so is a challenge without the bond", async () => {
  await deployed.token.write.approve([deployed.anchor.address, challengeBond - 1n], by("challenger"));
  await expect(challenge()).rejects.toThrow();
  expect(await state()).toBe("Candidate");

  const hostile = await deployContracts("HostileToken");
  await propose(hostile, await nextSettlement(hostile));
  const { root } = await hostile.anchor.read.candidateOf([scope, 1n]);
  await hostile.setFee(1n);
  const account = hostile.accounts.challenger;
  await expectRevert(hostile.anchor.write.challenge([scope, 1n, root, evidence], { account }), "ReceivedAmount", [
    challengeBond,
    challengeBond - 1n,
  ]);
});

test("an account that cannot receive its bond blocks nobody's settlement", async () => {
  const hostile = await deployContracts("HostileToken");
  const next = await nextSettlement(hostile);
  await propose(hostile, next);
  const account = hostile.accounts.challenger;
  await hostile.anchor.write.hold([scope, 1n, next.root, named("reason")], { account });
  await hostile.setRefusal(account, "Revert");
  await hostile.time.increase(windowSeconds + holdSeconds);
  await hostile.anchor.write.finalize([scope, 1n]);
  expect(await hostile.anchor.read.headOf([scope])).toEqual([1n, next.root]);
  expect(await hostile.anchor.read.bondCreditOf([account])).toBe(holdBond);
});
