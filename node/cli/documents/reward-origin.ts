// Where a reward comes from: the tasks of its epoch's archive that were metered for its account and role.
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { contributionOf, type Contribution } from "#protocol/rewards.ts";
import type { ArchivedItem, ArchiveManifest, RewardRecord } from "#protocol/schemas/settlement.ts";
import type { ArchiveReader } from "#settlement/archive.ts";

/** What one task was metered at for an account in a role. */
export type MeteredTask = { readonly taskId: Hex; readonly units: bigint; readonly fee: bigint };

/** The rules a reward was calculated by, and the tasks it was calculated from. */
export type RewardOrigin = {
  readonly shareBasisPoints: number;
  readonly fees: bigint;
  readonly subsidy: bigint;
  readonly tasks: readonly MeteredTask[];
};

const shareOf = {
  producer: "producers",
  vault: "vaults",
  executor: "executors",
  verifier: "verifiers",
  treasury: "treasury",
} as const;

/** The units that one item brings to an account in a role; the treasury's part is not metered. */
export function unitsOf(contribution: Contribution, { role, account }: Pick<RewardRecord, "role" | "account">): bigint {
  const { executor, verifiers, records, vaults } = contribution;
  const worked = BigInt(records + 1);
  const sum = (counts: readonly number[]): bigint => BigInt(counts.reduce((total, count) => total + count, 0));
  switch (role) {
    case "executor":
      return executor === account ? worked : 0n;
    case "verifier":
      return verifiers.includes(account) ? worked : 0n;
    case "vault":
      return sum(vaults.map((vault) => (vault.operator === account ? vault.records : 0)));
    case "producer":
      return sum(
        vaults.flatMap(({ producers }) => producers.map((each) => (each.account === account ? each.records : 0))),
      );
    case "treasury":
      return 0n;
  }
}

/**
 * Reads an archive for the tasks behind a reward, part after part.
 * @throws ProtocolError INTERNAL_OBJECT_UNREACHABLE when a part is not there
 */
export async function originOf(archive: ArchiveReader, record: RewardRecord): Promise<RewardOrigin> {
  const { policy, parts } = JSON.parse(Buffer.from(await archive.manifest()).toString("utf8")) as ArchiveManifest;
  const tasks: MeteredTask[] = [];
  let fees = 0n;
  for (const { digest } of parts) {
    for (const line of Buffer.from(await archive.part(digest))
      .toString("utf8")
      .split("\n")) {
      if (line === "") continue;
      const item = JSON.parse(line) as ArchivedItem;
      const contribution = contributionOf(item);
      fees += contribution.fee;
      const units = unitsOf(contribution, record);
      if (units > 0n) tasks.push({ taskId: item.taskId, units, fee: contribution.fee });
    }
  }
  const { shares, subsidy } = policy.rewards;
  return { shareBasisPoints: shares[shareOf[record.role]], fees, subsidy: BigInt(subsidy), tasks };
}

/** Whether the tasks add up to the units that the record names. @throws ProtocolError INTERNAL_OBJECT_CORRUPT if not */
export function requireUnits({ tasks }: RewardOrigin, { role, basis, rewardId }: RewardRecord): void {
  const units = tasks.reduce((sum, task) => sum + task.units, 0n);
  if (role === "treasury" || String(units) === basis.units) return;
  throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { rewardId, units: basis.units, counted: String(units) });
}
