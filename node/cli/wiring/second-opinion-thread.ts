// The thread behind `second-opinion.ts`: reads one archive, judges one claim, answers the verdict.
import { parentPort, workerData } from "node:worker_threads";
import { secondOpinion } from "#audit/recompute.ts";
import { openArchive } from "#settlement/archive.ts";
import { openFolderStore } from "#storage/objects/folder.ts";
import type { OpinionOrder } from "./second-opinion.ts";

const { objects, claim } = workerData as OpinionOrder;
const store = await openFolderStore(objects);
parentPort?.postMessage(await secondOpinion(openArchive(store, claim.header.archive), claim));
