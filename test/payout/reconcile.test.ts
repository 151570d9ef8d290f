// Following what the treasury pays: claims, reorganizations, gaps, and two processes that follow at once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { claimCall } from "#chain/treasury.ts";
import { authorizePayouts } from "#payout/authorize.ts";
import { reconcilePayouts } from "#payout/reconcile.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { foreignEvents } from "#storage/payout-events.ts";
import { instructionsOf } from "#storage/payouts.ts";
import { accountOf, act, role } from "#test/chain/support/contracts.ts";
import { sendDirectly, signerOf, testChainId } from "#test/chain/support/test-chain.ts";
import { proofOfBlock, settle, type Settlement } from "#test/contracts/support/settlement.ts";
import { queryRows } from "#test/setup/database.ts";
import {
  balancesOf,
  finalizeEpoch,
  finalizeOnChain,
  fund,
  openStage,
  payerNonce,
  paymentsTo,
  runToRest,
  statesOf,
  storeFinalized,
  type Payment,
  type Stage,
} from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const amounts = (payments: readonly Payment[]): readonly bigint[] => payments.map(({ amount }) => amount);

async function claim(settlement: Settlement, index: number): Promise<void> {
  const leaf = settlement.payouts[index];
  if (!leaf) throw new Error("no such payout");
  const { treasury } = stage.deployment;
  await act(stage.chain, "sink", claimCall(treasury, settlement.place, leaf, proofOfBlock(settlement, index)));
}

/** Every row of every table that holds rewards and what they come from. */
async function ledgerDigest(): Promise<unknown> {
  const tables = await queryRows(stage.server.adminUrl, "SELECT tablename FROM pg_tables WHERE schemaname = 'ledger'");
  const digests = tables.map(async ({ tablename }) => [
    tablename as string,
    await queryRows(
      stage.server.adminUrl,
      `SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM ledger.${tablename} t`,
    ),
  ]);
  return Object.fromEntries((await Promise.all(digests)) as [string, unknown][]);
}

test("a claim, seen before the node's own payouts are prepared and after, counts as paid and is not paid again [PAYO-08]", async () => {
  const payments = paymentsTo(3);
  const settlement = await finalizeEpoch(stage, "claimed", payments);
  await claim(settlement, 1);
  const ledger = await ledgerDigest();
  await reconcilePayouts(stage.deps);
  expect(await statesOf(stage, "claimed")).toEqual({ prepared: 2, reconciled: 1 });
  await runToRest(stage.deps);
  expect(await statesOf(stage, "claimed")).toEqual({ reconciled: 3 });
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
  const [, claimed] = await instructionsOf(stage.signer, { scope: "claimed", epoch: 1 });
  const { rows } = await stage.signer.query<{ why: string }>(
    "SELECT why FROM payout.journal WHERE payout_id = $1 AND to_state = 'reconciled'",
    [Buffer.from(claimed?.payoutId.slice(2) ?? "", "hex")],
  );
  expect(rows).toEqual([{ why: "the recipient's claim was paid" }]);
  // Reward state is not written by any of this.
  expect(await ledgerDigest()).toEqual(ledger);
});

test("a payment that a reorganization removes is mismatched, sent again, and made once in the end [PAYO-05]", async () => {
  const payments = paymentsTo(258, 1_000);
  const settlement = await finalizeEpoch(stage, "removed", payments);
  await reconcilePayouts(stage.deps);
  const ledger = await ledgerDigest();
  const before = await payerNonce(stage);
  const snapshot = await stage.chain.rpc("evm_snapshot");
  await runToRest(stage.deps);
  expect(await statesOf(stage, "removed")).toEqual({ reconciled: 258 });

  await stage.chain.rpc("evm_revert", snapshot);
  await stage.chain.mine(5);
  expect(await balancesOf(stage, payments)).toEqual(payments.map(() => 0n));
  expect(await reconcilePayouts(stage.deps)).toBe(1);
  expect(await statesOf(stage, "removed")).toEqual({ mismatched: 258 });
  const { rows } = await stage.signer.query<{ detail: string }>(
    "SELECT DISTINCT detail FROM payout.instruction WHERE scope = 'removed'",
  );
  expect(rows).toHaveLength(2);
  const sides = /^reconciled with 0x[0-9a-f]{64} in block \d+ 0x[0-9a-f]{64}, which the chain no longer has$/;
  for (const { detail } of rows) expect(detail).toMatch(sides);

  await runToRest(stage.deps);
  expect(await statesOf(stage, "removed")).toEqual({ reconciled: 258 });
  expect(await payerNonce(stage)).toBe(before + 2);
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
  const events = await stage.signer.query<{ superseded: boolean; count: bigint }>(
    `SELECT superseded, count(*) AS count FROM payout.event WHERE body::json->>'scope' = $1
     GROUP BY superseded ORDER BY superseded`,
    [settlement.header.scope],
  );
  // Two ranges: seen, superseded, seen again.
  expect(events.rows).toEqual([
    { superseded: false, count: 4n },
    { superseded: true, count: 2n },
  ]);
  expect(await ledgerDigest()).toEqual(ledger);
});

