// What broke elsewhere: a root of zeros, which no one had proposed, was finalized, and everything could be claimed against it.
import { expect, test } from "vitest";
import { deployContracts, scope, windowSeconds } from "#test/contracts/support/deployed.ts";
import { expectRevert } from "#test/contracts/support/revert.ts";
import { zero } from "#test/contracts/support/settlement.ts";

test("nothing can be finalized, funded or claimed where nothing was proposed", async () => {
  const { anchor, treasury, accounts, time } = await deployContracts();
  await time.increase(windowSeconds * 2);
  await expectRevert(anchor.write.finalize([scope, 1n]), "StateMismatch");
  await expectRevert(treasury.write.fund([scope, 1n, 1n], { account: accounts.governance }), "NothingCommitted", [
    scope,
    1n,
  ]);
  await expectRevert(treasury.write.claim([scope, 1n, 0n, accounts.alice, 0n, []]), "NotFinal", [scope, 1n]);
  expect((await anchor.read.committed([scope, 1n])).root).toBe(zero);
});
