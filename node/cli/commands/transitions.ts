// How the transitions of a task are shown: who, why, when, under which versions.
import type { TaskTransition } from "#protocol/schemas/task.ts";
import { jsonText } from "../output.ts";

export const transitionHeadings = ["from", "to", "by", "why", "at", "versions", "detail"] as const;

/** One transition as a row of a table. */
export function transitionRow(transition: TaskTransition): readonly string[] {
  const { from, to, by, why, at, versions, detail } = transition;
  const { schema, semantic, policy } = versions;
  const facts = detail === undefined ? "" : jsonText(detail);
  return [from ?? "", to, by, why, at, `schema ${schema}, semantic ${semantic}, policy ${policy}`, facts];
}