test("a confirmed transaction that a reorganization removes before its event was taken is sent again and pays once [PAYO-05]", async () => {
  const payments = paymentsTo(3, 2_000);
  await finalizeEpoch(stage, "early", payments);
  await reconcilePayouts(stage.deps);
  const before = await payerNonce(stage);
  const snapshot = await stage.chain.rpc("evm_snapshot");
  const behind = { ...stage.deps, source: { ...stage.deps.source, confirmations: 50n } };
  await runToRest(behind);
  expect(await statesOf(stage, "early")).toEqual({ confirmed: 3 });
  await stage.chain.rpc("evm_revert", snapshot);
  await stage.chain.mine(2);
  await runToRest(stage.deps);
  expect(await statesOf(stage, "early")).toEqual({ reconciled: 3 });
  expect(await payerNonce(stage)).toBe(before + 1);
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
});

test("a confirmed transaction that a reorganization removes, and whose nonce another uses, is dead, and the next pays once [PAYO-05]", async () => {
  const payments = paymentsTo(2, 2_500);
  await finalizeEpoch(stage, "replaced", payments);
  await reconcilePayouts(stage.deps);
  const snapshot = await stage.chain.rpc("evm_snapshot");
  await runToRest({ ...stage.deps, source: { ...stage.deps.source, confirmations: 50n } });
  expect(await statesOf(stage, "replaced")).toEqual({ confirmed: 2 });
  await stage.chain.rpc("evm_revert", snapshot);
  await sendDirectly(stage.chain, signerOf(role.payer), { to: accountOf("sink") });
  await stage.chain.mine(2);
  await runToRest(stage.deps);
  const [first] = await instructionsOf(stage.signer, { scope: "replaced", epoch: 1 });
  expect(first).toMatchObject({ state: "reconciled", intent: "pay:replaced/1/0#2" });
  expect(await statesOf(stage, "replaced")).toEqual({ reconciled: 2 });
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
});

test("a payment that a deep reorganization took, with its nonce used by another, is authorized again and made once [PAYO-04] [PAYO-05]", async () => {
  const payments = paymentsTo(2, 2_700);
  await finalizeEpoch(stage, "deep", payments);
  await reconcilePayouts(stage.deps);
  const snapshot = await stage.chain.rpc("evm_snapshot");
  await runToRest(stage.deps);
  expect(await statesOf(stage, "deep")).toEqual({ reconciled: 2 });
  await stage.chain.rpc("evm_revert", snapshot);
  await sendDirectly(stage.chain, signerOf(role.payer), { to: accountOf("sink") });
  await stage.chain.mine(5);
  await runToRest(stage.deps);
  expect(await statesOf(stage, "deep")).toEqual({ reconciled: 2 });
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
  const [first] = await instructionsOf(stage.signer, { scope: "deep", epoch: 1 });
  expect(first?.intent).toBe("pay:deep/1/0#2");
  const { rows } = await stage.signer.query<{ move: string }>(
    `SELECT from_state || ' ' || to_state AS move FROM payout.journal WHERE payout_id = $1 ORDER BY entry_no`,
    [Buffer.from(first?.payoutId.slice(2) ?? "", "hex")],
  );
  const moves = rows.map(({ move }) => move);
  expect(moves).toContain("mismatched authorized");
  expect(moves.filter((move) => move === "reconciled mismatched")).toHaveLength(1);
});

test("a mismatched payout stays where its transaction may still be mined, and where the chain shows it paid [PAYO-05]", async () => {
  const payments = paymentsTo(2, 2_800);
  await finalizeEpoch(stage, "alive", payments);
  await reconcilePayouts(stage.deps);
  const snapshot = await stage.chain.rpc("evm_snapshot");
  await runToRest(stage.deps);
  await stage.chain.rpc("evm_revert", snapshot);
  await stage.chain.mine(5);
  await reconcilePayouts(stage.deps);
  expect(await statesOf(stage, "alive")).toEqual({ mismatched: 2 });
  // Its transaction waits for its block: nothing says that it is dead.
  await stage.chain.rpc("evm_setAutomine", false);
  for (let round = 0; round < 3; round++) expect(await authorizePayouts(stage.deps)).toBe(0);
  await stage.chain.mine();
  await stage.chain.rpc("evm_setAutomine", true);
  await stage.chain.mine(2);
  // It was mined, and its event is not taken yet: the chain shows it paid.
  expect(await authorizePayouts(stage.deps)).toBe(0);
  expect(await statesOf(stage, "alive")).toEqual({ mismatched: 2 });
  await runToRest(stage.deps);
  expect(await statesOf(stage, "alive")).toEqual({ reconciled: 2 });
});

