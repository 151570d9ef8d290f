// The Treasury contract on a real chain: reads, calls, events, and why it refuses.
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { activateRulesetCall, finalizeCall, proposeCall, type ContractPlace } from "#chain/anchor.ts";
import { followOnce } from "#chain/follower.ts";
import { submit } from "#chain/submitter.ts";
import {
  claimCall,
  decodeTreasuryEvents,
  describeTreasuryRevert,
  fundCall,
  maskHas,
  payRangeCall,
  readFunds,
  readIsPaid,
  readPaidWord,
  readTreasuryParts,
  reclaimCall,
  recordAmountLimit,
  treasuryTopics,
} from "#chain/treasury.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { proofOfBlock, type Settlement } from "#test/contracts/support/settlement.ts";
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

const of = { scope, epoch: 1n };
const accounts = Array.from(
  { length: 5 },
  (_, index): Hex => `0x${(0xabcdef01 + index).toString(16).padStart(40, "0")}`,
);

let chain: TestChain;
let contracts: Contracts;
let treasury: Hex;
let place: ContractPlace;
let settlement: Settlement;
let firstBlock: bigint;
beforeAll(async () => {
  chain = await startTestChain();
});
beforeEach(async () => {
  firstBlock = (await chain.client.getBlockNumber()) + 1n;
  contracts = await deployAll(chain);
  ({ treasury } = contracts);
  place = { chain: await connectTo(chain.url), address: treasury };
  settlement = settlementOf(
    contracts,
    1n,
    accounts.map((account, index) => ({ account, amount: BigInt(100 + index) })),
  );
  await act(chain, "governance", activateRulesetCall(contracts.anchor, scope, ruleset, 1n));
  await act(chain, "proposer", proposeCall(contracts.anchor, settlement.header, settlement.subRoots));
  await chain.rpc("evm_increaseTime", windowSeconds);
  await act(chain, "proposer", finalizeCall(contracts.anchor, scope, 1n));
});
afterAll(() => chain.close());

const total = 510n;

test("names its parts, and starts with nothing funded and nothing paid", async () => {
  expect(await readTreasuryParts(place)).toEqual({ anchor: contracts.anchor, token: contracts.token });
  expect(await readFunds(place, of)).toEqual({ funded: 0n, paid: 0n });
  expect(await readPaidWord(place, of, 0n)).toBe(0n);
});

test("a range and a claim are paid once, read back, and followed to the last event", async () => {
  const submitter = testSubmitter(place.chain, signerOf(role.payer));
  const range = payRangeCall(treasury, of, settlement.payouts.slice(0, 4), proofOfBlock(settlement, 0, 2));
  const early = await submit(submitter, { key: "range 0", call: range });
  expect(early.kind === "refused" && describeTreasuryRevert(early.data)).toEqual({
    name: "Underfunded",
    args: { committed: `${total}`, funded: "0" },
  });
  await act(chain, "governance", fundCall(treasury, of, total + 3n));
  expect((await submit(submitter, { key: "range 0", call: range })).kind).toBe("tracked");
  const [last] = settlement.payouts.slice(4);
  if (last === undefined) throw new Error("no payout");
  await act(chain, "challenger", claimCall(treasury, of, last, proofOfBlock(settlement, 4)));
  await act(chain, "governance", reclaimCall(treasury, of, accountOf("sink")));

  expect(await readFunds(place, of)).toEqual({ funded: total, paid: total });
  expect(await readPaidWord(place, of, 0n)).toBe(0b11111n);
  expect(await readIsPaid(place, of, 4n)).toBe(true);
  expect(await readIsPaid(place, of, 5n)).toBe(false);
  const again = await submit(submitter, {
    key: "claim 4",
    call: claimCall(treasury, of, last, proofOfBlock(settlement, 4)),
  });
  expect(again.kind === "refused" && describeTreasuryRevert(again.data).name).toBe("AlreadyPaid");

  const source = { address: treasury, topics: treasuryTopics, deploymentBlock: firstBlock, confirmations: 0n };
  const step = await followOnce(place.chain, source, []);
  if (step.kind !== "advance") throw new Error(step.kind);
  expect(decodeTreasuryEvents(step.events).slice(-4)).toMatchObject([
    { eventName: "Funded", args: { ...of, amount: total + 3n, funded: total + 3n } },
    {
      eventName: "RangePaid",
      args: { ...of, firstIndex: 0n, count: 4n, paidMask: 0b1111n, refusedMask: 0n, amount: 406n },
    },
    {
      eventName: "Claimed",
      args: { ...of, index: 4n, account: accounts[4], amount: 104n, by: accountOf("challenger") },
    },
    { eventName: "Reclaimed", args: { ...of, to: accountOf("sink"), amount: 3n } },
  ]);
});

test("a range that is empty, torn or too large for a record is a programming error, not a transaction", () => {
  const [first, second, third] = settlement.payouts;
  if (first === undefined || second === undefined || third === undefined) throw new Error("no payouts");
  expect(() => payRangeCall(treasury, of, [], [])).toThrow(/leaves.length/);
  expect(() => payRangeCall(treasury, of, [first, third], [])).toThrow(/index/);
  expect(() => payRangeCall(treasury, of, [{ ...first, amount: recordAmountLimit + 1n }], [])).toThrow(
    /recordAmountLimit/,
  );
  expect(payRangeCall(treasury, of, [{ ...first, amount: recordAmountLimit }], []).to).toBe(treasury);
});

test("a mask speaks of the offset's bit and of no other", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 255 })), fc.integer({ min: 0, max: 255 }), (bits, offset) => {
      const mask = bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
      expect(maskHas(mask, offset)).toBe(bits.includes(offset));
    }),
  );
});
