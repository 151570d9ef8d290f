// The second opinion agrees with honest epochs, names the first difference of dishonest ones, and admits what it cannot read.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { checkArchive, checkManifestDigest, recomputeEpoch, secondOpinion, type Claim } from "#audit/recompute.ts";
import { canonicalBytes, type Json } from "#protocol/canonical.ts";
import { sha256Hex } from "#protocol/hash.ts";
import type { ArchivedItem, ArchiveManifest } from "#protocol/schemas/settlement.ts";
import type { Candidate } from "#settlement/candidate.ts";
import { archiveOf, epochOf, openMemory, settledItems, type MemoryArchive } from "#test/settlement/archived-epoch.ts";
import { finishedTask } from "#test/settlement/finished-tasks.ts";

const claimOf = (candidate: Candidate): Claim => {
  const { root, header, subRoots, rewards, adjustments, payouts, localCandidates } = candidate;
  return { root, header, subRoots, rewards, adjustments, payouts, localCandidates };
};
const epoch = epochOf(90);
const honest = claimOf(epoch.candidate);

const differenceOf = async (archive: MemoryArchive, claim: Claim) => {
  const verdict = await secondOpinion(archive, claim);
  return verdict.kind === "invalid" ? verdict.difference : verdict;
};

test("an honest epoch is valid, and everything of it is recomputed alike [SETL-06] [RWRD-01]", async () => {
  expect(await secondOpinion(epoch, honest)).toEqual({ kind: "valid", root: honest.root });
  const found = await recomputeEpoch(epoch);
  const { pot, taskIds } = epoch.candidate;
  expect(found).toEqual({ ...honest, pot, taskIds, excluded: [] });
});

test("epochs of any size, down to none, are recomputed alike", async () => {
  const seed = 31;
  console.error(`[seed] epoch sizes ${seed}`);
  const sizes = fc.sample(fc.integer({ min: 0, max: 30 }), { numRuns: 6, seed });
  for (const size of [0, 1, 2, ...sizes]) {
    const tasks = Array.from({ length: size }, (_, number) => finishedTask(number, { verifiers: 1 + (number % 2) }));
    const archive = archiveOf(settledItems(tasks), { partItems: 7 });
    expect(await secondOpinion(archive, claimOf(archive.candidate)), `size ${size}`).toMatchObject({ kind: "valid" });
  }
});

const lies: readonly (readonly [field: string, claim: Claim])[] = [
  ["root", { ...honest, root: `0x${"11".repeat(32)}` }],
  ["header.itemCount", { ...honest, header: { ...epoch.candidate.header, itemCount: 91 } }],
  ["header.previousRoot", { ...honest, header: { ...epoch.candidate.header, previousRoot: `0x${"22".repeat(32)}` } }],
  ["header.ruleset", { ...honest, header: { ...epoch.candidate.header, ruleset: `0x${"22".repeat(32)}` } }],
  ["subRoots.evidence", { ...honest, subRoots: { ...epoch.candidate.subRoots, evidence: `0x${"33".repeat(32)}` } }],
  [
    "rewards[2].amount",
    { ...honest, rewards: epoch.candidate.rewards.map((each, at) => (at === 2 ? { ...each, amount: "1" } : each)) },
  ],
  ["rewards.length", { ...honest, rewards: [...epoch.candidate.rewards, ...epoch.candidate.rewards.slice(0, 1)] }],
  [
    "payouts[0].account",
    {
      ...honest,
      payouts: epoch.candidate.payouts.map((each) => ({ ...each, account: `0x${"66".repeat(20)}` as const })),
    },
  ],
];

test.each(lies)("a claim that lies about %s is refuted there, with both values [SETL-06]", async (field, claim) => {
  expect(await differenceOf(epoch, claim)).toMatchObject({ field });
});

