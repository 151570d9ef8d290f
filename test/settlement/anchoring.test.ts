// Anchoring on a real chain: proposed once, followed, finalized, and proven by the contract; whatever happens in between.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { verifyProof } from "#audit/proof-file.ts";
import {
  activateRulesetCall,
  finalizeCall,
  proposeCall,
  readHead,
  verifyLeaf,
  type ContractPlace,
} from "#chain/anchor.ts";
import type { Submitter } from "#chain/submitter.ts";
import { rulesetId } from "#protocol/parameters.ts";
import { scopeId } from "#protocol/leaves.ts";
import type { Hex } from "#protocol/hash.ts";
import { openTransactions } from "#storage/chain-transactions.ts";
import { newestSettlement, readCandidate } from "#storage/settlements.ts";
import { anchorFollowerStep } from "#settlement/anchor-follower.ts";
import { anchoringStep, readAnchorView } from "#settlement/anchoring.ts";
import { headerOf } from "#settlement/candidate.ts";
import { openProofs, proofOf } from "#settlement/proofs.ts";
import { settlementStep } from "#settlement/settlement-step.ts";
import { accountOf, act, deployAll, role, windowSeconds } from "#test/chain/support/contracts.ts";
import { honest, startProxy, type Proxy } from "#test/chain/support/proxy.ts";
import { testSubmitter } from "#test/chain/support/submitting.ts";
import { connectTo, signerOf, startTestChain, type TestChain } from "#test/chain/support/test-chain.ts";
import { versions } from "./archived-epoch.ts";
import { finishedTask, policy, scope } from "./finished-tasks.ts";
import { challengeState, challengeTask, decide, reviewAll, taskState } from "./challenging.ts";
import { closeOver, openSettling, pass, settle, type Settling } from "./settling.ts";

let chain: TestChain;
let proxy: Proxy;
let anchor: ContractPlace;
let settling: Settling;
let submitter: Submitter;
let deploymentBlock: bigint;
const key = { scope, epoch: 1, revision: 1 };

beforeAll(async () => {
  chain = await startTestChain();
  proxy = await startProxy(chain.url);
});

afterAll(async () => {
  await proxy.close();
  await chain.close();
});

beforeEach(async () => {
  deploymentBlock = await chain.client.getBlockNumber();
  const contracts = await deployAll(chain);
  anchor = { chain: await connectTo(proxy.url), address: contracts.anchor };
  await act(chain, "governance", activateRulesetCall(contracts.anchor, scopeId(scope), rulesetId(versions), 1n));
  const place = { chainId: 31337n, anchor: contracts.anchor };
  settling = await openSettling(policy, place);
  submitter = {
    ...testSubmitter(anchor.chain, signerOf(role.proposer)),
    journal: openTransactions(settling.database, "work"),
  };
  await closeOver(
    settling,
    Array.from({ length: 8 }, (_, number) => finishedTask(number, { place })),
  );
  return async () => await settling.close();
});

/** The steps of one process, once each; time passes for the node. */
async function turn(holder = "test-1"): Promise<void> {
  const deps = { ...settling.deps, holder, anchor, submitter, deploymentBlock, confirmations: 0n };
  const readAnchor = (name: string, epoch: number) => readAnchorView(anchor, { scope: name, epoch }, 0n);
  pass(settling, 90);
  await anchoringStep(deps).run();
  await anchorFollowerStep(deps).run();
  await settlementStep({ ...deps, readAnchor }).run();
}

const state = async (): Promise<string | undefined> => (await newestSettlement(settling.database, scope, 1))?.state;

async function turnUntil(wanted: string): Promise<void> {
  for (let turns = 0; turns < 30 && (await state()) !== wanted; turns++) {
    await chain.mine();
    await turn();
  }
  expect(await state()).toBe(wanted);
}

const passWindow = async (): Promise<void> => {
  await chain.rpc("evm_increaseTime", windowSeconds);
  await chain.mine();
};

const sent = async (): Promise<readonly string[]> => {
  const { rows } = await settling.database.query<{ intent: string }>(
    `SELECT intent FROM work.chain_transaction ORDER BY nonce`,
  );
  return rows.map(({ intent }) => intent);
};

test("a candidate is proposed, waits out its window, is finalized, and proves its items [ANCH-01] [SETL-11]", async () => {
  const { database } = settling;
  await settle(settling, 1);
  await turn();
  await turn();
  expect(await sent()).toEqual(["propose:films/1/1"]);
  expect(await state()).toBe("candidate_ready");
  await passWindow();
  await turnUntil("finalized");
  expect(await sent()).toEqual(["propose:films/1/1", "finalize:films/1/1"]);
  const root = (await readCandidate(database, key))?.root;
  expect(await readHead(anchor, scopeId(scope))).toEqual({ epoch: 1n, root });
  const { rows } = await database.query(`SELECT count(*) AS completed FROM work.task WHERE state = 'completed'`);
  expect(rows).toEqual([{ completed: 8n }]);
  const events = await database.query(
    `SELECT body::json->>'event' AS event FROM ledger.journal WHERE kind = 'anchor' ORDER BY entry_no`,
  );
  expect(events.rows.map(({ event }) => event)).toEqual(["Proposed", "Finalized"]);

  const place = { chainId: 31337n, anchor: anchor.address };
  const taskId = finishedTask(3, { place }).taskId;
  const proof = await proofOf(openProofs(database, place), { scope, epoch: 1, kind: "result", id: taskId });
  const reader = {
    chainId: () => chain.client.getChainId(),
    finalizedRoot: async (_anchor: Hex, id: Hex) => (await readHead(anchor, id)).root,
    verify: (_anchor: Hex, item: Parameters<typeof verifyLeaf>[1]) => verifyLeaf(anchor, item),
  };
  expect(await verifyProof(proof, reader)).toEqual({ kind: "valid", root });
});

