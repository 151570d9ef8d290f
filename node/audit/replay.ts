// Replays of single things: what a task was resolved to, from its envelope and a registry, or from an archive that holds both.
import type { Binding, SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type { ArchivedItem } from "#protocol/schemas/settlement.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import { idOf, jcs, sha } from "./digests.ts";
import { judged, same, Unreadable, type Verdict } from "./disproof.ts";
import { readDocuments, readManifest, readOrStop, shaped, type ArchiveSource } from "./manifest.ts";
import { meaningOf, published, type PublishedRegistry } from "./resolution.ts";

/** What is claimed that a task was resolved to: the resolution with what its id commits to, or the code it was refused with. */
export type ResolutionClaim =
  | {
      readonly kind: "resolved";
      readonly resolutionId: Hex;
      readonly resolution: SemanticResolutionResult;
      readonly bindings: readonly Binding[];
      readonly fee: string;
    }
  | { readonly kind: "refused"; readonly code: string };

type Asked = Pick<TaskEnvelope, "program" | "submitter" | "scope" | "semanticVersion">;

function compareResolution(envelope: Asked, registry: PublishedRegistry, claim: ResolutionClaim): Hex {
  same("semanticVersion", envelope.semanticVersion, registry.registry.semanticVersion);
  const meaning = meaningOf(envelope, registry);
  const [claimed, recomputed] = [claim, meaning].map((each) =>
    each.kind === "refused" ? `refused: ${each.code}` : each.kind,
  );
  same("outcome", claimed, recomputed);
  if (claim.kind === "refused" || meaning.kind === "refused") return registry.digest;
  const { resolution, bindings, fee, resolutionId } = claim;
  same("resolution", resolution, meaning.result);
  same("resolutionId", resolutionId, idOf("scs.resolution", jcs({ resolution: meaning.result, bindings, fee })));
  return resolutionId;
}

/** Resolves a task again under the registry of its version and compares, step by step and to the last byte (ATTR-05). */
export async function replayResolution(envelope: Asked, registry: Registry, claim: ResolutionClaim): Promise<Verdict> {
  return await judged(() => Promise.resolve(compareResolution(envelope, published(registry), claim)));
}

/** The item of a task; parts are searched in order, each checked against its digest. */
async function findItem(source: ArchiveSource, parts: readonly { readonly digest: Hex }[], taskId: Hex) {
  for (const [number, { digest }] of parts.entries()) {
    const place = `parts[${number}]`;
    const bytes = await readOrStop(place, () => source.part(digest));
    same(`${place}.digest`, digest, sha(bytes));
    const lines = Buffer.from(bytes).toString("utf8").split("\n");
    const line = lines.find((text) => text.includes(`"taskId":"${taskId}"`) && itemOf(text)?.taskId === taskId);
    if (line !== undefined) return itemOf(line);
  }
  throw new Unreadable(`the archive holds no task ${taskId}`);
}

function itemOf(line: string): ArchivedItem | undefined {
  return line === "" ? undefined : (JSON.parse(line) as ArchivedItem);
}

/** {@link replayResolution} for a task of an archive, by the archive's own documents. */
export async function replayArchivedResolution(source: ArchiveSource, taskId: Hex): Promise<Verdict> {
  return await judged(async () => {
    const manifest = readManifest(await readOrStop("manifest", source.manifest));
    const { registries } = await readDocuments(source, manifest);
    const item = await findItem(source, manifest.parts, taskId);
    return shaped("item", "an item", () => {
      if (item === undefined) throw new Unreadable(`the archive holds no task ${taskId}`);
      const { envelope, resolution, assignment } = item;
      same("taskId", taskId, idOf("scs.task", jcs(envelope)));
      const registry = registries.get(envelope.semanticVersion);
      if (registry === undefined) throw new Unreadable(`the archive holds no registry ${envelope.semanticVersion}`);
      const { resolutionId, bindings, fee } = assignment;
      return compareResolution(envelope, registry, { kind: "resolved", resolution, resolutionId, bindings, fee });
    });
  });
}
