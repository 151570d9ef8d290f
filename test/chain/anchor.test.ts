// The Anchor contract on a real chain: reads, calls, events, and why it refuses.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  activateRulesetCall,
  anchorTopics,
  challengeCall,
  decodeAnchorEvents,
  describeAnchorRevert,
  finalizeCall,
  holdCall,
  proposeCall,
  readCandidate,
  readHead,
  readRuleset,
  readTerms,
  resolveCall,
  verifyLeaf,
  type ContractPlace,
} from "#chain/anchor.ts";
import { simulate } from "#chain/contract-call.ts";
import { agreedHead } from "#chain/client.ts";
import { followOnce } from "#chain/follower.ts";
import { submit } from "#chain/submitter.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { named, payoutLeaf, proofOfBlock, zero } from "#test/contracts/support/settlement.ts";
import {
  accountOf,
  act,
  deployAll,
  role,
  ruleset,
  scope,
  settlementOf,
  windowSeconds,
  type Contracts,
} from "./support/contracts.ts";
import { testSubmitter } from "./support/submitting.ts";
import { connectTo, signerOf, startTestChain, type TestChain } from "./support/test-chain.ts";

let chain: TestChain;
let contracts: Contracts;
let anchor: Hex;
let place: ContractPlace;
let firstBlock: bigint;
beforeAll(async () => {
  chain = await startTestChain();
});
beforeEach(async () => {
  firstBlock = (await chain.client.getBlockNumber()) + 1n;
  contracts = await deployAll(chain);
  ({ anchor } = contracts);
  place = { chain: await connectTo(chain.url), address: anchor };
  await act(chain, "governance", activateRulesetCall(anchor, scope, ruleset, 1n));
});
afterAll(() => chain.close());

const passWindow = async (): Promise<void> => {
  await chain.rpc("evm_increaseTime", windowSeconds);
  await chain.mine();
};

test("reads what was deployed, lower-case and in plain numbers", async () => {
  expect(await readTerms(place)).toEqual({
    bondToken: contracts.token,
    challengeBond: 1_000n,
    holdBond: 10n,
    windowSeconds,
    holdSeconds: 300,
    bondSink: accountOf("sink"),
  });
  expect(await readRuleset(place, scope, 7n)).toBe(ruleset);
  expect(await readRuleset(place, named("elsewhere"), 1n)).toBe(zero);
  expect(await readHead(place, scope)).toEqual({ epoch: 0n, root: zero });
  expect(await readCandidate(place, scope, 1n)).toMatchObject({ state: "none", revision: 0, root: zero });
});

test("an epoch from proposal to finality, sent by the submitter, read back at every state", async () => {
  const account = "0x00000000000000000000000000000000000000a1";
  const settlement = settlementOf(contracts, 1n, [
    { account, amount: 5n },
    { account, amount: 7n },
  ]);
  const { header, subRoots, root } = settlement;
  const submitter = testSubmitter(place.chain, signerOf(role.proposer));
  const intent = { key: "propose 1", call: proposeCall(anchor, header, subRoots) };
  expect((await submit(submitter, intent)).kind).toBe("tracked");
  const proposedAt = await agreedHead(place.chain);
  expect(await readCandidate(place, scope, 1n)).toMatchObject({
    state: "candidate",
    revision: 1,
    root,
    payoutCount: 2n,
    payoutTotal: 12n,
    finalizableAtSeconds: proposedAt.timestampSeconds + windowSeconds,
  });
  const leaf = {
    scope,
    epoch: 1n,
    leaf: payoutLeaf(settlement.place, { index: 0n, account, amount: 5n }),
    proof: proofOfBlock(settlement, 0),
  };
  expect(await verifyLeaf(place, leaf)).toBeNull();

  const early = await submit(submitter, { key: "finalize 1", call: finalizeCall(anchor, scope, 1n) });
  expect(early.kind === "refused" && describeAnchorRevert(early.data).name).toBe("WindowOpen");
  await passWindow();
  expect((await submit(submitter, { key: "finalize 1", call: finalizeCall(anchor, scope, 1n) })).kind).toBe("tracked");
  expect(await readCandidate(place, scope, 1n)).toMatchObject({ state: "finalized", root, finalizableAtSeconds: 0 });
  expect(await readHead(place, scope)).toEqual({ epoch: 1n, root });
  expect(await verifyLeaf(place, leaf)).toBe(true);
  expect(await verifyLeaf(place, { ...leaf, leaf: root })).toBe(false);
  // A block that was read once is read again as it was.
  expect(await readCandidate(place, scope, 1n, proposedAt)).toMatchObject({ state: "candidate" });
});

test("held, challenged, rejected: each state by its name", async () => {
  const { header, subRoots, root } = settlementOf(contracts, 1n);
  const candidate = { scope, epoch: 1n, root };
  await act(chain, "proposer", proposeCall(anchor, header, subRoots));
  await act(chain, "challenger", holdCall(anchor, candidate, named("cannot verify")));
  expect(await readCandidate(place, scope, 1n)).toMatchObject({ state: "held", holder: accountOf("challenger") });
  const evidenceHash = named("wrong");
  await act(chain, "challenger", challengeCall(anchor, candidate, evidenceHash));
  expect(await readCandidate(place, scope, 1n)).toMatchObject({
    state: "challenged",
    evidenceHash,
    finalizableAtSeconds: 0,
  });
  const decision = { upheld: true, decisionHash: named("decided") };
  await act(chain, "adjudicator", resolveCall(anchor, { scope, epoch: 1n, evidenceHash }, decision));
  expect(await readCandidate(place, scope, 1n)).toMatchObject({ state: "rejected", revision: 1, root: zero });
});

test("the follower proves every event of the real contract, and they decode to plain data", async () => {
  const { header, subRoots, root } = settlementOf(contracts, 1n);
  await act(chain, "proposer", proposeCall(anchor, header, subRoots));
  await passWindow();
  const hash = await act(chain, "proposer", finalizeCall(anchor, scope, 1n));
  const step = await followOnce(
    place.chain,
    { address: anchor, topics: anchorTopics, deploymentBlock: firstBlock, confirmations: 0n },
    [],
  );
  if (step.kind !== "advance") throw new Error(step.kind);
  const events = decodeAnchorEvents(step.events);
  expect(events.map(({ eventName }) => eventName).slice(-3)).toEqual(["RulesetActivated", "Proposed", "Finalized"]);
  const proposed = events.find((event) => event.eventName === "Proposed");
  expect(proposed?.args).toMatchObject({ scope, epoch: 1n, root, header, subRoots });
  const finalized = events.at(-1);
  expect(finalized).toMatchObject({
    args: { revision: 1, root },
    place: { transactionHash: hash, sequence: BigInt(events.length) },
  });
  expect(JSON.stringify(events, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value))).not.toMatch(
    /0x[0-9a-f]*[A-F]/,
  );
});

test("what the contract refuses is named with both values, and what no ABI knows is shown as it is", async () => {
  const { header, subRoots } = settlementOf(contracts, 2n);
  const refused = await simulate(
    place.chain,
    accountOf("proposer"),
    proposeCall(anchor, header, subRoots),
    await agreedHead(place.chain),
  );
  if (refused.kind !== "reverts") throw new Error(refused.kind);
  expect(describeAnchorRevert(refused.data)).toEqual({ name: "EpochOutOfOrder", args: { expected: "1", actual: "2" } });
  expect(describeAnchorRevert("0x")).toEqual({ name: "unknown", args: { data: "0x" } });
  expect(describeAnchorRevert("0xdeadbeef")).toEqual({ name: "unknown", args: { data: "0xdeadbeef" } });
});
