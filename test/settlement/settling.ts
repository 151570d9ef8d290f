// A database of its own for a settlement test, the steps over it, and an anchor whose answers the test decides.
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secondOpinion } from "#audit/recompute.ts";
import type { AnchorView } from "#settlement/settlement-decision.ts";
import type { SettlementDeps } from "#settlement/settlement-work.ts";
import { canonicalText } from "#protocol/canonical.ts";
import type { Hex } from "#protocol/hash.ts";
import { epochIdOf } from "#protocol/parameters.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { AnchorPlace } from "#protocol/settlement-root.ts";
import { epochStep, orderClosing, type EpochDeps } from "#settlement/epoch-step.ts";
import { settlementStep } from "#settlement/settlement-step.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { epochSubject } from "#storage/epochs.ts";
import { appendJournal } from "#storage/journal.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { newestSettlement, readCandidate, type Settlement } from "#storage/settlements.ts";
import { createTestDatabase } from "#test/setup/database.ts";
import { place, policy, scope, type FinishedTask } from "./finished-tasks.ts";
import { publishGround, storeFinished } from "./stored-tasks.ts";

/** What happened, for tests that look at it. */
export type Told = {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
};

export type Settling = {
  /** Address of the database for the node's role. */
  readonly url: string;
  readonly signerUrl: string;
  readonly database: Database;
  readonly migrator: Database;
  readonly store: ObjectStore;
  readonly deps: SettlementDeps & EpochDeps;
  readonly told: Told[];
  /** The test's time; steps see it. */
  now: Date;
  /** What the anchor shows next, by the id of the epoch. */
  readonly anchor: Map<string, AnchorView>;
  readonly close: () => Promise<void>;
};

export const nothingAnchored: AnchorView = {
  candidate: { state: "none", revision: 0, root: `0x${"00".repeat(32)}`, finalizableAtSeconds: 0 },
  timeSeconds: 0,
};

/** Bytes that look like chance and are the same every time. */
function noiseOf(seed: string): (size: number) => Uint8Array {
  let draws = 0;
  return (size) => createHash("shake256", { outputLength: size }).update(`${seed} ${draws++}`).digest();
}

/** Opens all of it, with what tasks refer to published. */
export async function openSettling(used: Policy = policy, where: AnchorPlace = place): Promise<Settling> {
  const server = await createTestDatabase();
  const open = (url: string): Database =>
    openDatabase({ url, applicationName: "settlement test", maxConnections: 4, statementTimeoutMs: 60_000 });
  const database = open(server.urls.node);
  const migrator = open(server.urls.migrator);
  const folder = await mkdtemp(join(tmpdir(), "scs-settling-"));
  const store = await createFolderStore(folder);
  await publishGround(database, used);
  const told: Told[] = [];
  const tell =
    (level: string) =>
    (fields: object, message: string): void =>
      void told.push({ level, message, fields: fields as Told["fields"] });
  const anchor = new Map<string, AnchorView>();
  const settling: Settling = {
    url: server.urls.node,
    signerUrl: server.urls.signer,
    database,
    migrator,
    store,
    told,
    now: new Date("2026-02-01T00:00:00.000Z"),
    anchor,
    deps: {
      database,
      store,
      clock: () => settling.now,
      log: { info: tell("info"), warn: tell("warn"), error: tell("error") },
      holder: "test-1",
      scopes: [scope],
      place: where,
      secondOpinion,
      readAnchor: (of, epoch) => Promise.resolve(anchor.get(epochIdOf(of, epoch)) ?? nothingAnchored),
      pollSeconds: 1,
      noise: noiseOf("settling"),
    },
    close: async () => {
      await database.close();
      await migrator.close();
      await server.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return settling;
}

/** Lets time pass. */
export function pass(settling: Settling, seconds: number): void {
  settling.now = new Date(settling.now.getTime() + seconds * 1000);
}

/** Stores tasks and closes the open epoch over them, by order; answers the epoch's number. */
export async function closeOver(
  settling: Settling,
  tasks: readonly FinishedTask[],
  of: string = scope,
): Promise<number> {
  const { deps, database } = settling;
  await storeFinished(database, tasks, settling.now);
  const epochs = epochStep(deps);
  await epochs.run();
  const epoch = await orderClosing(deps, { scope: of, by: "test" });
  await epochs.run();
  return epoch;
}

/** Runs the settlement step until it comes to rest; answers where the epoch's newest revision stands. */
export async function settle(
  settling: Settling,
  epoch: number,
  deps = settling.deps,
  of: string = scope,
): Promise<Settlement> {
  const step = settlementStep(deps);
  for (let runs = 0; runs < 20 && (await step.run()) > 0; runs++);
  const settlement = await newestSettlement(settling.database, of, epoch);
  if (settlement === undefined) throw new Error("the epoch has no settlement");
  return settlement;
}

/** Has the anchor show an epoch's candidate as it stands, and be followed to it when final. */
export async function showAnchored(
  settling: Settling,
  epoch: number,
  state: AnchorView["candidate"]["state"],
  revision = 1,
  of: string = scope,
): Promise<Hex> {
  const { database } = settling;
  const candidate = await readCandidate(database, { scope: of, epoch, revision });
  if (candidate === undefined) throw new Error("the epoch has no candidate");
  const { root, header } = candidate;
  const seconds = Math.floor(settling.now.getTime() / 1000);
  settling.anchor.set(epochIdOf(of, epoch), {
    candidate: { state, revision: header.revision, root, finalizableAtSeconds: seconds },
    timeSeconds: seconds,
  });
  if (state === "finalized") await followFinal(settling, epochSubject(of, epoch), root);
  pass(settling, 120);
  return root;
}

async function followFinal(settling: Settling, subject: Uint8Array, root: Hex): Promise<void> {
  const event = {
    event: "Finalized",
    root,
    blockNumber: "77",
    blockHash: `0x${"bb".repeat(32)}`,
    transactionHash: `0x${"cc".repeat(32)}`,
  };
  const act = { kind: "anchor", subject, body: canonicalText(event) };
  await settling.database.transaction((transaction) => appendJournal(transaction, [act], settling.now));
}
