// Histories of tasks: their canonical moves hold no time, and folding them gives the state they end in.
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalMove, foldHistory } from "#protocol/histories.ts";
import { allows, taskLifecycle, type TaskState } from "#protocol/lifecycles.ts";

type Moves = readonly { readonly from: TaskState | null; readonly to: TaskState }[];

/** A walk along the published table, from admission, as far as the choices lead. */
function walk(choices: readonly number[]): Moves {
  const moves: { from: TaskState | null; to: TaskState }[] = [{ from: null, to: "accepted" }];
  for (const choice of choices) {
    const from = moves.at(-1)?.to ?? "accepted";
    const next = taskLifecycle.transitions.filter((each) => each.from === from);
    const to = next[choice % Math.max(1, next.length)]?.to;
    if (to === undefined) return moves;
    moves.push({ from, to });
  }
  return moves;
}

const histories = fc.array(fc.nat(7), { maxLength: 12 }).map(walk);

test("folding a history gives the state of its last move [TASK-08]", () => {
  fc.assert(
    fc.property(histories, (moves) => {
      expect(foldHistory(moves)).toBe(moves.at(-1)?.to);
      expect(moves.every(({ from, to }) => from === null || allows(taskLifecycle, from, to))).toBe(true);
    }),
  );
  expect(foldHistory([])).toBeUndefined();
});

test("a history with a move left out, doubled or exchanged folds to nothing, unless it is another history [TASK-08]", () => {
  fc.assert(
    fc.property(
      histories.filter((moves) => moves.length > 2),
      fc.nat(),
      (moves, seed) => {
        const at = 1 + (seed % (moves.length - 2));
        const without = [...moves.slice(0, at), ...moves.slice(at + 1)];
        const isChain = without.every(({ from }, index) => from === (without[index - 1]?.to ?? null));
        expect(foldHistory(without)).toBe(isChain ? moves.at(-1)?.to : undefined);
        const doubled = [...moves.slice(0, at + 1), ...moves.slice(at)];
        expect(foldHistory(doubled)).toBeUndefined();
      },
    ),
  );
});

test("a canonical move is the same text everywhere: keys in order, no time, no process", () => {
  const move = {
    from: "verifying",
    to: "awaiting_settlement",
    by: "verification",
    why: "enough verifiers accepted",
  } as const;
  expect(canonicalMove("0xab", 4, move)).toBe(
    '{"by":"verification","from":"verifying","step":4,"taskId":"0xab","to":"awaiting_settlement","why":"enough verifiers accepted"}',
  );
  const more = { ...move, at: new Date(0), holder: "process-1" };
  expect(canonicalMove("0xab", 4, more)).toBe(canonicalMove("0xab", 4, move));
});
