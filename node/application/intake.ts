// Durable intake: submissions are collected while earlier ones are being written, and acknowledged once they are committed.
import assert from "node:assert/strict";
import { ProtocolError, refuse } from "#protocol/errors.ts";
import { intakeBatchLimit, intakeFlushesInFlight, intakeQueueLimit } from "#protocol/limits.ts";
import type { Database } from "#storage/database.ts";
import { admitIfClear, admitTasks, lockSubmitters } from "#storage/intake.ts";
import { admit, hopefulFacts, isRefusal, windowOf, type Candidate, type Outcome, type Published } from "./admission.ts";
import type { Lookups } from "./lookups.ts";
import type { ApplicationLimits, Observation } from "./ports.ts";

/** Who admits a task, in its history: the layer, so that the history is the same on every node. */
const admittedBy = "application";

export type IntakeDeps = {
  readonly database: Database;
  readonly lookups: Lookups;
  readonly clock: () => Date;
  readonly observe: (observation: Observation) => void;
  readonly limits?: Partial<ApplicationLimits>;
};

type Waiting = {
  readonly candidate: Candidate;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
};

/** Submissions of some submitters, written one batch after the other. */
type Lane = {
  readonly waiting: Waiting[];
  /** How many are being written; infinitely many while they still gather. */
  writing: number;
};

/**
 * Natural batching: submissions are written at once while nothing else is being written, and else wait for the next write
 * together with all that come meanwhile. So batches grow with the load, and nobody waits for a timer. A submitter always
 * has the same lane, so that writes under way at the same time never wait for each other's locks; one begins beside another
 * only when it is twice as large, since a write costs as much as two dozen submissions in it.
 */
