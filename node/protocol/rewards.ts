// Rewards: from the settled items of an epoch and its policy to reward records and payouts.
import { apportion, type Weight } from "./apportion.ts";
import { contentId } from "./hash.ts";
import type { Policy } from "./schemas/policy.ts";
import type {
  AdjustmentRecord,
  ArchivedItem,
  PayoutInstruction,
  RewardRecord,
  RewardRole,
} from "./schemas/settlement.ts";
import type { Hex } from "./schemas/primitives.ts";

/** What one settled item brings into its epoch: its fee, and the metered units of everybody who worked on it. */
export type Contribution = {
  readonly fee: bigint;
  readonly executor: Hex;
  readonly verifiers: readonly Hex[];
  readonly records: number;
  readonly vaults: readonly {
    readonly operator: Hex;
    readonly records: number;
    readonly producers: readonly { readonly account: Hex; readonly records: number }[];
  }[];
};

/** The part of an archived item that rewards are computed from. */
export function contributionOf(item: ArchivedItem): Contribution {
  return {
    fee: BigInt(item.bundle.fee),
    executor: item.bundle.executor,
    verifiers: item.decisions.map(({ decision }) => decision.verifier),
    records: item.bundle.units.records,
    vaults: item.contributions,
  };
}

type Units = Map<Hex, bigint>;

/** What was metered of an epoch's items so far: how many, their fees, and the units of each role's accounts. */
export type Metered = { items: number; fees: bigint; readonly units: Readonly<Record<RewardRole, Units>> };

/** Nothing metered yet. */
export function openMetered(): Metered {
  const units = {
    producer: new Map(),
    vault: new Map(),
    executor: new Map(),
    verifier: new Map(),
    treasury: new Map(),
  };
  return { items: 0, fees: 0n, units };
}

/**
 * Meters one item: records read for producers and vault operators, records read plus one for executors and verifiers. The order of
 * items makes no difference.
 */
export function meter(metered: Metered, { fee, executor, verifiers, records, vaults }: Contribution): void {
  const add = (role: RewardRole, account: Hex, amount: number): void => {
    if (amount === 0) return;
    const units = metered.units[role];
    units.set(account, (units.get(account) ?? 0n) + BigInt(amount));
  };
  metered.items++;
  metered.fees += fee;
  add("executor", executor, records + 1);
  for (const verifier of verifiers) add("verifier", verifier, records + 1);
  for (const vault of vaults) {
    add("vault", vault.operator, vault.records);
    for (const producer of vault.producers) add("producer", producer.account, producer.records);
  }
}

/** All of them metered. */
export function meteredOf(contributions: Iterable<Contribution>): Metered {
  const metered = openMetered();
  for (const contribution of contributions) meter(metered, contribution);
  return metered;
}

const roles: readonly RewardRole[] = ["producer", "vault", "executor", "verifier", "treasury"];

/**
 * Shares out an epoch's pot (RWRD-01…03): pot = fees of the settled items + the policy's subsidy. The pot is first split
 * by role, then each role's part by metered units. A role without units leaves its part to the treasury. The records are in
 * the order of (role, account), without zero amounts, and add up to the pot exactly; of no items there are none.
 */
export function rewardRecords(
  scope: string,
  epoch: number,
  policy: Policy,
  metered: Metered,
): { readonly pot: bigint; readonly records: readonly RewardRecord[] } {
  if (metered.items === 0) return { pot: 0n, records: [] };
  const pot = metered.fees + BigInt(policy.rewards.subsidy);
  const units = { ...metered.units, treasury: new Map([[policy.rewards.treasuryAccount, 1n]]) };
  const pools = rolePools(pot, policy, units);
  const records: RewardRecord[] = [];
  for (const role of roles) {
    const weights = weightsOf(units[role]);
    const rolePool = pools[role];
    const totalUnits = weights.reduce((sum, { weight }) => sum + weight, 0n);
    const parts = apportion(rolePool, weights);
    for (const [at, { key, weight }] of weights.entries()) {
      const amount = parts[at] ?? 0n;
      if (amount === 0n) continue;
      const account = key as Hex;
      records.push({
        schemaVersion: "1.0",
        rewardId: contentId("scs.reward", { scope, epoch, role, account }),
        scope,
        epoch,
        account,
        role,
        amount: String(amount),
        basis: {
          pot: String(pot),
          rolePool: String(rolePool),
          units: String(weight),
          totalUnits: String(totalUnits),
          policyVersion: policy.policyVersion,
        },
      });
    }
  }
  return { pot, records };
}

/**
 * One payout per account, indexed in ascending order of account (PAYO-01): its rewards, less the adjustments it pays, plus those
 * it receives; an account to which nothing is left has none. They add up to what the rewards add up to.
 */
export function payoutInstructions(
  scope: string,
  epoch: number,
  records: readonly Pick<RewardRecord, "account" | "amount">[],
  adjustments: readonly Pick<AdjustmentRecord, "account" | "beneficiary" | "amount">[] = [],
): readonly PayoutInstruction[] {
  const sums = new Map<Hex, bigint>();
  const add = (account: Hex, amount: bigint) => sums.set(account, (sums.get(account) ?? 0n) + amount);
  for (const { account, amount } of records) add(account, BigInt(amount));
  for (const { account, beneficiary, amount } of adjustments) {
    add(account, -BigInt(amount));
    add(beneficiary, BigInt(amount));
  }
  return [...sums]
    .filter(([, amount]) => amount !== 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([account, amount], index) => ({
      payoutId: contentId("scs.payout", { scope, epoch, account }),
      scope,
      epoch,
      index,
      account,
      amount: String(amount),
    }));
}

function rolePools(pot: bigint, policy: Policy, units: Record<RewardRole, Units>): Record<RewardRole, bigint> {
  const { producers, vaults, executors, verifiers, treasury } = policy.rewards.shares;
  const shares: Record<RewardRole, number> = {
    producer: producers,
    vault: vaults,
    executor: executors,
    verifier: verifiers,
    treasury,
  };
  let unearned = 0;
  for (const role of roles) {
    if (units[role].size > 0) continue;
    unearned += shares[role];
    shares[role] = 0;
  }
  shares.treasury += unearned;
  const parts = apportion(
    pot,
    roles.map((role, at) => ({ key: String(at), weight: BigInt(shares[role]) })),
  );
  const part = (role: RewardRole) => parts[roles.indexOf(role)] ?? 0n;
  return {
    producer: part("producer"),
    vault: part("vault"),
    executor: part("executor"),
    verifier: part("verifier"),
    treasury: part("treasury"),
  };
}

function weightsOf(units: Units): readonly Weight[] {
  return [...units].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, weight]) => ({ key, weight }));
}
