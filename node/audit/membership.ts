// Which tasks are members of which epochs, rebuilt from the journal alone.
import type { Hex } from "#protocol/schemas/primitives.ts";
import { findingLimit, type Finding } from "./database-check.ts";

/** A journalled act; an epoch's subject is the UTF-8 bytes of its id. */
export type JournalledAct = { readonly kind: string; readonly subject: Hex; readonly body: string };

/** One turn of a task: the epoch it became a member of, and why it was left for a later one, if it was. */
export type Turn = { readonly epochId: string; readonly deferredFor: string | null };

/** What a journalled act on an epoch says of its members. */
type EpochAct = {
  readonly act: string;
  readonly tasks?: readonly Hex[];
  readonly members?: readonly { readonly taskId: Hex; readonly reason: string }[];
};

/** The turns of every task, and acts that contradict those before them. */
export type Memberships = { readonly turns: ReadonlyMap<Hex, readonly Turn[]>; readonly findings: readonly Finding[] };

const shown = (turn: Turn | undefined): string => {
  if (turn === undefined) return "no epoch";
  return turn.deferredFor === null ? turn.epochId : `${turn.epochId}, deferred: ${turn.deferredFor}`;
};

/** Rebuilds memberships from the journal (EPOC-07): a task is a member of one epoch, until it is deferred from it. */
export async function rebuildMemberships(entries: AsyncIterable<JournalledAct>): Promise<Memberships> {
  const turns = new Map<Hex, Turn[]>();
  const findings: Finding[] = [];
  for await (const { kind, subject, body } of entries) {
    if (kind !== "epoch") continue;
    const epochId = Buffer.from(subject.slice(2), "hex").toString("utf8");
    const { act, tasks = [], members = [] } = JSON.parse(body) as EpochAct;
    if (act === "assigned") {
      for (const taskId of tasks) {
        const own = turns.get(taskId) ?? [];
        const last = own.at(-1);
        if (last?.deferredFor === null) findings.push({ subject: taskId, stored: epochId, expected: last.epochId });
        turns.set(taskId, [...own, { epochId, deferredFor: null }]);
      }
    }
    if (act === "deferred") {
      for (const { taskId, reason } of members) {
        const own = turns.get(taskId) ?? [];
        const last = own.at(-1);
        if (last?.epochId !== epochId || last.deferredFor !== null) {
          findings.push({ subject: taskId, stored: `deferred from ${epochId}`, expected: shown(last) });
        }
        turns.set(taskId, [...own.slice(0, -1), { epochId, deferredFor: reason }]);
      }
    }
  }
  return { turns, findings };
}

/** A membership as it is stored; turns count from 1. */
export type StoredMember = Turn & { readonly taskId: Hex; readonly turn: number };

/** Rebuilds the membership of epochs from the journal alone and compares it with the stored one (EPOC-07). */
export async function checkMemberships(
  entries: AsyncIterable<JournalledAct>,
  members: AsyncIterable<StoredMember>,
): Promise<readonly Finding[]> {
  const { turns, findings: contradictions } = await rebuildMemberships(entries);
  const findings = [...contradictions];
  const met = new Map<Hex, number>();
  for await (const { taskId, turn, ...stored } of members) {
    const expected = turns.get(taskId)?.[turn - 1];
    met.set(taskId, (met.get(taskId) ?? 0) + 1);
    if (shown(expected) !== shown(stored)) {
      findings.push({ subject: taskId, stored: shown(stored), expected: shown(expected) });
    }
  }
  for (const [taskId, own] of turns) {
    const left = own.slice(met.get(taskId) ?? 0);
    for (const turn of left) findings.push({ subject: taskId, stored: "no epoch", expected: shown(turn) });
  }
  return findings.slice(0, findingLimit);
}

/** A member of one epoch, and why it was deferred from it. */
export type EpochMember = { readonly taskId: Hex; readonly deferredFor: string | null };

/** The members of one epoch by the journal, ascending. */
export function membersOf({ turns }: Memberships, epochId: string): readonly EpochMember[] {
  const members = [...turns].flatMap(([taskId, own]) =>
    own.filter((turn) => turn.epochId === epochId).map(({ deferredFor }): EpochMember => ({ taskId, deferredFor })),
  );
  return members.sort((a, b) => (a.taskId > b.taskId ? 1 : -1));
}
