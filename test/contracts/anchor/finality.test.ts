// Windows, finality, what a view verifies, and what a pause does to time.
import { beforeEach, expect, test } from "vitest";
import { anchorStates } from "#chain/abi/anchor.ts";
import {
  deployContracts,
  finalizeSettlement,
  nextSettlement,
  propose,
  scope,
  windowSeconds,
  type Deployed,
} from "../support/deployed.ts";
import { expectRevert } from "../support/revert.ts";
import { layersOf, leafOf, named, payoutLeaf, proofFrom, proofOfBlock } from "../support/settlement.ts";

let deployed: Deployed;
beforeEach(async () => {
  deployed = await deployContracts();
});

test("a candidate waits out its window, then anyone finalizes it, once (ANCH-01)", async () => {
  const { anchor, accounts, time } = deployed;
  const settlement = await nextSettlement(deployed);
  await propose(deployed, settlement);
  const { finalizableAt } = await anchor.read.candidateOf([scope, 1n]);

  await time.setNextBlockTimestamp(finalizableAt - 1);
  await expectRevert(anchor.write.finalize([scope, 1n]), "WindowOpen");
  await time.increaseTo(finalizableAt);
  await anchor.write.finalize([scope, 1n], { account: accounts.stranger });

  const final = await anchor.read.candidateOf([scope, 1n]);
  expect(final).toMatchObject({ root: settlement.root, revision: 1, finalizableAt: 0 });
  expect(anchorStates[final.state]).toBe("Finalized");
  await expectRevert(anchor.write.finalize([scope, 1n]), "StateMismatch", [scope, 1n, final.state]);
  await expectRevert(anchor.write.finalize([scope, 2n]), "StateMismatch", [scope, 2n, 0]);
});

test("a view verifies a leaf of a final root, and says nothing before (ANCH-03, SETL-11)", async () => {
  const { anchor, accounts } = deployed;
  const payments = [accounts.alice, accounts.bob, accounts.carol].map((account) => ({ account, amount: 5n }));
  const settlement = await nextSettlement(deployed, payments);
  const [, payout] = settlement.payouts;
  if (payout === undefined) throw new Error("no payout");
  const leaf = payoutLeaf(settlement.place, payout);
  const proof = proofOfBlock(settlement, 1);

  await propose(deployed, settlement);
  await expectRevert(anchor.read.verify([scope, 1n, leaf, proof]), "NotFinalized", [scope, 1n, 0n]);
  await expectRevert(anchor.read.rootOf([scope, 1n]), "NotFinalized", [scope, 1n, 0n]);
  await deployed.time.increase(windowSeconds);
  await anchor.write.finalize([scope, 1n]);

  expect(await anchor.read.verify([scope, 1n, leaf, proof])).toBe(true);
  expect(await anchor.read.verify([scope, 1n, leaf, proofOfBlock(settlement, 2)])).toBe(false);
  expect(await anchor.read.verify([scope, 1n, payoutLeaf(settlement.place, { ...payout, amount: 6n }), proof])).toBe(
    false,
  );
});

test("a leaf of another kind, chain, contract, scope or epoch does not verify (SETL-05)", async () => {
  const { anchor, accounts } = deployed;
  const settlement = await nextSettlement(deployed, [{ account: accounts.alice, amount: 5n }]);
  await finalizeSettlement(deployed, settlement);
  const { place } = settlement;
  const fields = [0n, accounts.alice, 5n] as const;
  const proof = proofOfBlock(settlement, 0);
  const verifies = (leaf: `0x${string}`) => anchor.read.verify([scope, 1n, leaf, proof]);

  expect(await verifies(leafOf("payout", place, fields))).toBe(true);
  expect(await verifies(leafOf("reward", place, fields))).toBe(false);
  expect(await verifies(leafOf("payout", { ...place, chainId: 1n }, fields))).toBe(false);
  expect(await verifies(leafOf("payout", { ...place, anchor: accounts.bob }, fields))).toBe(false);
  expect(await verifies(leafOf("payout", { ...place, scope: named("other") }, fields))).toBe(false);
  expect(await verifies(leafOf("payout", { ...place, epoch: 2n }, fields))).toBe(false);
});

test("a pause stops proposing and finalizing, and its time does not count (ANCH-03)", async () => {
  const { anchor, accounts, time } = deployed;
  await propose(deployed, await nextSettlement(deployed));
  await anchor.write.pause({ account: accounts.pauser });
  await time.increase(10 * windowSeconds);
  await expectRevert(anchor.write.finalize([scope, 1n]), "EnforcedPause");
  await expectRevert(propose(deployed, await nextSettlement(deployed)), "EnforcedPause");

  await anchor.write.unpause({ account: accounts.governance });
  const resumedAt = await time.latest();
  const { finalizableAt } = await anchor.read.candidateOf([scope, 1n]);
  expect(finalizableAt).toBe(resumedAt + windowSeconds);
  await expectRevert(anchor.write.finalize([scope, 1n]), "WindowOpen");
  await time.increaseTo(finalizableAt);
  await anchor.write.finalize([scope, 1n]);
});

test("in a pause a candidate can still be doubted (ANCH-03)", async () => {
  const { anchor, accounts } = deployed;
  const { root } = await nextSettlement(deployed);
  await propose(deployed, await nextSettlement(deployed));
  await anchor.write.pause({ account: accounts.pauser });
  await anchor.write.hold([scope, 1n, root, named("cannot fetch")], { account: accounts.challenger });
  await anchor.write.challenge([scope, 1n, root, named("evidence")], { account: accounts.challenger });
  await anchor.write.resolve([scope, 1n, named("evidence"), true, named("decision")], {
    account: accounts.adjudicator,
  });
  expect(anchorStates[(await anchor.read.candidateOf([scope, 1n])).state]).toBe("Rejected");
});

test("rulesets change at an epoch boundary ahead; what was proposed keeps its own", async () => {
  const { anchor, accounts } = deployed;
  const account = accounts.governance;
  const [second, third] = [named("second ruleset"), named("third ruleset")];
  await propose(deployed, await nextSettlement(deployed));
  await expectRevert(anchor.write.activateRuleset([scope, second, 1n], { account }), "EpochAlreadyProposed", [1n, 1n]);
  await anchor.write.activateRuleset([scope, second, 2n], { account });
  await anchor.write.activateRuleset([scope, third, 4n], { account });
  await anchor.write.activateRuleset([scope, named("corrected"), 4n], { account });
  await expectRevert(anchor.write.activateRuleset([scope, third, 3n], { account }), "CheckpointUnorderedInsertion");

  const rulesets = await Promise.all([0n, 1n, 2n, 3n, 4n, 9n].map((epoch) => anchor.read.rulesetOf([scope, epoch])));
  expect(rulesets.slice(1)).toEqual([named("ruleset"), second, second, named("corrected"), named("corrected")]);
  await deployed.time.increase(windowSeconds);
  await anchor.write.finalize([scope, 1n]);
  await expectRevert(propose(deployed, await nextSettlement(deployed)), "RulesetMismatch", [second, named("ruleset")]);
  await finalizeSettlement(deployed, await nextSettlement(deployed, [], { ruleset: second }));
});

test("the proofs of the test's own implementation end at the root", () => {
  const nodes = [1, 2, 3, 4, 5, 6, 7].map((n) => named(`node ${n}`));
  const layers = layersOf(nodes);
  expect(proofFrom(layers, 0, 6)).toEqual([layers[1]?.[2], layers[2]?.[0]]);
});
