// An opened semantic version as it stands: its base and the acts that amended it, folded in their order.
import assert from "node:assert/strict";
import { applyOrder, draftOf, isAmendment, isRefusal } from "#protocol/governance.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type { Queryable } from "#storage/database.ts";
import { readVersionActs } from "#storage/governance.ts";
import { readRegistry } from "#storage/registry.ts";
import { registryFaults } from "./registry-faults.ts";

/** An opened version; it can be published once it has no faults. */
export type RegistryDraft = {
  readonly base: string;
  readonly registry: Registry;
  readonly faults: string[];
  /** Acts that amended it. */
  readonly acts: number;
};

/** The draft of a version, also once it was published; undefined for one that was never opened. */
export async function readDraft(database: Queryable, semanticVersion: string): Promise<RegistryDraft | undefined> {
  const orders = (await readVersionActs(database, semanticVersion)).map(({ order }) => order);
  const opening = orders.find((order) => order.kind === "open_version");
  if (opening === undefined) return undefined;
  const published = await readRegistry(database, opening.base);
  assert(published, "a version is opened from a published one");
  let registry = draftOf(published, semanticVersion);
  const amendments = orders.filter(isAmendment);
  for (const order of amendments) {
    const amended = applyOrder(registry, order);
    assert(!isRefusal(amended), "an act that was taken is taken again");
    registry = amended;
  }
  return { base: opening.base, registry, faults: [...registryFaults(registry)], acts: amendments.length };
}
