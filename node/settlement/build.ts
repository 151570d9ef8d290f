// Builds the candidate of a closed epoch: reads its members in pages, checks each, writes the archive, seals the root.
import type { Duty } from "#storage/duties.ts";
import { stepBatchLimit } from "#protocol/limits.ts";
import { indexRegistry } from "#protocol/resolution.ts";
import type { Snapshot } from "#protocol/schemas/execution.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { readAggregation, readDeferrals, readEpochPenalties, type Deferral } from "#storage/epoch-closing.ts";
import type { Epoch, EpochDocuments } from "#storage/epochs.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { putContent } from "#storage/objects/content.ts";
import { memberIds, readItems, readRoleChanges, type StoredItem } from "#storage/settlement-items.ts";
import { roleLookup } from "./actor-roles.ts";
import { addLines, endParts, openParts, putDocuments } from "./archive.ts";
import {
  addItems,
  candidateRegistry,
  listed,
  openDraft,
  rewardPolicy,
  sealDraft,
  type Candidate,
} from "./candidate.ts";
import { checkItem, type CheckContext, type SignatureTrust } from "./item-check.ts";
import type { ExpectedManifest, PartListener } from "./second-opinion.ts";
import type { SettledItem } from "./settled-item.ts";
import { parseItem, type ParsedItem } from "./item-texts.ts";
import { loadOwners, ownersIn, type OwnerIndex } from "./source-owners.ts";
import { keepDuty, schemaVersions, type StepDeps } from "./step.ts";

/** What building needs besides the step's own. */
export type BuildDeps = StepDeps & {
  readonly store: ObjectStore;
  /** Told of the archive's parts as they are written. */
  readonly onPart?: PartListener;
};

/** What is to be built. */
export type BuildOrder = {
  readonly epoch: Epoch;
  readonly documents: EpochDocuments;
  /** The anchor's number for this candidate, from 1. */
  readonly revision: number;
  readonly previousRoot: Hex;
  readonly signatures: SignatureTrust;
};

/**
 * Builds a candidate and writes its archive; nothing is committed to the ledger. The outcome is a function of what is
 * stored: it may be repeated, and content that was written before is found again.
 * @throws ProtocolError INTERNAL_LEASE_LOST when another process took the duty meanwhile
 */
export async function buildCandidate(deps: BuildDeps, duty: Duty, order: BuildOrder): Promise<Candidate> {
  const { database, place, store } = deps;
  const { epoch, documents, revision, previousRoot, signatures } = order;
  const owners: OwnerIndex = new Map();
  const context: CheckContext = {
    domain: place,
    scope: epoch.scope,
    schemaVersions,
    registries: new Map([...documents.registries].map(([version, registry]) => [version, indexRegistry(registry)])),
    policies: documents.policies,
    heldRole: roleLookup(await readRoleChanges(database, ["executor", "verifier"])),
    ownersOf: (snapshot) => ownersIn(owners, snapshot),
    signatures,
  };
  const draft = openDraft(place, epoch.scope, epoch.epoch);
  const archived = await putDocuments(store, documents);
  const writer = openParts(store, (part) => deps.onPart?.(expectedManifest(deps, order, archived), part));
  const excluded: Deferral[] = [...(await readDeferrals(database, epoch))];
  const aside = new Set(excluded.map(({ taskId }) => taskId));
  const members = (await memberIds(database, epoch.scope, epoch.epoch)).filter((taskId) => !aside.has(taskId));
  for await (const page of pagesOf(deps, members)) {
    await keepDuty(deps, duty);
    const parsed = page.map(parseItem);
    await loadOwners(database, owners, parsed.flatMap(snapshotsOf));
    const settled: SettledItem[] = [];
    for (const [at, stored] of page.entries()) {
      const verdict = checkItem(context, stored, parsed[at]);
      if (verdict.kind === "settled") settled.push(verdict.item);
      else excluded.push({ taskId: verdict.taskId, reason: verdict.reason });
    }
    addItems(draft, settled);
    await addLines(
      writer,
      settled.map(({ line }) => line),
    );
  }
  const { versions, registries, policies } = documents;
  const candidate = sealDraft(draft, {
    revision,
    previousRoot,
    versions,
    policy: rewardPolicy(versions, policies),
    registry: candidateRegistry(versions, registries),
    parts: await endParts(writer),
    documents: archived,
    excluded: excluded.toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1)),
    penalties: await readEpochPenalties(database, epoch),
    aggregation: await readAggregation(database, epoch),
  });
  await putContent(store, candidate.manifestBytes);
  return candidate;
}

/** What the manifest will say, as far as that is known before the items are. */
function expectedManifest(
  { place }: BuildDeps,
  { epoch: { scope, epoch }, documents }: BuildOrder,
  archived: ExpectedManifest["documents"],
): ExpectedManifest {
  const { chainId, anchor } = place;
  return { chainId: Number(chainId), anchor, scope, epoch, versions: listed(documents.versions), documents: archived };
}

/** Pages of members in the order of their ids; the next one is read while the last one is worked on. */
async function* pagesOf({ database }: StepDeps, ids: readonly Hex[]): AsyncGenerator<readonly StoredItem[]> {
  const read = (from: number): Promise<readonly StoredItem[]> | undefined => {
    if (from >= ids.length) return undefined;
    const page = readItems(database, ids.slice(from, from + stepBatchLimit));
    // A failure is thrown where the page is waited for, not before.
    page.catch(() => undefined);
    return page;
  };
  let next = read(0);
  for (let from = stepBatchLimit; next !== undefined; from += stepBatchLimit) {
    const page = await next;
    next = read(from);
    yield page;
  }
}

/** The snapshots that an item was bound to; none where it cannot be read, which its check will say. */
function snapshotsOf(parsed: ParsedItem | undefined): readonly Snapshot[] {
  return parsed?.assignment.bindings.map(({ snapshot }) => snapshot) ?? [];
}
