// What the tests of paying share: a chain with the contracts, a database with a ledger filled by hand, and the signer's parts.
import hre from "hardhat";
import { encodeDeployData, encodeFunctionData, erc20Abi, parseAbi, type Abi } from "viem";
import { activateRulesetCall, finalizeCall, proposeCall } from "#chain/anchor.ts";
import { fundCall, treasuryTopics } from "#chain/treasury.ts";
import { openLog, type Logger } from "#observability/log.ts";
import type { PayoutDeps } from "#payout/deps.ts";
import { Notices } from "#payout/notices.ts";
import { payoutSteps } from "#payout/steps.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { openTransactions } from "#storage/chain-transactions.ts";
import { Database, type DatabaseOptions, type Queryable } from "#storage/database.ts";
import { accountOf, act, approveCall, role, ruleset, windowSeconds } from "#test/chain/support/contracts.ts";
import {
  connectTo,
  deployDirectly,
  keys,
  signerOf,
  startTestChain,
  testChainId,
  type TestChain,
} from "#test/chain/support/test-chain.ts";
import { named, settle, type Settlement } from "#test/contracts/support/settlement.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";
import { deploySettlement, type Deployment } from "../../deploy/chain/deploy.ts";

export type Payment = { readonly account: Hex; readonly amount: bigint };

export type Stage = {
  readonly chain: TestChain;
  readonly server: TestDatabase;
  /** The node's role: fills the ledger. */
  readonly node: Database;
  /** The signer's role. */
  readonly signer: Database;
  readonly deployment: Deployment;
  readonly deps: PayoutDeps;
  /** Lines that the signer logged. */
  readonly logged: Record<string, unknown>[];
  /** The test's time; steps see it. */
  now: Date;
  readonly close: () => Promise<void>;
};

/** Options of a connection of a role. */
export function optionsOf(url: string): DatabaseOptions {
  return { url, applicationName: "payout test", maxConnections: 4, statementTimeoutMs: 30_000 };
}

/** Opens all of it. The token is one whose recipients can refuse. */
export async function openStage(): Promise<Stage> {
  const chain = await startTestChain();
  const deployment = await deployAll(chain);
  const server = await createTestDatabase();
  const node = new Database(optionsOf(server.urls.node));
  const signer = new Database(optionsOf(server.urls.signer));
  const logged: Record<string, unknown>[] = [];
  const write = (line: string): boolean => logged.push(JSON.parse(line) as Record<string, unknown>) > 0;
  const log = openLog({ level: "info", destination: { write, pendingBytes: () => 0 } });
  const close = async (): Promise<void> => {
    await Promise.all([node.close(), signer.close()]);
    await server.drop();
    await chain.close();
  };
  const stage = { chain, server, node, signer, deployment, logged, now: new Date("2026-01-01T00:00:00Z"), close };
  const clock = (): Date => stage.now;
  return Object.assign(stage, { deps: await depsOf(stage, signer, clock, log) });
}

async function deployAll(chain: TestChain): Promise<Deployment> {
  const artifact = await hre.artifacts.readArtifact("HostileToken");
  const args = [accountOf("governance"), 10n ** 40n];
  const code = encodeDeployData({ abi: artifact.abi as Abi, bytecode: artifact.bytecode as Hex, args });
  const token = await deployDirectly(chain, signerOf(role.governance), code);
  const [privateKey = "0x"] = keys;
  const firstNonce = await chain.client.getTransactionCount({ address: accountOf("governance") });
  const deployer = { rpcUrl: chain.url, chainId: testChainId, privateKey, firstNonce, fromBlock: 1 };
  const terms = { challengeBond: 1_000n, holdBond: 10n, windowSeconds, holdSeconds: 300, bondSink: accountOf("sink") };
  const deployment = await deploySettlement(deployer, token, terms, {
    governance: accountOf("governance"),
    proposer: accountOf("proposer"),
    challenger: accountOf("challenger"),
    adjudicator: accountOf("adjudicator"),
    pauser: accountOf("pauser"),
    payer: accountOf("payer"),
  });
  await act(chain, "governance", approveCall(token, deployment.treasury));
  return deployment;
}

