// Proposing: the root is computed on chain, and a header that contradicts what stands is refused.
import { keccak256, stringToHex } from "viem";
import { beforeEach, expect, test } from "vitest";
import { anchorStates } from "#chain/abi/anchor.ts";
import {
  deployContracts,
  finalizeSettlement,
  nextSettlement,
  propose,
  ruleset,
  scope,
  windowSeconds,
  type Deployed,
} from "../support/deployed.ts";
import { expectRevert } from "../support/revert.ts";
import { named, zero, type Header, type SubRoots } from "../support/settlement.ts";

let deployed: Deployed;
beforeEach(async () => {
  deployed = await deployContracts();
});

const stateOf = async (epoch: bigint): Promise<string> => {
  const { state } = await deployed.anchor.read.candidateOf([scope, epoch]);
  return anchorStates[state] ?? "";
};

test("the root on chain is the one that viem and merkletreejs build (ANCH-01, SETL-05)", async () => {
  const { accounts, anchor, time } = deployed;
  const settlement = await nextSettlement(deployed, [
    { account: accounts.alice, amount: 7n },
    { account: accounts.bob, amount: 2n ** 127n },
    { account: accounts.carol, amount: 1n },
  ]);
  expect(await stateOf(1n)).toBe("None");
  await propose(deployed, settlement);
  const proposedAt = await time.latest();

  const candidate = await anchor.read.candidateOf([scope, 1n]);
  expect(candidate).toMatchObject({
    root: settlement.root,
    revision: 1,
    payoutCount: 3n,
    payoutTotal: 2n ** 127n + 8n,
  });
  expect(candidate.finalizableAt).toBe(proposedAt + windowSeconds);
  expect(await stateOf(1n)).toBe("Candidate");
  expect(await anchor.read.committed([scope, 1n])).toMatchObject({ root: settlement.root, finalized: false });
});

test("the event holds everything that the root was computed from (SETL-04)", async () => {
  const { anchor } = deployed;
  const settlement = await nextSettlement(deployed, [{ account: deployed.accounts.alice, amount: 7n }]);
  await propose(deployed, settlement);
  const [event] = await anchor.getEvents.Proposed({ scope, epoch: 1n });
  expect(event?.args).toMatchObject({
    root: settlement.root,
    subRoots: settlement.subRoots,
    header: settlement.header,
  });
});

test.each<[string, Partial<Header>, string, (string | bigint | number)[]]>([
  ["an epoch ahead", { epoch: 2n }, "EpochOutOfOrder", [1n, 2n]],
  ["epoch zero", { epoch: 0n }, "EpochOutOfOrder", [1n, 0n]],
  ["revision zero", { revision: 0 }, "RevisionOutOfOrder", [1, 0]],
  ["a revision ahead", { revision: 2 }, "RevisionOutOfOrder", [1, 2]],
  ["a predecessor before the first", { previousRoot: named("x") }, "PreviousRootMismatch", [zero, named("x")]],
  ["another ruleset", { ruleset: named("x") }, "RulesetMismatch", [ruleset, named("x")]],
  ["a scope without a ruleset", { scope: named("other"), ruleset: zero }, "RulesetMismatch", [zero, zero]],
  ["no scope", { scope: zero }, "Missing", ["scope"]],
  ["no archive", { archive: zero }, "Missing", ["archive"]],
  ["an amount for nobody", { payoutTotal: 5n }, "TotalWithoutPayouts", [5n, 0n]],
  ["more payouts than fit", { payoutCount: 2n ** 48n }, "SafeCastOverflowedUintDowncast", [48, 2n ** 48n]],
])("refused: %s (ANCH-02)", async (_case, fields, error, args) => {
  await expectRevert(propose(deployed, await nextSettlement(deployed, [], fields)), error, args);
});

test.each<keyof SubRoots>(["results", "evidence", "rewards", "payouts", "candidates", "journal"])(
  "a settlement without the root of its %s is refused: absence is not zero",
  async (part) => {
    const settlement = await nextSettlement(deployed);
    const incomplete = { ...settlement, subRoots: { ...settlement.subRoots, [part]: zero } };
    await expectRevert(propose(deployed, incomplete), "Missing", [part]);
  },
);

test("a candidate cannot be replaced while it stands, nor a final root ever (ANCH-02)", async () => {
  const { anchor } = deployed;
  const settlement = await nextSettlement(deployed);
  await propose(deployed, settlement);
  const other = await nextSettlement(deployed, [], { archive: named("other") });
  for (const revision of [1, 2]) {
    const next = { ...other, header: { ...other.header, revision } };
    await expectRevert(propose(deployed, next), "StateMismatch", [scope, 1n, anchorStates.indexOf("Candidate")]);
  }

  await deployed.time.increase(windowSeconds);
  await anchor.write.finalize([scope, 1n]);
  for (const revision of [1, 2]) {
    await expectRevert(propose(deployed, { ...other, header: { ...other.header, revision } }), "EpochOutOfOrder", [
      2n,
      1n,
    ]);
  }
  expect(await anchor.read.rootOf([scope, 1n])).toBe(settlement.root);
});

test("epochs follow one another, each naming the final root before it (ANCH-02, SETL-08)", async () => {
  const { anchor } = deployed;
  const first = await nextSettlement(deployed);
  await finalizeSettlement(deployed, first);
  expect(await anchor.read.headOf([scope])).toEqual([1n, first.root]);

  await expectRevert(
    propose(deployed, await nextSettlement(deployed, [], { previousRoot: zero })),
    "PreviousRootMismatch",
    [first.root, zero],
  );
  const second = await nextSettlement(deployed);
  expect(second.header.previousRoot).toBe(first.root);
  await finalizeSettlement(deployed, second);
  expect(await anchor.read.headOf([scope])).toEqual([2n, second.root]);
  expect(await anchor.read.rootOf([scope, 1n])).toBe(first.root);
});

test("scopes go their own ways", async () => {
  const { anchor, accounts } = deployed;
  const films = keccak256(stringToHex("films"));
  await anchor.write.activateRuleset([films, ruleset, 1n], { account: accounts.governance });
  await finalizeSettlement(deployed, await nextSettlement(deployed));
  const other = await nextSettlement(deployed, [], { scope: films });
  expect(other.header).toMatchObject({ epoch: 1n, previousRoot: zero });
  await finalizeSettlement(deployed, other);
  expect(await anchor.read.headOf([films])).toEqual([1n, other.root]);
});
