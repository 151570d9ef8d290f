// The second opinion in a thread of its own: an epoch is worked out again while this process goes on answering.
import { Worker } from "node:worker_threads";
import type { CandidateClaim, OpinionVerdict, SecondOpinion } from "#settlement/second-opinion.ts";

/** What the thread is given: where the archives are, and what is claimed. */
export type OpinionOrder = { readonly objects: string; readonly claim: CandidateClaim };

const entry = new URL("./second-opinion-thread.ts", import.meta.url);

/** Judges claims over the archives in a folder. A thread that dies has no opinion: unknown, never valid. */
export function secondOpinionOver(objects: string): SecondOpinion {
  return (_, claim) =>
    new Promise<OpinionVerdict>((resolve) => {
      const worker = new Worker(entry, { workerData: { objects, claim } satisfies OpinionOrder });
      worker.once("message", resolve);
      worker.once("error", (error) =>
        resolve({ kind: "unknown", reason: `the second opinion failed: ${String(error)}` }),
      );
      worker.once("exit", () => resolve({ kind: "unknown", reason: "the second opinion ended without a verdict" }));
    });
}
