// The second opinion in a thread of its own: an epoch is worked out again while this process goes on building and answering.
import { Worker } from "node:worker_threads";
import { scopeId } from "#protocol/leaves.ts";
import type { WrittenPart } from "#settlement/archive.ts";
import type {
  CandidateClaim,
  ExpectedManifest,
  OpinionVerdict,
  PartListener,
  SecondOpinion,
} from "#settlement/second-opinion.ts";

/** What the thread is told: parts to begin with, and at last the claim to judge. */
export type OpinionOrder =
  | { readonly kind: "part"; readonly expected: ExpectedManifest; readonly part: WrittenPart }
  | { readonly kind: "judge"; readonly claim: CandidateClaim };

/** What the thread is started with: where the archives are. */
export type OpinionSetting = { readonly objects: string };

/** Judges candidates, and begins with their parts as they are written. */
export type OpinionPorts = { readonly secondOpinion: SecondOpinion; readonly onPart: PartListener };

const entry = new URL("./second-opinion-thread.ts", import.meta.url);

const nameOf = (scope: string, epoch: number): string => `${scope}/${epoch}`;

function judgement(worker: Worker, claim: CandidateClaim): Promise<OpinionVerdict> {
  worker.ref();
  return new Promise<OpinionVerdict>((resolve) => {
    worker.once("message", resolve);
    worker.once("error", (error) =>
      resolve({ kind: "unknown", reason: `the second opinion failed: ${String(error)}` }),
    );
    worker.once("exit", () => resolve({ kind: "unknown", reason: "the second opinion ended without a verdict" }));
    worker.postMessage({ kind: "judge", claim } satisfies OpinionOrder);
  });
}

/** Judges claims over the archives in a folder. A thread that dies has no opinion: unknown, never valid. */
export function secondOpinionOver(objects: string): OpinionPorts {
  /** Threads that have begun with an archive, by what its manifest is expected to say. */
  const begun = new Map<string, Worker>();
  const start = (): Worker => {
    const worker = new Worker(entry, { workerData: { objects } satisfies OpinionSetting });
    // Nobody waits for what is only begun: it does not keep the process.
    worker.unref();
    return worker;
  };
  const begin = (name: string): Worker => {
    const worker = start();
    const forget = (): void => {
      if (begun.get(name) === worker) begun.delete(name);
    };
    worker.once("error", forget);
    worker.once("exit", forget);
    begun.set(name, worker);
    return worker;
  };
  return {
    onPart: (expected, part) => {
      const name = nameOf(scopeId(expected.scope), expected.epoch);
      const worker = begun.get(name) ?? begin(name);
      worker.postMessage({ kind: "part", expected, part } satisfies OpinionOrder);
    },
    secondOpinion: (_, claim) => {
      const name = nameOf(claim.header.scope, claim.header.epoch);
      const worker = begun.get(name) ?? start();
      begun.delete(name);
      return judgement(worker, claim);
    },
  };
}
