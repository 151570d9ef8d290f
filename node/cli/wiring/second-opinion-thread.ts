// The judging thread behind `second-opinion.ts`: works parts out as it is told of them, takes over those that other threads work out, judges one claim and ends.
import { once } from "node:events";
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { secondOpinion } from "#audit/recompute.ts";
import { openArchive } from "#settlement/archive.ts";
import type { CandidateClaim } from "#settlement/second-opinion.ts";
import { openFolderStore } from "#storage/objects/folder.ts";
import { aheadOver, idleMs } from "./second-opinion-ahead.ts";
import type { OpinionOrder, OpinionSetting, WorkedPart } from "./second-opinion.ts";

const { objects } = workerData as OpinionSetting;
const store = await openFolderStore(objects);
const { under, latest } = aheadOver(store);
let work: Promise<unknown> = Promise.resolve();
const othersEnded: Promise<unknown>[] = [];

/** Another thread's port closes when it is done, and when it dies: it is never waited for in vain. */
function takeFrom(port: MessagePort): void {
  port.on("message", ({ expected, part, digest }: WorkedPart) => {
    if (digest !== undefined) under(expected).take(part, digest);
  });
  othersEnded.push(once(port, "close"));
}

async function judge(claim: CandidateClaim): Promise<void> {
  await Promise.all(othersEnded);
  parentPort?.postMessage(await secondOpinion(openArchive(store, claim.header.archive), claim, latest()?.known));
  parentPort?.close();
}

const idle = setTimeout(() => parentPort?.close(), idleMs);
parentPort?.on("message", (order: OpinionOrder) => {
  idle.refresh();
  switch (order.kind) {
    case "part":
      work = work.then(() => under(order.expected).work(order.part));
      return;
    case "others":
      takeFrom(order.port);
      return;
    case "judge":
      clearTimeout(idle);
      work = work.then(() => judge(order.claim));
  }
});