/** The parts of one signer process. */
export async function depsOf(
  { chain, deployment }: Pick<Stage, "chain" | "deployment">,
  database: Database,
  clock: () => Date,
  log: Logger,
): Promise<PayoutDeps> {
  const client = await connectTo(chain.url);
  const { anchor, treasury, deployBlock } = deployment;
  return {
    database,
    anchor: { chain: client, address: anchor },
    treasury: { chain: client, address: treasury },
    source: { address: treasury, topics: treasuryTopics, deploymentBlock: BigInt(deployBlock), confirmations: 0n },
    submitter: {
      chain: client,
      signer: signerOf(role.payer),
      journal: openTransactions(database, "payout"),
      policy: {
        confirmations: 1n,
        replaceAfterSeconds: 60,
        ceiling: { maxFeePerGas: 10n ** 12n, firstPriorityFeePerGas: 10n ** 9n },
        gasLimitCeiling: 25_000_000n,
      },
      nowSeconds: () => Math.floor(clock().getTime() / 1000),
    },
    limits: { epochCap: 10n ** 30n, hourlyCap: 10n ** 30n },
    clock,
    log,
    notices: new Notices(log, clock),
  };
}

/** Payments to accounts nobody else has; `offset` keeps the accounts of two lists apart. */
export function paymentsTo(count: number, offset = 0): readonly Payment[] {
  const accountAt = (index: number): Hex => `0x${(0xab0000_0000 + offset + index).toString(16).padStart(40, "0")}`;
  return Array.from({ length: count }, (_, index) => ({ account: accountAt(index), amount: BigInt(1_000 + index) }));
}

/** The first epoch of a scope of its own, final on the chain and in the ledger. */
export async function finalizeEpoch(
  stage: Stage,
  scope: string,
  payments: readonly Payment[],
  options: { readonly funded?: boolean; readonly ledger?: readonly Payment[] } = {},
): Promise<Settlement> {
  const settlement = await finalizeOnChain(stage, scope, payments);
  if (options.funded ?? true) await fund(stage, scope, settlement.header.payoutTotal);
  const { ledger = payments } = options;
  await storeFinalized(stage.node, scope, settle(settlement.place, ledger), settlement.root);
  return settlement;
}

/** The first epoch of a scope of its own, final on the chain alone. */
export async function finalizeOnChain(
  { chain, deployment }: Stage,
  scope: string,
  payments: readonly Payment[],
): Promise<Settlement> {
  const { anchor } = deployment;
  const id = scopeId(scope);
  const settlement = settle({ chainId: BigInt(testChainId), anchor, scope: id, epoch: 1n }, payments);
  await act(chain, "governance", activateRulesetCall(anchor, id, ruleset, 1n));
  await act(chain, "proposer", proposeCall(anchor, settlement.header, settlement.subRoots));
  await chain.rpc("evm_increaseTime", windowSeconds);
  await act(chain, "proposer", finalizeCall(anchor, id, 1n));
  return settlement;
}

export async function fund({ chain, deployment }: Stage, scope: string, amount: bigint): Promise<void> {
  await act(chain, "governance", fundCall(deployment.treasury, { scope: scopeId(scope), epoch: 1n }, amount));
}

