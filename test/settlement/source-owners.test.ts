// Producers are counted up to exactly the snapshot's size, whichever snapshots were counted before.
import { afterAll, beforeAll, expect, test } from "vitest";
import { contentId } from "#protocol/hash.ts";
import { loadOwners, ownersIn, type OwnerIndex } from "#settlement/source-owners.ts";
import { checkContext } from "./finished-tasks.ts";
import { openSettling, type Settling } from "./settling.ts";

let settling: Settling;

beforeAll(async () => {
  settling = await openSettling();
});

afterAll(async () => {
  await settling.close();
});

const snapshot = (vault: string, size: number) => ({
  vault,
  collection: "films",
  size,
  digest: contentId("test.snapshot", { vault, collection: "films", size }),
});

test("owners are counted alike together, one by one, and in any order", async () => {
  const wanted = [snapshot("vault-1", 64), snapshot("vault-1", 40), snapshot("vault-2", 33)];
  const { ownersOf } = checkContext();
  for (const order of [wanted, wanted.toReversed()]) {
    const index: OwnerIndex = new Map();
    for (const each of order) await loadOwners(settling.database, index, [each]);
    for (const each of wanted) expect(ownersIn(index, each)).toEqual(ownersOf(each));
  }
  const index: OwnerIndex = new Map();
  await loadOwners(settling.database, index, wanted);
  for (const each of wanted) expect(ownersIn(index, each)).toEqual(ownersOf(each));
});

test("a snapshot that was never taken has no owners", async () => {
  const index: OwnerIndex = new Map();
  await loadOwners(settling.database, index, [snapshot("vault-1", 41), snapshot("vault-9", 40)]);
  expect([ownersIn(index, snapshot("vault-1", 41)), ownersIn(index, snapshot("vault-9", 40))]).toEqual([
    undefined,
    undefined,
  ]);
});
