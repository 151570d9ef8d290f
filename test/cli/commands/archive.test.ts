// An archive folder carried elsewhere: checked and replayed by the commands alone, and every forgery named.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { writeArchive, type ArchiveClaim } from "#cli/documents/archive-folder.ts";
import { epochOf } from "#test/settlement/archived-epoch.ts";
import { run, runJson, scratchFolder } from "../running.ts";

const scratch = scratchFolder();
const honest = join(scratch, "honest");
const epoch = epochOf(90);
const { root, header, subRoots, rewards, adjustments, payouts, localCandidates } = epoch.candidate;
const lists = {
  rewards: [...rewards],
  adjustments: [...adjustments],
  payouts: [...payouts],
  localCandidates: [...localCandidates],
};
const claim = { archive: header.archive, scope: "films", epoch: 1, revision: 1, root, header, subRoots, ...lists };
const { scope } = rewards[0] ?? { scope: "" };

beforeAll(async () => {
  const progress: number[] = [];
  const manifest = await writeArchive(honest, epoch, claim, (done) => void progress.push(done));
  expect(progress).toHaveLength(manifest.parts.length + manifest.documents.length);
});

/** A copy of the honest folder in which something is changed. */
function forged(name: string, change: (folder: string) => void): string {
  const folder = join(scratch, name);
  cpSync(honest, folder, { recursive: true });
  change(folder);
  return folder;
}

function changeClaim(folder: string, change: (claim: ArchiveClaim) => object): void {
  const file = join(folder, "claim.json");
  const claim = JSON.parse(readFileSync(file, "utf8")) as ArchiveClaim;
  writeFileSync(file, JSON.stringify({ ...claim, ...change(claim) }));
}

/** A file of the folder that holds items. */
function partOf(folder: string): string {
  const [part] = epoch.candidate.manifest.parts;
  return join(folder, "sha256", part?.digest.slice(2) ?? "");
}

test.each([
  ["archive", "check"],
  ["replay", "epoch"],
  ["replay", "settlement"],
  ["replay", "rewards"],
])("scs %s %s finds an honest archive equal (ASSR-01, ASSR-04)", async (command, what) => {
  const { code, value } = await runJson([command, what, honest]);
  expect(code).toBe(0);
  expect(value).toMatchObject({ kind: "valid", root, scope, epoch: 1 });
  expect((await run([command, what, honest])).stdout).toContain(`equal: ${root}`);
});

test("a claim that lies about a reward is refuted there, with both values; the settlement still holds (ASSR-01)", async () => {
  const folder = forged("reward", (to) =>
    changeClaim(to, ({ rewards: all }) => ({
      rewards: all.map((each, at) => (at === 2 ? { ...each, amount: "1" } : each)),
    })),
  );
  const difference = { field: "rewards[2].amount", claimed: "1", recomputed: rewards[2]?.amount };
  for (const args of [
    ["replay", "rewards"],
    ["replay", "epoch"],
    ["archive", "check"],
  ]) {
    expect(await runJson([...args, folder])).toMatchObject({ code: 1, value: { kind: "invalid", difference } });
  }
  expect((await run(["replay", "settlement", folder])).code).toBe(0);
  const { stdout } = await run(["replay", "rewards", folder]);
  expect(stdout).toMatch(new RegExp(`rewards\\[2\\]\\.amount │ 1 +│ ${difference.recomputed}`));
});

test("a changed part is refuted, a missing one cannot be judged (ASSR-04)", async () => {
  const changed = forged("changed", (to) => {
    const part = partOf(to);
    writeFileSync(part, readFileSync(part, "utf8").replace('"records":', '"records": '));
  });
  expect(await runJson(["archive", "check", changed])).toMatchObject({
    code: 1,
    value: { kind: "invalid", difference: { field: expect.stringMatching(/^parts\[\d\]\.digest$/) as string } },
  });
  const missing = forged("missing", (to) => rmSync(partOf(to)));
  expect(await runJson(["archive", "check", missing])).toMatchObject({ code: 2, value: { kind: "unknown" } });
});

test("another manifest than the one that was anchored is refuted", async () => {
  const folder = forged("manifest", (to) => {
    const file = join(to, "sha256", header.archive.slice(2));
    writeFileSync(file, readFileSync(file, "utf8").replace('"revision":1', '"revision":2'));
  });
  expect(await runJson(["archive", "check", folder])).toMatchObject({
    code: 1,
    value: { difference: { field: "archive" } },
  });
});

test("a folder without a claim, or with a claim of another shape, is refused", async () => {
  const unfinished = forged("unfinished", (to) => rmSync(join(to, "claim.json")));
  expect(await run(["replay", "epoch", unfinished])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("cannot be read") as string,
  });
  const odd = forged("odd", (to) => changeClaim(to, () => ({ king: true })));
  expect(await run(["replay", "epoch", odd])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("SCHEMA_INVALID") as string,
  });
});

test("an archive is not written over another", async () => {
  await expect(writeArchive(honest, epoch, claim, () => undefined)).rejects.toMatchObject({
    code: "INTERNAL_CONFIGURATION",
  });
});
