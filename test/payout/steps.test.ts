// The signer's process ends at every point where it touches the database or the key, starts again, and pays once.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PayoutDeps } from "#payout/deps.ts";
import { payoutSteps } from "#payout/steps.ts";
import { Database, type Queryable, type Row, type Rows, type SqlValue, type Statement } from "#storage/database.ts";
import {
  balancesOf,
  depsOf,
  finalizeEpoch,
  openStage,
  optionsOf,
  payerNonce,
  paymentsTo,
  runToRest,
  setRefusing,
  statesOf,
  type Stage,
} from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

class Ended extends Error {}

/** Counts the points that a process passes, and ends it at one of them: nothing gets through any more. */
class Life {
  passed = 0;
  readonly #endsAt: number;

  constructor(endsAt: number) {
    this.#endsAt = endsAt;
  }

  pass(): void {
    this.passed += 1;
    if (this.passed >= this.#endsAt) throw new Ended();
  }

  get ended(): boolean {
    return this.passed >= this.#endsAt;
  }
}

/** A database whose process ends before or after a statement or a transaction. */
class MortalDatabase extends Database {
  readonly #life: Life;

  constructor(url: string, life: Life) {
    super(optionsOf(url));
    this.#life = life;
  }

  override async query<R extends Row = Row>(statement: Statement, values: readonly SqlValue[] = []): Promise<Rows<R>> {
    this.#life.pass();
    const rows = await super.query<R>(statement, values);
    this.#life.pass();
    return rows;
  }

  override async transaction<T>(work: (transaction: Queryable) => Promise<T>): Promise<T> {
    this.#life.pass();
    const result = await super.transaction(work);
    this.#life.pass();
    return result;
  }
}

/** Runs the steps as a process that ends at a point; true if it came to rest before. */
async function liveUntil(point: number): Promise<boolean> {
  const life = new Life(point);
  const database = new MortalDatabase(stage.server.urls.signer, life);
  const deps = await depsOf(stage, database, () => stage.now, stage.deps.log);
  const { signer } = deps.submitter;
  const mortal: PayoutDeps = {
    ...deps,
    submitter: {
      ...deps.submitter,
      signer: {
        address: signer.address,
        signTransaction: async (transaction) => {
          life.pass();
          const raw = await signer.signTransaction(transaction);
          life.pass();
          return raw;
        },
      },
    },
  };
  try {
    await runToRest(mortal);
    return true;
  } catch (error) {
    if (life.ended) return false;
    throw error;
  } finally {
    await database.close();
  }
}

test("steps come in the order in which they depend on each other", () => {
  const names = payoutSteps(stage.deps).map(({ name }) => name);
  expect(names).toEqual(["payout.reconcile", "payout.track", "payout.authorize", "payout.send"]);
});

test("a process that ends at any point, and another that goes on, pay once [PAYO-01] [PAYO-06]", async () => {
  let point = 1;
  for (let rested = false; !rested; point++) {
    const scope = `ends-${point}`;
    const payments = paymentsTo(3, point * 10);
    const [refusing] = payments;
    if (!refusing) throw new Error("no payments");
    await setRefusing(stage, refusing.account, true);
    await finalizeEpoch(stage, scope, payments);
    const before = await payerNonce(stage);
    rested = await liveUntil(point);
    await runToRest(stage.deps);
    expect(await statesOf(stage, scope), scope).toEqual({ reconciled: 2, failed: 1 });
    expect(await payerNonce(stage), scope).toBe(before + 1);
    expect(await balancesOf(stage, payments), scope).toEqual([0n, 1_001n, 1_002n]);
  }
  // Every statement and transaction, before and after, and the signature.
  expect(point).toBeGreaterThan(40);
}, 300_000);
