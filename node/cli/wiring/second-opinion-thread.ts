// The thread behind `second-opinion.ts`: works parts of an archive out as it is told of them, then judges one claim and ends.
import { parentPort, workerData } from "node:worker_threads";
import { workAhead, type Ahead } from "#audit/ahead.ts";
import { secondOpinion } from "#audit/recompute.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { openArchive } from "#settlement/archive.ts";
import type { CandidateClaim, ExpectedManifest } from "#settlement/second-opinion.ts";
import { openFolderStore } from "#storage/objects/folder.ts";
import type { OpinionOrder, OpinionSetting } from "./second-opinion.ts";

/** A thread that was begun and is never asked ends by itself: its build was given up. */
const idleMs = 300_000;

const { objects } = workerData as OpinionSetting;
const store = await openFolderStore(objects);
let begun: { readonly text: string; readonly ahead: Ahead } | undefined;
let work: Promise<void> = Promise.resolve();

function aheadOf(expected: ExpectedManifest): Ahead {
  const text = canonicalText(expected);
  if (begun?.text !== text)
    begun = { text, ahead: workAhead((digest) => openArchive(store, digest).part(digest), expected) };
  return begun.ahead;
}

async function judge(claim: CandidateClaim): Promise<void> {
  parentPort?.postMessage(await secondOpinion(openArchive(store, claim.header.archive), claim, begun?.ahead.known));
  parentPort?.close();
}

const idle = setTimeout(() => parentPort?.close(), idleMs);
parentPort?.on("message", (order: OpinionOrder) => {
  idle.refresh();
  if (order.kind === "judge") clearTimeout(idle);
  work = work.then(() => (order.kind === "part" ? aheadOf(order.expected).work(order.part) : judge(order.claim)));
});
