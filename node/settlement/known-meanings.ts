// What programs mean under a registry: many tasks of an epoch ask the same, so each meaning is worked out once.
import { canonicalText } from "#protocol/canonical.ts";
import { resolve, type RegistryIndex } from "#protocol/resolution.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";

/** Meanings kept for one registry: a few kilobytes each. */
const meaningsKept = 1_000;

/** Canonical texts of resolutions by who asks what; null where it resolves to nothing. They go with their registry. */
const known = new WeakMap<RegistryIndex, Map<string, string | null>>();

/** The canonical text of what an envelope's program resolves to; undefined where it is refused. */
export function meaningIn(
  registry: RegistryIndex,
  envelope: Pick<TaskEnvelope, "program" | "submitter" | "scope">,
): string | undefined {
  const { program, submitter, scope } = envelope;
  const meanings = known.get(registry) ?? new Map<string, string | null>();
  known.set(registry, meanings);
  // Programs that are written in another order are other keys, with the same meaning.
  const key = JSON.stringify([program, submitter, scope]);
  let meaning = meanings.get(key);
  if (meaning === undefined) {
    const resolved = resolve(program, registry, envelope);
    meaning = resolved.kind === "resolved" ? canonicalText(resolved.result) : null;
    if (meanings.size >= meaningsKept) meanings.clear();
    meanings.set(key, meaning);
  }
  return meaning ?? undefined;
}
