// One, two and four processes over one database, and tasks in any order of arrival: the same bytes from resolution to root.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { memberIds } from "#storage/settlement-items.ts";
import { insertRollout } from "#storage/registry.ts";
import { readPayoutLeaves, readRewardRecords } from "#storage/proofs.ts";
import { readCandidate } from "#storage/settlements.ts";
import { startChild } from "#test/setup/child.ts";
import { policyOf } from "./documents.ts";
import { admit, envelopeOf } from "./node.ts";
import { question, sequence } from "./sales.ts";
import { east, rowsOf, setStage, west } from "./stage.ts";

const count = 60;
const policy = policyOf({ epochs: { ...policyOf().epochs, maximumTasks: count } });
const stages = [await setStage({ policy }), await setStage({ policy }), await setStage({ policy })] as const;
const envelopes = Array.from(
  { length: count },
  (_, at) => envelopeOf(question(at), at % 2 === 0 ? [east] : [west, east], `task-${at}`).envelope,
);
const folder = await mkdtemp(join(tmpdir(), "scs-processes-"));
afterAll(async () => await rm(folder, { recursive: true, force: true }));

/** Has so many processes work on the tasks, which arrive in an order of their own; answers what they left behind. */
async function workedBy(processes: number, { database, test: made, clock }: (typeof stages)[number]): Promise<unknown> {
  const rollout = { scope: "trade", fromEpoch: 1, semanticVersions: ["2026.1"], policyVersions: ["1"] };
  await database.transaction((transaction) => insertRollout(transaction, rollout, "test", clock.now()));
  const next = sequence(processes);
  const order = envelopes.map((envelope) => ({ envelope, key: next() })).toSorted((a, b) => a.key - b.key);
  const half = order.slice(0, count / 2).map(({ envelope }) => envelope);
  await admit(database, half, clock.now());
  const args = [made.urls.node, join(folder, String(processes)), clock.now().toISOString()];
  const children = Array.from({ length: processes }, (_, at) => startChild("layers-process.ts", [...args, String(at)]));
  try {
    await Promise.all(children.map((child) => child.printed(1)));
    const late = order.slice(count / 2).map(({ envelope }) => envelope);
    await admit(database, late, clock.now());
    const key = { scope: "trade", epoch: 1, revision: 1 };
    await expect.poll(() => readCandidate(database, key), { timeout: 60_000, interval: 200 }).toBeDefined();
    const candidate = await readCandidate(database, key);
    return {
      resolutions: await rowsOf(database, "assignment"),
      results: await rowsOf(database, "result"),
      decisions: await rowsOf(database, "decision"),
      members: await memberIds(database, "trade", 1),
      rewards: await readRewardRecords(database, key),
      payouts: await readPayoutLeaves(database, key),
      root: candidate?.root,
      subRoots: candidate?.subRoots,
    };
  } finally {
    await Promise.all(children.map((child) => child.kill()));
  }
}

test(
  "resolutions, results, memberships, rewards and roots are byte-equal for 1, 2 and 4 processes [SETL-03] [LAYR-05] [LAYR-12]",
  { timeout: 240_000 },
  async () => {
    const [one, two, four] = stages;
    const alone = await workedBy(1, one);
    expect(alone).toMatchObject({ members: { length: count } });
    expect(await workedBy(2, two)).toEqual(alone);
    expect(await workedBy(4, four)).toEqual(alone);
  },
);
