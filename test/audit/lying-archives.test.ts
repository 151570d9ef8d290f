// Whatever single field of an archive or of what is claimed of it is changed, it is found, and named with both values.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compareClaim, recomputeEpoch, secondOpinion, type Claim } from "#audit/recompute.ts";
import { canonicalBytes, type Json } from "#protocol/canonical.ts";
import { contentId, sha256Hex, type Hex } from "#protocol/hash.ts";
import type { LocalAttributeSummary } from "#protocol/schemas/local-attribute.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { archiveOf, openMemory, settledItems, type MemoryArchive } from "#test/settlement/archived-epoch.ts";
import { executors, finishedTask, scope, verifiers } from "#test/settlement/finished-tasks.ts";

const seed = 31_337;

const summary = (vault: string, name: string): LocalAttributeSummary => ({
  schemaVersion: "1.0",
  scope,
  epoch: 1,
  vault,
  collection: "films",
  name,
  valueKind: "integer",
  domainHint: "media.films",
  noisyOccurrences: 40,
  noisyRecords: 64,
  windowsReleased: 1,
  windowsObserved: 1,
  mapping: { attributeId: "media.films/genre", confidence: 5_000 },
});

// Each penalty takes something, so that nothing of it is without effect.
const penalties = [executors[0], verifiers[0], executors[1]].map((account, at) => ({
  penaltyId: `0x${String(at + 1).repeat(64)}` as const,
  challengeId: contentId("test.challenge", at),
  account: account ?? "0x",
  remaining: String(100 + at),
}));

const tasks = Array.from({ length: 12 }, (_, number) => finishedTask(number));
const archive = archiveOf(settledItems(tasks), {
  partItems: 7,
  penalties,
  aggregation: {
    windowFrom: 1,
    trigger: "window",
    summaries: [summary("vault-1", "boxOffice"), summary("vault-2", "box_office"), summary("vault-2", "rating")],
  },
});
const { root, header, subRoots, rewards, adjustments, payouts, localCandidates } = archive.candidate;
const honest: Claim = { root, header, subRoots, rewards, adjustments, payouts, localCandidates };