/** The archive with one item changed, and a manifest that fits it: a liar who knows how archives are made. */
function forged(change: (item: ArchivedItem) => object): MemoryArchive {
  const objects = new Map(epoch.objects);
  const manifest = JSON.parse(Buffer.from(epoch.candidate.manifestBytes).toString("utf8")) as ArchiveManifest;
  const [first] = manifest.parts;
  if (first === undefined) throw new Error("no parts");
  const lines = Buffer.from(objects.get(first.digest) ?? "")
    .toString("utf8")
    .split("\n");
  const item = JSON.parse(lines[3] ?? "") as ArchivedItem;
  lines[3] = Buffer.from(canonicalBytes({ ...item, ...change(item) } as Json)).toString("utf8");
  const bytes = Buffer.from(lines.join("\n"), "utf8");
  const digest = sha256Hex(bytes);
  objects.set(digest, bytes);
  const changed = { ...manifest, parts: [{ ...first, digest }, ...manifest.parts.slice(1)] };
  const manifestBytes = canonicalBytes(changed);
  const archive = sha256Hex(manifestBytes);
  objects.set(archive, manifestBytes);
  return openMemory({ ...epoch.candidate, manifestBytes, header: { ...epoch.candidate.header, archive } }, objects);
}

const forgeries: readonly (readonly [field: string, change: (item: ArchivedItem) => object])[] = [
  ["taskId", ({ envelope }) => ({ envelope: { ...envelope, feeLimit: "99999" } })],
  ["bundle.outputCommitment", () => ({ result: { forged: true } })],
  ["bundleSignature", ({ bundle }) => ({ bundle: { ...bundle, proofs: [bundle.taskId] } })],
  ["bundleSignature", ({ decisions }) => ({ bundleSignature: decisions[0]?.signature })],
  [
    "decisions[0].signature",
    ({ decisions, bundleSignature }) => ({
      decisions: decisions.map((each) => ({ ...each, signature: bundleSignature })),
    }),
  ],
  [
    "contributions[0].records",
    ({ contributions }) => ({ contributions: contributions.map((each) => ({ ...each, records: each.records + 1 })) }),
  ],
  [
    "contributions[0].producers",
    ({ contributions }) => ({ contributions: contributions.map((each) => ({ ...each, producers: [] })) }),
  ],
  [
    "history[1].from",
    ({ history }) => ({
      history: history.map((text, at) => (at === 1 ? text.replace('"from":"accepted"', '"from":"dispatched"') : text)),
    }),
  ],
  ["history ends in", ({ history }) => ({ history: history.slice(0, 4) })],
  ["", () => ({ bundle: null })],
  ["", () => ({ decisions: "none" })],
];

test.each(forgeries)("an archive forged with care is refuted at the item's %s (case %#)", async (field, change) => {
  const archive = forged(change);
  const { header } = archive.candidate;
  const difference = await differenceOf(archive, { ...honest, header });
  expect(difference).toMatchObject({
    field: `parts[0].items[3]${field === "" || field.startsWith("history ") ? "" : "."}${field.startsWith("history ") ? `.${field}` : field}`,
  });
});

test("an archive with a changed byte, a missing item or a swapped order is refuted", async () => {
  const tampered = openMemory(
    epoch.candidate,
    new Map([...epoch.objects].map(([digest, bytes]) => [digest, Buffer.concat([bytes, Buffer.from(" ")])])),
  );
  expect(await differenceOf(tampered, honest)).toMatchObject({ field: "manifest" });
  const [part] = epoch.candidate.manifest.parts;
  if (part === undefined) throw new Error("no parts");
  const objects = new Map(epoch.objects);
  objects.set(part.digest, Buffer.from(epoch.objects.get(part.digest) ?? "").subarray(0, -1));
  expect(await differenceOf(openMemory(epoch.candidate, objects), honest)).toMatchObject({ field: "parts[0].digest" });
});

test("what cannot be read is unknown: it neither passes nor accuses", async () => {
  const objects = new Map(epoch.objects);
  objects.delete(epoch.candidate.manifest.parts[1]?.digest ?? "0x");
  expect(await secondOpinion(openMemory(epoch.candidate, objects), honest)).toMatchObject({ kind: "unknown" });
  expect(await checkArchive(openMemory(epoch.candidate, new Map()))).toMatchObject({ kind: "unknown" });
});

test("an archive is checked on its own, and against the digest somebody names [ASSR-04]", async () => {
  expect(await checkArchive(epoch)).toEqual({ kind: "valid", root: honest.root });
  const { archive } = epoch.candidate.header;
  expect(await checkManifestDigest(epoch, archive)).toMatchObject({ kind: "valid" });
  expect(await checkManifestDigest(epoch, `0x${"00".repeat(32)}`)).toMatchObject({ kind: "invalid" });
});
