// What broke elsewhere: a root was made under a ruleset of the wrong version, and nobody asked.
import { expect, test } from "vitest";
import { deployContracts, nextSettlement, propose, ruleset, scope } from "#test/contracts/support/deployed.ts";
import { expectRevert } from "#test/contracts/support/revert.ts";
import { named, zero } from "#test/contracts/support/settlement.ts";

test("the anchor takes no candidate that names another ruleset than the one in force", async () => {
  const deployed = await deployContracts();
  const next = named("the next version's ruleset");
  await deployed.anchor.write.activateRuleset([scope, next, 2n], { account: deployed.accounts.governance });
  const early = await nextSettlement(deployed, [], { ruleset: next });
  await expectRevert(propose(deployed, early), "RulesetMismatch", [ruleset, next]);
  const none = await nextSettlement(deployed, [], { ruleset: zero });
  await expectRevert(propose(deployed, none), "RulesetMismatch", [ruleset, zero]);
  await propose(deployed, await nextSettlement(deployed));
  expect((await deployed.anchor.read.committed([scope, 1n])).root).not.toBe(zero);
});
