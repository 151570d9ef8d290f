// Histories of tasks: each is checked once for all tasks that went the same way.
import type { ArchivedItem } from "#protocol/schemas/settlement.ts";
import { jcs } from "./digests.ts";
import { same } from "./disproof.ts";

/** Histories found to hold, with the task's id taken out: most tasks of an epoch go the same way. */
export type KnownHistories = Set<string>;

type Told = Pick<ArchivedItem, "taskId" | "history">;
type Move = { readonly taskId: string; readonly step: number; readonly from: string | null; readonly to: string };

/** Stands for a task's id; canonical texts hold no control characters, so that no other text becomes the same. */
const idMark = "\u0001";
const historiesKept = 1_000;

/**
 * A task's moves join, begin with admission, and lead through verification to where it waits for settlement. A history that is
 * another's but for the task's id holds as that one does.
 * @throws Disproof at the first difference; its field begins with `place`
 */
export function checkHistory(histories: KnownHistories, item: Told, place: string): void {
  const { taskId, history } = item;
  const text = history.join("\n");
  // With the number of moves, so that a line feed inside one is not taken for the end of one.
  const known = `${history.length} ${text.replaceAll(taskId, idMark)}`;
  const isText = history.every((move) => typeof move === "string");
  if (isText && histories.has(known) && !text.includes(idMark)) return;
  checkMoves(item, place);
  if (histories.size >= historiesKept) histories.clear();
  histories.add(known);
}

function checkMoves({ taskId, history }: Told, place: string): void {
  let state: string | null = null;
  let verified = false;
  for (const [at, text] of history.entries()) {
    const move = JSON.parse(text) as Move;
    const here = `${place}.history[${at}]`;
    same(here, text, jcs(move));
    same(`${here}.taskId`, move.taskId, taskId);
    same(`${here}.step`, move.step, at);
    same(`${here}.from`, move.from, state);
    verified ||= move.from === "verifying" && move.to === "awaiting_settlement";
    state = move.to;
  }
  same(`${place}.history ends in`, state, "awaiting_settlement");
  same(`${place}.history leads through verification`, verified, true);
}