export class Intake {
  readonly #deps: IntakeDeps;
  readonly #queueLimit: number;
  readonly #batchLimit: number;
  readonly #lanes: readonly Lane[];
  /** Lanes in which something waits and nothing is being written, in the order in which they came to that. */
  readonly #ready = new Set<Lane>();
  readonly #runs = new Set<Promise<void>>();
  #queued = 0;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
    this.#queueLimit = deps.limits?.intakeQueue ?? intakeQueueLimit;
    this.#batchLimit = deps.limits?.intakeBatch ?? intakeBatchLimit;
    const lanes = deps.limits?.intakeFlushes ?? intakeFlushesInFlight;
    this.#lanes = Array.from({ length: lanes }, () => ({ waiting: [], writing: 0 }));
  }

  /**
   * Admits a submission or says why not; answers only after the commit.
   * @throws ProtocolError INTERNAL_DATABASE_UNAVAILABLE; with `commit: "unknown"` the same envelope may be sent again
   */
  async submit(candidate: Candidate): Promise<Outcome> {
    if (this.#queued >= this.#queueLimit) return refuse("POLICY_OVERLOADED");
    // An address is a hash: its last digits spread submitters evenly.
    const lane = this.#lanes[parseInt(candidate.envelope.submitter.slice(-6), 16) % this.#lanes.length];
    assert(lane, "there is at least one lane");
    this.#queued++;
    const outcome = new Promise<Outcome>((resolve, reject) => lane.waiting.push({ candidate, resolve, reject }));
    if (lane.writing === 0) {
      this.#ready.add(lane);
      // Requests that arrived in the same turn of the event loop are read first: they share a batch.
      this.#begin(nextTurn);
    }
    return await outcome;
  }

  /** Waits until everything taken in is written. */
  async drain(): Promise<void> {
    while (this.#runs.size > 0) await Promise.all(this.#runs);
  }

  /** Begins to write what waits, lane by lane; no lane is passed over for one that came later. */
  #begin(gather?: () => Promise<void>): void {
    for (const lane of this.#ready) {
      const beside = 2 * Math.max(...this.#lanes.map(({ writing }) => writing));
      if (lane.waiting.length < Math.min(beside, this.#batchLimit)) return;
      this.#ready.delete(lane);
      lane.writing = Infinity;
      const run = this.#write(lane, gather).finally(() => this.#runs.delete(run));
      this.#runs.add(run);
    }
  }

  async #write(lane: Lane, gather?: () => Promise<void>): Promise<void> {
    if (gather !== undefined) await gather();
    const batch = lane.waiting.splice(0, this.#batchLimit);
    lane.writing = batch.length;
    const answers = await this.#flush(batch);
    this.#queued -= batch.length;
    lane.writing = 0;
    if (lane.waiting.length > 0) this.#ready.add(lane);
    // The next write is on its way before anybody is answered: there is time for that while the database works.
    this.#begin();
    await nextTurn();
    for (const answer of answers) answer();
  }

  /** Writes a batch; what it gives back tells each submission what became of it. */
  async #flush(batch: readonly Waiting[]): Promise<readonly (() => void)[]> {
    try {
      const outcomes = await admitBatch(
        this.#deps,
        batch.map(({ candidate }) => candidate),
      );
      return batch.map(({ resolve }, at) => resolve.bind(undefined, outcomes[at] ?? refuse("INTERNAL_UNEXPECTED")));
    } catch (error) {
      const isShared = error instanceof ProtocolError;
      if (isShared || batch.length === 1) return batch.map(({ reject }) => reject.bind(undefined, error));
      // What only one submission can have caused must not fail its neighbours: each is tried alone.
      const answers: (() => void)[] = [];
      for (const each of batch) answers.push(...(await this.#flush([each])));
      return answers;
    }
  }
}

/** What is waiting to be read is read first, and what was begun gets to where it has to wait. */
const nextTurn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

/**
 * Load, decide, commit: one transaction for a batch. First in the hope that nothing is known against it, since then what is
 * decided needs nothing from the database and goes there in one journey; else again, on what is locked and read.
 */
async function admitBatch(deps: IntakeDeps, batch: readonly Candidate[]): Promise<readonly Outcome[]> {
  const { database, clock, observe } = deps;
  const published = await readPublished(deps.lookups, batch, clock());
  const keys = batch.map(({ envelope }) => envelope);
  const { outcomes: hoped, admissions } = admit(batch, hopefulFacts(batch), published);
  const isClear = admissions.length > 0 && (await admitIfClear(database, keys, admissions, admittedBy, published.now));
  const outcomes = isClear ? hoped : await admitUnderLock(database, batch, published);
  const admitted = outcomes.filter((outcome) => !isRefusal(outcome) && !outcome.repeated).length;
  observe({ kind: "intake", tasks: batch.length, admitted });
  return outcomes;
}

async function admitUnderLock(
  database: Database,
  batch: readonly Candidate[],
  published: Published,
): Promise<readonly Outcome[]> {
  const keys = batch.map(({ envelope }) => envelope);
  const windows = keys.flatMap(({ submitter, policyVersion }) => {
    const policy = published.policies.get(policyVersion);
    return policy === undefined ? [] : [windowOf(submitter, policy, published.now)];
  });
  return await database.transaction(async (transaction) => {
    const { outcomes, admissions } = admit(batch, await lockSubmitters(transaction, keys, windows), published);
    await admitTasks(transaction, admissions, admittedBy, published.now);
    return outcomes;
  });
}

/** The live versions of the batch's scopes and the policies that it names among them. */
async function readPublished(lookups: Lookups, batch: readonly Candidate[], now: Date): Promise<Published> {
  const versions = new Map<string, { readonly semantic: readonly string[]; readonly policy: readonly string[] }>();
  for (const scope of new Set(batch.map(({ envelope }) => envelope.scope))) {
    const live = await lookups.liveVersions(scope);
    if (live !== undefined) versions.set(scope, live);
  }
  const policies = new Map(
    await Promise.all(
      [...new Set([...versions.values()].flatMap(({ policy }) => policy))].map(
        async (version) => [version, await lookups.policy(version)] as const,
      ),
    ),
  );
  const found = [...policies].flatMap(([version, policy]) =>
    policy === undefined ? [] : [[version, policy] as const],
  );
  return { now, versions, policies: new Map(found) };
}