/** Every leaf below a value: its path, and what puts another value there. */
function leavesOf(value: unknown, path: string, put: (to: unknown) => void): readonly Leaf[] {
  if (typeof value !== "object" || value === null) return [{ path, value, put }];
  const members = value as Record<string, unknown>;
  return Object.keys(value).flatMap((name) =>
    leavesOf(members[name], Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`, (to) => {
      members[name] = to;
    }),
  );
}

type Leaf = { readonly path: string; readonly value: unknown; readonly put: (to: unknown) => void };

/** Another value of the same type, as close as can be. */
function another(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string") return "something";
  const last = value.at(-1) ?? "";
  return `${value.slice(0, -1)}${last === "1" ? "2" : "1"}`;
}

const parse = (bytes: Uint8Array | undefined): unknown => JSON.parse(Buffer.from(bytes ?? []).toString("utf8"));

/** A liar who knows how archives are made: one leaf is changed, and every digest above it is made to fit. */
function forge(choose: (leaves: readonly Leaf[]) => Leaf): { readonly forged: MemoryArchive; readonly path: string } {
  const objects = new Map(archive.objects);
  const manifest = parse(archive.candidate.manifestBytes) as ArchiveManifest;
  const parts = manifest.parts.map(({ digest }) =>
    Buffer.from(objects.get(digest) ?? [])
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as unknown),
  );
  const documents = manifest.documents.map(({ object }) => parse(objects.get(object)));
  const whole = { manifest, parts, documents };
  const leaf = choose(leavesOf(whole, "", () => undefined));
  leaf.put(another(leaf.value));
  const keep = (bytes: Uint8Array): Hex => {
    const digest = sha256Hex(bytes);
    objects.set(digest, bytes);
    return digest;
  };
  if (leaf.path.startsWith(".parts")) {
    for (const [at, items] of parts.entries()) {
      const lines = items.map((item) => `${Buffer.from(canonicalBytes(item as Json)).toString("utf8")}\n`);
      const part = manifest.parts[at];
      if (part) part.digest = keep(Buffer.from(lines.join(""), "utf8"));
    }
  }
  if (leaf.path.startsWith(".documents")) {
    for (const [at, document] of documents.entries()) {
      const named = manifest.documents[at];
      if (named) named.object = keep(canonicalBytes(document as Json));
    }
  }
  const manifestBytes = canonicalBytes(manifest);
  const forgedHeader = { ...header, archive: keep(manifestBytes) };
  const candidate = { ...archive.candidate, manifestBytes, header: forgedHeader };
  return { forged: openMemory(candidate, objects), path: leaf.path };
}

/** What nothing but the root commits to: a token in place of a signature, and why a window ended. */
const onlyInRoot = [/^\.parts\[\d+\]\[\d+\]\.envelopeSignature$/, /^\.manifest\.aggregation\.(trigger)$/];

test("any single field of an archive that is changed is found, however well the rest is made to fit (SETL-06) (ASSR-01) (ASSR-04)", async () => {
  console.error(`[seed] lying archives ${seed}`);
  const places = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 2 }), fc.nat(), async (area, choice) => {
      const prefix = [".manifest", ".parts", ".documents"][area] ?? "";
      const { forged, path } = forge((leaves) => {
        const ofArea = leaves.filter((leaf) => leaf.path.startsWith(prefix));
        const chosen = ofArea[choice % ofArea.length];
        if (chosen === undefined) throw new Error("no leaves");
        return chosen;
      });
      places.add(path.replaceAll(/\[\d+\]/g, "[]"));
      const claim = { ...honest, header: forged.candidate.header };
      const verdict = await secondOpinion(forged, claim);
      // A digest that names nothing cannot be judged, and does not pass either.
      if (/\.(digest|object)$/.test(path) && verdict.kind === "unknown") return;
      expect(verdict.kind, path).toBe("invalid");
      if (verdict.kind !== "invalid") return;
      const { field, claimed, recomputed } = verdict.difference;
      expect(claimed, path).not.toBe(recomputed);
      if (!onlyInRoot.some((pattern) => pattern.test(path))) expect(field, path).not.toBe("root");
    }),
    { seed, numRuns: 250 },
  );
  expect(places.size).toBeGreaterThan(100);
});

test("any single field of a claim that is changed is named by its own path (ASSR-01) (RWRD-01)", async () => {
  console.error(`[seed] lying claims ${seed}`);
  const found = await recomputeEpoch(archive);
  expect(found.adjustments).toHaveLength(penalties.length);
  expect(found.localCandidates).toHaveLength(2);
  expect(await secondOpinion(archive, honest)).toEqual({ kind: "valid", root });
  fc.assert(
    fc.property(fc.nat(), (choice) => {
      const claim = structuredClone(honest);
      const leaves = leavesOf(claim, "", () => undefined);
      const leaf = leaves[choice % leaves.length];
      if (leaf === undefined) throw new Error("no leaves");
      leaf.put(another(leaf.value));
      expect(() => compareClaim(claim, found)).toThrow(`${leaf.path.slice(1)}: `);
    }),
    { seed, numRuns: 500 },
  );
});

test("what is left out of a list, or added to one, is found", async () => {
  for (const list of ["rewards", "adjustments", "payouts", "localCandidates"] as const) {
    const shorter = { ...honest, [list]: honest[list]?.slice(0, -1) };
    const longer = { ...honest, [list]: [...(honest[list] ?? []), honest[list]?.[0]] };
    for (const claim of [shorter, longer]) {
      expect(await secondOpinion(archive, claim)).toMatchObject({
        kind: "invalid",
        difference: { field: `${list}.length`, recomputed: String(honest[list]?.length) },
      });
    }
  }
});
