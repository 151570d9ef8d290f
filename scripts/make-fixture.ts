// Writes the archive of a small epoch as a fixture of the schema version that is written today: test/fixtures/schema-<version>/.
// Run it once for a release, `node scripts/make-fixture.ts`; what is there already is never written over. The epoch beside it,
// `demo-epoch`, is what `scs archive export` gave of twelve tasks of test/scenarios/play.ts, executed and anchored.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeArchive } from "#cli/documents/archive-folder.ts";
import { contentId } from "#protocol/hash.ts";
import type { LocalAttributeSummary } from "#protocol/schemas/local-attribute.ts";
import { schemaVersions } from "#settlement/step.ts";
import { archiveOf, settledItems } from "#test/settlement/archived-epoch.ts";
import { executors, finishedTask, scope, verifiers } from "#test/settlement/finished-tasks.ts";

/** Enough for each kind of item: signed and not, over one vault and two, with a query attribute, and by two verifiers. */
const taskCount = 10;

const penalties = [executors[0], verifiers[0]].map((account, at) => ({
  penaltyId: contentId("fixture.penalty", at),
  challengeId: contentId("fixture.challenge", at),
  account: account ?? "0x",
  remaining: ["150", "1000000"][at] ?? "0",
}));
penalties.sort((a, b) => (a.penaltyId < b.penaltyId ? -1 : 1));

const summary = (vault: string, name: string, noisyOccurrences: number): LocalAttributeSummary => ({
  schemaVersion: "1.0",
  scope,
  epoch: 1,
  vault,
  collection: "films",
  name,
  valueKind: "integer",
  domainHint: "media.films",
  noisyOccurrences,
  noisyRecords: 64,
  windowsReleased: 1,
  windowsObserved: 1,
  mapping: null,
});

const summaries = [
  summary("vault-1", "boxOffice", 41),
  summary("vault-1", "genre", 39),
  summary("vault-2", "box_office", 30),
];

const tasks = Array.from({ length: taskCount }, (_, number) => finishedTask(number, { verifiers: 1 + (number % 2) }));
const archive = archiveOf(settledItems(tasks), {
  partItems: 6,
  penalties,
  aggregation: { windowFrom: 1, trigger: "window", summaries },
});
const { root, header, subRoots, rewards, adjustments, payouts, localCandidates } = archive.candidate;
const place = { scope, epoch: 1, revision: 1, archive: header.archive };
const lists = {
  rewards: [...rewards],
  adjustments: [...adjustments],
  payouts: [...payouts],
  localCandidates: [...localCandidates],
};

const version = schemaVersions.at(-1) ?? "";
const folder = fileURLToPath(new URL(`../test/fixtures/schema-${version}`, import.meta.url));
const target = join(folder, "epoch");
if (existsSync(target)) {
  process.stderr.write(`${target} is there already: what a released version wrote stays as it is\n`);
  process.exitCode = 1;
} else {
  await writeArchive(target, archive, { ...place, root, header, subRoots, ...lists }, () => undefined);
  process.stdout.write(`${folder}: ${taskCount} tasks, root ${root}\n`);
}
