// The second opinion in threads of its own: an epoch is worked out again while this process goes on building and answering.
import { availableParallelism } from "node:os";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import type { PartDigest } from "#audit/part.ts";
import { scopeId } from "#protocol/leaves.ts";
import type { WrittenPart } from "#settlement/archive.ts";
import type {
  CandidateClaim,
  ExpectedManifest,
  OpinionVerdict,
  PartListener,
  SecondOpinion,
} from "#settlement/second-opinion.ts";

/** A part to begin with, under what its manifest is expected to say. */
export type PartOrder = { readonly kind: "part"; readonly expected: ExpectedManifest; readonly part: WrittenPart };

/** What the judging thread is told: parts to begin with, where parts arrive that others work out, and at last the claim to judge. */
export type OpinionOrder =
  | PartOrder
  | { readonly kind: "others"; readonly port: MessagePort }
  | { readonly kind: "judge"; readonly claim: CandidateClaim };

/** What a thread that only works parts out is told: parts, and that there are no more. */
export type PartThreadOrder = PartOrder | { readonly kind: "end" };

/** What it tells the judging thread; without a digest where the part does not hold or could not be read. */
export type WorkedPart = Omit<PartOrder, "kind"> & { readonly digest: PartDigest | undefined };

/** What the threads are started with: where the archives are, and for one that works parts out where they go. */
export type OpinionSetting = { readonly objects: string };
export type PartThreadSetting = OpinionSetting & { readonly port: MessagePort };

/** Judges candidates, and begins with their parts as they are written. */
export type OpinionPorts = { readonly secondOpinion: SecondOpinion; readonly onPart: PartListener };

const judgeEntry = new URL("./second-opinion-thread.ts", import.meta.url);
const partsEntry = new URL("./second-opinion-parts.ts", import.meta.url);

/** Threads for one epoch: with two cores the builder leaves half of its own idle; beyond four it is the builder that limits. */
const threadsAtMost = Math.min(4, Math.max(2, availableParallelism()));

/** The threads that have begun with an archive: the one that will judge, and the others, by their number from 1. */
type Panel = { readonly judge: Worker; readonly others: Map<number, Worker> };

const nameOf = (scope: string, epoch: number): string => `${scope}/${epoch}`;

function judgement({ judge, others }: Panel, claim: CandidateClaim): Promise<OpinionVerdict> {
  for (const other of others.values()) other.postMessage({ kind: "end" } satisfies PartThreadOrder);
  judge.ref();
  return new Promise<OpinionVerdict>((resolve) => {
    judge.once("message", resolve);
    judge.once("error", (error) => resolve({ kind: "unknown", reason: `the second opinion failed: ${String(error)}` }));
    judge.once("exit", () => resolve({ kind: "unknown", reason: "the second opinion ended without a verdict" }));
    judge.postMessage({ kind: "judge", claim } satisfies OpinionOrder);
  });
}

/** A thread that nobody waits for: it does not keep the process. */
function startThread(entry: URL, setting: OpinionSetting | PartThreadSetting, ports: MessagePort[] = []): Worker {
  const worker = new Worker(entry, { workerData: setting, transferList: ports });
  worker.unref();
  return worker;
}

/** A thread that works parts out for the judging one. Where it dies, the judging one works its parts out itself. */
function startOther(objects: string, judge: Worker): Worker {
  const { port1, port2 } = new MessageChannel();
  judge.postMessage({ kind: "others", port: port1 } satisfies OpinionOrder, [port1]);
  const other = startThread(partsEntry, { objects, port: port2 }, [port2]);
  other.on("error", () => undefined);
  return other;
}

/**
 * Judges claims over the archives in a folder. Parts go to the threads in turn, which start as they are needed: an epoch of one
 * part has one. A judging thread that dies has no opinion: unknown, never valid.
 */
export function secondOpinionOver(objects: string, threads = threadsAtMost): OpinionPorts {
  /** Threads that have begun with an archive, by what its manifest is expected to say. */
  const begun = new Map<string, Panel>();
  const start = (): Panel => ({ judge: startThread(judgeEntry, { objects }), others: new Map() });
  const begin = (name: string): Panel => {
    const panel = start();
    const forget = (): void => {
      if (begun.get(name) === panel) begun.delete(name);
    };
    panel.judge.once("error", forget);
    panel.judge.once("exit", forget);
    begun.set(name, panel);
    return panel;
  };
  const threadFor = ({ judge, others }: Panel, part: number): Worker => {
    const number = part % threads;
    if (number === 0) return judge;
    const other = others.get(number) ?? startOther(objects, judge);
    others.set(number, other);
    return other;
  };
  return {
    onPart: (expected, part) => {
      const name = nameOf(scopeId(expected.scope), expected.epoch);
      const panel = begun.get(name) ?? begin(name);
      threadFor(panel, part.number).postMessage({ kind: "part", expected, part } satisfies PartOrder);
    },
    secondOpinion: (_, claim) => {
      const name = nameOf(claim.header.scope, claim.header.epoch);
      const panel = begun.get(name) ?? start();
      begun.delete(name);
      return judgement(panel, claim);
    },
  };
}