/** Stores a final epoch as the settlement layer does. */
export async function storeFinalized(
  node: Queryable,
  scope: string,
  { header, subRoots, payouts }: Settlement,
  root: Hex,
): Promise<void> {
  const text = {
    ...header,
    epoch: Number(header.epoch),
    itemCount: Number(header.itemCount),
    payoutCount: Number(header.payoutCount),
    payoutTotal: String(header.payoutTotal),
  };
  const { payoutTotal } = header;
  const zero = hexToBytes(`0x${"00".repeat(32)}`);
  await node.query(
    `INSERT INTO ledger.candidate (scope, epoch, revision, root, header, sub_roots, archive, item_count, payout_count,
       payout_total, pot, built_at) VALUES ($1, $2, 1, $3, $4, $5, $6, 1, $7, $8, $8, now())`,
    [
      scope,
      header.epoch,
      hexToBytes(root),
      canonicalText(text),
      canonicalText(subRoots),
      zero,
      payouts.length,
      payoutTotal,
    ],
  );
  await node.query(
    `INSERT INTO ledger.payout_leaf (scope, epoch, revision, index, payout_id, account, amount)
     SELECT $1, $2, 1, p.* FROM unnest($3::int[], $4::bytea[], $5::bytea[], $6::numeric[]) AS p`,
    [
      scope,
      header.epoch,
      payouts.map(({ index }) => Number(index)),
      payouts.map(({ index }) => hexToBytes(payoutIdOf(scope, Number(index)))),
      payouts.map(({ account }) => hexToBytes(account)),
      payouts.map(({ amount }) => amount),
    ],
  );
  await node.query(
    `INSERT INTO ledger.finalized (scope, epoch, revision, root, previous_root, block_number, block_hash,
       transaction_hash, at) VALUES ($1, $2, 1, $3, $4, 1, $4, $4, now())`,
    [scope, header.epoch, hexToBytes(root), zero],
  );
}

/** The id that the stage's ledger gives a payout. */
export function payoutIdOf(scope: string, index: number): Hex {
  return named(`payout ${scope}/1/${index}`);
}

/**
 * Runs the signer's steps in order until two rounds do nothing (what one sent is seen by the next); fails if that takes more
 * than 16 rounds.
 */
export async function runToRest(deps: PayoutDeps): Promise<void> {
  let idle = 0;
  for (let round = 0; round < 16 && idle < 2; round++) {
    let taken = 0;
    for (const step of payoutSteps(deps)) taken += await step.run();
    idle = taken === 0 ? idle + 1 : 0;
  }
  if (idle < 2) throw new Error("the payout steps do not come to rest");
}

/** How many payouts of a scope stand in each state. */
export async function statesOf({ signer }: Stage, scope: string): Promise<Readonly<Record<string, number>>> {
  const { rows } = await signer.query<{ state: string; count: bigint }>(
    `SELECT state, count(*) AS count FROM payout.instruction WHERE scope = $1 GROUP BY state`,
    [scope],
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)]));
}

/** What accounts hold of the token. */
export async function balancesOf(stage: Stage, payments: readonly Payment[]): Promise<readonly bigint[]> {
  const { chain, deployment } = stage;
  const call = { address: deployment.token, abi: erc20Abi, functionName: "balanceOf" } as const;
  return await Promise.all(payments.map(({ account }) => chain.client.readContract({ ...call, args: [account] })));
}

/** How many transactions the payer sent. */
export function payerNonce({ chain }: Stage): Promise<number> {
  return chain.client.getTransactionCount({ address: accountOf("payer") });
}

/** Makes an account refuse the token, by reverting, or take it again. */
export async function setRefusing({ chain, deployment }: Stage, account: Hex, refuses: boolean): Promise<void> {
  const abi = parseAbi(["function setRefusal(address account, uint8 refusal)"]);
  const data = encodeFunctionData({ abi, functionName: "setRefusal", args: [account, refuses ? 1 : 0] });
  await act(chain, "governance", { to: deployment.token, data, value: 0n });
}

/** Mines the transactions that wait behind a pause of the treasury: they revert. */
export async function pauseBefore({ chain, deployment }: Stage): Promise<void> {
  await chain.rpc("hardhat_impersonateAccount", accountOf("pauser"));
  const pause = { from: accountOf("pauser"), to: deployment.treasury, data: "0x8456cb59" };
  const fees = { maxPriorityFeePerGas: "0x174876e800", maxFeePerGas: "0x3b9aca0000" };
  await chain.rpc("eth_sendTransaction", { ...pause, ...fees });
  await chain.mine();
  await chain.rpc("evm_setAutomine", true);
}
