// A thread beside the judging one behind `second-opinion.ts`: works out the parts it is told of, hands over what they come to, ends when told.
import { parentPort, workerData } from "node:worker_threads";
import { openFolderStore } from "#storage/objects/folder.ts";
import { aheadOver, idleMs } from "./second-opinion-ahead.ts";
import type { PartThreadOrder, PartThreadSetting, PartOrder, WorkedPart } from "./second-opinion.ts";

const { objects, port } = workerData as PartThreadSetting;
const { under } = aheadOver(await openFolderStore(objects));
let work: Promise<void> = Promise.resolve();

async function handOver({ expected, part }: PartOrder): Promise<void> {
  port.postMessage({ expected, part, digest: await under(expected).work(part) } satisfies WorkedPart);
}

function end(): void {
  port.close();
  parentPort?.close();
}

const idle = setTimeout(end, idleMs);
parentPort?.on("message", (order: PartThreadOrder) => {
  idle.refresh();
  if (order.kind === "end") clearTimeout(idle);
  work = work.then(() => (order.kind === "part" ? handOver(order) : end()));
});
