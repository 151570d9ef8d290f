// Who earns what of an epoch, worked out a second time: pot, parts by role, parts by account.
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchivedItem, RewardRecord, RewardRole } from "#protocol/schemas/settlement.ts";
import { idOf, jcs } from "./digests.ts";

/** Metered units by role and account, and the fees they were paid by. */
export type Ledger = {
  items: number;
  fees: bigint;
  readonly units: Readonly<Record<RewardRole, Map<Hex, bigint>>>;
};

const order = ["producer", "vault", "executor", "verifier", "treasury"] as const;

export function emptyLedger(): Ledger {
  const units = {
    producer: new Map(),
    vault: new Map(),
    executor: new Map(),
    verifier: new Map(),
    treasury: new Map(),
  };
  return { items: 0, fees: 0n, units };
}

function credit(accounts: Map<Hex, bigint>, account: Hex, units: bigint): void {
  if (units > 0n) accounts.set(account, (accounts.get(account) ?? 0n) + units);
}

/** Meters one item: records for whoever gave and kept them, records and one more for whoever worked on the item. */
export function meterItem(ledger: Ledger, item: ArchivedItem): void {
  const { bundle, decisions, contributions } = item;
  const { producer, vault, executor, verifier } = ledger.units;
  const worked = BigInt(bundle.units.records) + 1n;
  ledger.items++;
  ledger.fees += BigInt(bundle.fee);
  credit(executor, bundle.executor, worked);
  for (const { decision } of decisions) credit(verifier, decision.verifier, worked);
  for (const { operator, records, producers } of contributions) {
    credit(vault, operator, BigInt(records));
    for (const each of producers) credit(producer, each.account, BigInt(each.records));
  }
}

/** Adds what another part of the epoch metered. */
export function addLedger(ledger: Ledger, other: Ledger): void {
  ledger.items += other.items;
  ledger.fees += other.fees;
  for (const role of order) {
    for (const [account, units] of other.units[role]) credit(ledger.units[role], account, units);
  }
}

/** A claim on a whole: its weight, and the name that decides between equal claims. */
type Claim = { readonly name: string; readonly weight: bigint };

/**
 * Splits a whole by weights. Everybody first gets what fits entirely; each unit that is left goes to whoever still lacks the
 * largest fraction of one, the smaller name first. Lacks are compared as fractions of the same denominator.
 */
export function splitWhole(whole: bigint, claims: readonly Claim[]): ReadonlyMap<string, bigint> {
  const denominator = claims.reduce((sum, { weight }) => sum + weight, 0n);
  const given = new Map<string, bigint>(claims.map(({ name }) => [name, 0n]));
  if (denominator === 0n) return given;
  let left = whole;
  const lacks: { name: string; numerator: bigint }[] = [];
  for (const { name, weight } of claims) {
    const numerator = whole * weight;
    const fits = numerator / denominator;
    given.set(name, fits);
    left -= fits;
    lacks.push({ name, numerator: numerator - fits * denominator });
  }
  lacks.sort((a, b) => {
    if (a.numerator !== b.numerator) return b.numerator > a.numerator ? 1 : -1;
    return a.name > b.name ? 1 : -1;
  });
  for (const { name } of lacks) {
    if (left === 0n) break;
    given.set(name, (given.get(name) ?? 0n) + 1n);
    left -= 1n;
  }
  return given;
}

/** The part of the pot that each role shares; what a role without units would have goes to the treasury. */
function poolsOf(pot: bigint, policy: Policy, units: Ledger["units"]): ReadonlyMap<string, bigint> {
  const { shares } = policy.rewards;
  const points: Record<RewardRole, number> = {
    producer: shares.producers,
    vault: shares.vaults,
    executor: shares.executors,
    verifier: shares.verifiers,
    treasury: shares.treasury,
  };
  for (const role of order) {
    if (role === "treasury" || units[role].size > 0) continue;
    points.treasury += points[role];
    points[role] = 0;
  }
  // Between equal claims of roles, the earlier role in the published order comes first.
  const claims = order.map((role, at) => ({ name: `${at}`, weight: BigInt(points[role]) }));
  const parts = splitWhole(pot, claims);
  return new Map(order.map((role, at) => [role, parts.get(`${at}`) ?? 0n]));
}

/** The pot and the reward records of an epoch. */
export type Earnings = { readonly pot: bigint; readonly rewards: readonly RewardRecord[] };

/** Shares out an epoch's pot: its fees and the policy's subsidy; an epoch without items has none. */
export function earningsOf(scope: string, epoch: number, policy: Policy, ledger: Ledger): Earnings {
  if (ledger.items === 0) return { pot: 0n, rewards: [] };
  const pot = ledger.fees + BigInt(policy.rewards.subsidy);
  const units = { ...ledger.units, treasury: new Map([[policy.rewards.treasuryAccount, 1n]]) };
  const pools = poolsOf(pot, policy, units);
  const rewards: RewardRecord[] = [];
  for (const role of order) {
    const pool = pools.get(role) ?? 0n;
    const accounts = [...units[role]].sort(([a], [b]) => (a > b ? 1 : -1));
    const parts = splitWhole(
      pool,
      accounts.map(([name, weight]) => ({ name, weight })),
    );
    const total = accounts.reduce((sum, [, weight]) => sum + weight, 0n);
    for (const [account, weight] of accounts) {
      const amount = parts.get(account) ?? 0n;
      if (amount === 0n) continue;
      rewards.push({
        schemaVersion: "1.0",
        rewardId: idOf("scs.reward", jcs({ scope, epoch, role, account })),
        scope,
        epoch,
        account,
        role,
        amount: `${amount}`,
        basis: {
          pot: `${pot}`,
          rolePool: `${pool}`,
          units: `${weight}`,
          totalUnits: `${total}`,
          policyVersion: policy.policyVersion,
        },
      });
    }
  }
  return { pot, rewards };
}
