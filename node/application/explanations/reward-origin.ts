// Where a reward comes from: the tasks of its epoch's archive that were metered for its account and role.
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { contributionOf, type Contribution } from "#protocol/rewards.ts";
import type { ArchivedItem, ArchiveManifest, RewardRecord } from "#protocol/schemas/settlement.ts";

/** What one task was metered at for an account in a role. */
export type MeteredTask = { readonly taskId: Hex; readonly units: bigint; readonly fee: bigint };

/** The rules a reward was calculated by, and the tasks it was calculated from. */
export type RewardOrigin = {
  readonly policyVersion: string;
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

/** Reads an object by its digest; whoever gives it has checked that the bytes have it. */
export type ReadObject = (digest: Hex) => Promise<Uint8Array>;

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

/**
 * Reads an archive for the tasks behind a reward, part after part.
 * @throws ProtocolError INTERNAL_OBJECT_UNREACHABLE when a part is not there; INTERNAL_OBJECT_CORRUPT when the tasks' units do not
 * add up to those of the record
 */
export async function originOf(readObject: ReadObject, archive: Hex, record: RewardRecord): Promise<RewardOrigin> {
  const { policy, parts } = JSON.parse(textOf(await readObject(archive))) as ArchiveManifest;
  const tasks: MeteredTask[] = [];
  let fees = 0n;
  for (const { digest } of parts) {
    for (const line of textOf(await readObject(digest)).split("\n")) {
      if (line === "") continue;
      const item = JSON.parse(line) as ArchivedItem;
      const contribution = contributionOf(item);
      fees += contribution.fee;
      const units = unitsOf(contribution, record);
      if (units > 0n) tasks.push({ taskId: item.taskId, units, fee: contribution.fee });
    }
  }
  requireUnits(tasks, record);
  const { shares, subsidy } = policy.rewards;
  const { policyVersion } = policy;
  return { policyVersion, shareBasisPoints: shares[shareOf[record.role]], fees, subsidy: BigInt(subsidy), tasks };
}

/** The tasks add up to the units that the record names; the treasury's part is not metered. */
function requireUnits(tasks: readonly MeteredTask[], { role, basis, rewardId }: RewardRecord): void {
  const units = tasks.reduce((sum, task) => sum + task.units, 0n);
  if (role === "treasury" || String(units) === basis.units) return;
  throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { rewardId, units: basis.units, counted: String(units) });
}