test("a payment for an epoch that is not final here is named with both sides, and following goes on; it is matched when it is [PAYO-05]", async () => {
  const { deployment, deps } = stage;
  const payments = paymentsTo(2, 2_900);
  const place = { chainId: BigInt(testChainId), anchor: deployment.anchor, scope: scopeId("foreign"), epoch: 1n };
  const settlement = await finalizeOnChain(stage, "foreign", payments);
  await fund(stage, "foreign", settlement.header.payoutTotal);
  await claim(settlement, 0);
  const known = paymentsTo(1, 2_950);
  await finalizeEpoch(stage, "after", known);
  stage.logged.length = 0;
  await runToRest(deps);
  expect(await statesOf(stage, "after")).toEqual({ reconciled: 1 });
  const named = stage.logged.filter(({ code }) => code === "PAYOUT_MISMATCH");
  const why = `the treasury paid ${payments[0]?.amount} for epoch 1 of scope ${place.scope}, nothing of it is final here`;
  expect(named).toMatchObject([{ scope: place.scope, epoch: "1", why, msg: "a payment is foreign to this node" }]);
  expect(await foreignEvents(stage.signer, [place.scope])).toHaveLength(1);

  await storeFinalized(stage.node, "foreign", settle(place, payments), settlement.root);
  await runToRest(deps);
  expect(await statesOf(stage, "foreign")).toEqual({ reconciled: 2 });
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
  expect(await foreignEvents(stage.signer, [place.scope])).toEqual([]);
});

test("a foreign payment that a reorganization removes is matched with nothing", async () => {
  const { deployment, deps } = stage;
  const payments = paymentsTo(1, 2_980);
  const place = { chainId: BigInt(testChainId), anchor: deployment.anchor, scope: scopeId("unseen"), epoch: 1n };
  const settlement = await finalizeOnChain(stage, "unseen", payments);
  await fund(stage, "unseen", settlement.header.payoutTotal);
  await reconcilePayouts(deps);
  const snapshot = await stage.chain.rpc("evm_snapshot");
  await claim(settlement, 0);
  await reconcilePayouts(deps);
  expect(await foreignEvents(stage.signer, [place.scope])).toHaveLength(1);
  await stage.chain.rpc("evm_revert", snapshot);
  await stage.chain.mine(3);
  await reconcilePayouts(deps);
  expect(await foreignEvents(stage.signer, [place.scope])).toEqual([]);
  await storeFinalized(stage.node, "unseen", settle(place, payments), settlement.root);
  await runToRest({ ...deps, limits: { ...deps.limits, epochCap: 0n } });
  expect(await statesOf(stage, "unseen")).toEqual({ prepared: 1 });
  await runToRest(deps);
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
});

test("a claim that a reorganization removes is paid by its range, and a range by a claim", async () => {
  const payments = paymentsTo(2, 3_000);
  const settlement = await finalizeEpoch(stage, "swapped", payments);
  await reconcilePayouts(stage.deps);
  const snapshot = await stage.chain.rpc("evm_snapshot");
  await claim(settlement, 0);
  await runToRest(stage.deps);
  expect(await statesOf(stage, "swapped")).toEqual({ reconciled: 2 });
  await stage.chain.rpc("evm_revert", snapshot);
  await stage.chain.mine(4);
  await claim(settlement, 1);
  await runToRest(stage.deps);
  expect(await statesOf(stage, "swapped")).toEqual({ reconciled: 2 });
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
});

test("of two processes that follow at once, one takes the events", async () => {
  const settlement = await finalizeEpoch(stage, "followed", paymentsTo(2, 4_000));
  await runToRest({ ...stage.deps, limits: { ...stage.deps.limits, epochCap: 0n } });
  await claim(settlement, 0);
  const count = async (): Promise<bigint | undefined> =>
    (await stage.signer.query<{ count: bigint }>("SELECT count(*) AS count FROM payout.event")).rows[0]?.count;
  const before = (await count()) ?? 0n;
  const taken = await Promise.all([reconcilePayouts(stage.deps), reconcilePayouts(stage.deps)]);
  expect(taken.reduce((sum, each) => sum + each, 0)).toBe(1);
  expect(await count()).toBe(before + 1n);
  expect(await statesOf(stage, "followed")).toEqual({ prepared: 1, reconciled: 1 });
});

test("a treasury that is not there, or events that are not complete, conclude nothing", async () => {
  const nowhere: Hex = `0x${"0d".repeat(20)}`;
  const { deps } = stage;
  const foreign = {
    ...deps,
    treasury: { ...deps.treasury, address: nowhere },
    source: { ...deps.source, address: nowhere },
  };
  expect(await reconcilePayouts(foreign)).toBe(0);
  expect(stage.logged.at(-1)).toMatchObject({ step: "foreign" });
  // Without the topics the logs are missing events that the contract counted.
  await finalizeEpoch(stage, "gap", paymentsTo(1, 5_000));
  const before = await statesOf(stage, "gap");
  const blind = { ...deps, source: { ...deps.source, topics: new Set<Hex>([`0x${"00".repeat(32)}`]) } };
  expect(await reconcilePayouts(blind)).toBe(0);
  expect(stage.logged.at(-1)).toMatchObject({ step: "gap" });
  expect(await statesOf(stage, "gap")).toEqual(before);
});