test("the chain going away at any time delays anchoring and changes nothing else [ANCH-05]", async () => {
  await settle(settling, 1);
  const root = (await readCandidate(settling.database, key))?.root;
  proxy.behave = () => Promise.resolve("break");
  for (let turns = 0; turns < 3; turns++) await turn();
  expect(await state()).toBe("candidate_ready");
  expect(await sent()).toEqual([]);
  proxy.behave = honest;
  await turn();
  proxy.behave = () => Promise.resolve("break");
  await turn();
  proxy.behave = honest;
  await passWindow();
  await turnUntil("finalized");
  expect((await readHead(anchor, scopeId(scope))).root).toBe(root);
  expect(await sent()).toEqual(["propose:films/1/1", "finalize:films/1/1"]);
});

test("two processes and many repetitions send one proposal and one finalization [ANCH-05]", async () => {
  await settle(settling, 1);
  const before = await chain.client.getTransactionCount({ address: accountOf("proposer") });
  for (let turns = 0; turns < 4; turns++) await Promise.all([turn("p1"), turn("p2")]);
  await passWindow();
  for (let turns = 0; turns < 12; turns++) {
    await chain.mine();
    await Promise.all([turn("p1"), turn("p2")]);
  }
  expect(await state()).toBe("finalized");
  expect(await chain.client.getTransactionCount({ address: accountOf("proposer") })).toBe(before + 2);
});

test("a proposal that a reorganization undid is sent again, the same and no other [ANCH-05]", async () => {
  await settle(settling, 1);
  const root = (await readCandidate(settling.database, key))?.root;
  const snapshot = await chain.rpc("evm_snapshot");
  await turn();
  await turn();
  expect(await sent()).toEqual(["propose:films/1/1"]);
  await chain.rpc("evm_revert", snapshot);
  await chain.mine(3);
  await turnUntil("candidate_ready");
  for (let turns = 0; turns < 4; turns++) await turn();
  await passWindow();
  await turnUntil("finalized");
  expect((await readHead(anchor, scopeId(scope))).root).toBe(root);
  expect(await sent()).toEqual(["propose:films/1/1", "finalize:films/1/1"]);
});

test("where another root stands for the epoch, nothing is sent over it [ANCH-02]", async () => {
  await settle(settling, 1);
  const candidate = await readCandidate(settling.database, key);
  if (candidate === undefined) throw new Error("no candidate");
  const subRoots = { ...candidate.subRoots, results: `0x${"99".repeat(32)}` } as const;
  await act(chain, "proposer", proposeCall(anchor.address, headerOf(candidate.header), subRoots));
  for (let turns = 0; turns < 4; turns++) await turn();
  expect(await sent()).toEqual([]);
  expect(await state()).toBe("candidate_ready");
  expect(settling.told.some(({ level, message }) => level === "error" && message.includes("another root"))).toBe(true);
});

test("a challenged candidate is not proposed; upheld, it never is, and the next revision is [CHAL-04, CHAL-05]", async () => {
  await settle(settling, 1);
  const task = finishedTask(3, { place: settling.deps.place });
  const challengeId = await challengeTask(settling, task, { epoch: 1 });
  await turn();
  await turn();
  expect(await sent()).toEqual([]);
  await reviewAll(settling, "confirmed");
  await decide(settling, challengeId, { upheld: true });
  await settle(settling, 1);
  await turn();
  await turn();
  expect(await sent()).toEqual(["propose:films/1/2"]);
  const second = await readCandidate(settling.database, { ...key, revision: 2 });
  const { candidate } = await readAnchorView(anchor, { scope, epoch: 1 }, 0n);
  expect(candidate).toMatchObject({ state: "candidate", revision: 1, root: second?.root });
});

test("the node does not finalize past a challenge; when somebody else does, final is final on both sides [CHAL-04, CHAL-07]", async () => {
  await settle(settling, 1);
  await turn();
  await turn();
  const task = finishedTask(3, { place: settling.deps.place });
  const challengeId = await challengeTask(settling, task, { epoch: 1 });
  await passWindow();
  for (let turns = 0; turns < 3; turns++) await turn();
  expect([await sent(), await state()]).toEqual([["propose:films/1/1"], "candidate_ready"]);
  await act(chain, "payer", finalizeCall(anchor.address, scopeId(scope), 1n));
  await turnUntil("finalized");
  expect(await sent()).toEqual(["propose:films/1/1"]);
  expect(await taskState(settling, task.taskId)).toBe("completed");
  expect(await challengeState(settling, challengeId)).toBe("opened");
});
