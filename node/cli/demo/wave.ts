// One wave of the demo: a hundred tasks go in, one epoch closes by volume, is anchored, funded, and paid.
import type { Hex } from "#protocol/hash.ts";
import type { SettlementView, PayoutView } from "#protocol/schemas/settlement.ts";
import type { TaskView } from "#protocol/schemas/task.ts";
import { request } from "../api-client.ts";
import type { Progress } from "../output.ts";
import { demoRecipients } from "./actors.ts";
import { clientOf, type Setting } from "./setting.ts";
import { demoScope, envelopeOf, send, signed, submitterOf, type Accepted } from "./submissions.ts";
import type { DemoTask } from "./tasks.ts";
import { until } from "./waiting.ts";

/** Gives an epoch the money it committed to pay. */
export type Fund = (epoch: number, amount: bigint) => Promise<void>;

/** A bound on every wait of the demo: a slow machine finishes well within it. */
const patienceSeconds = 120;

/** Submissions in flight at once. */
const parallel = 16;

/** Sends tasks, the first of which is the `from`-th of the demo; some are sent twice and must be the same task. */
export async function submitAll(
  setting: Setting,
  tasks: readonly DemoTask[],
  from: number,
  progress: Progress,
): Promise<{ readonly accepted: readonly Accepted[]; readonly repeated: number }> {
  const advance = progress.start(`tasks ${from + 1}–${from + tasks.length}`, tasks.length);
  const accepted: Accepted[] = [];
  let repeated = 0;
  for (let start = 0; start < tasks.length; start += parallel) {
    const group = tasks.slice(start, start + parallel).map(async (task, offset) => {
      const at = from + start + offset;
      const submitter = submitterOf(at);
      const submission = signed(setting, envelopeOf(setting, submitter, task, at), submitter);
      const receipt = await send(setting, submission);
      if (at % 10 === 0) {
        const again = await send(setting, submission);
        if (again.taskId !== receipt.taskId || !again.repeated) throw new Error("a repeat became another task");
        repeated++;
      }
      return { taskId: receipt.taskId, submission };
    });
    accepted.push(...(await Promise.all(group)));
    advance(accepted.length);
  }
  return { accepted, repeated };
}

/** The newest revision of an epoch's settlement; undefined before there is one. */
export async function settlementOf(setting: Setting, epoch: number): Promise<SettlementView | undefined> {
  try {
    const path = `/v1/settlements/${demoScope}/${epoch}`;
    const { revisions } = await request<{ revisions: SettlementView[] }>(clientOf(setting, "auditor"), "GET", path);
    return revisions.at(-1);
  } catch {
    return undefined;
  }
}

/** Waits until an epoch is anchored, funds it, and waits until every payout is matched. Answers its finalized root. */
export async function settle(setting: Setting, epoch: number, fund: Fund, progress: Progress): Promise<Hex> {
  const states = ["collecting", "verifying_inputs", "candidate_ready", "finalizing", "finalized"];
  const reached = async () => {
    const settlement = await settlementOf(setting, epoch);
    if (settlement?.state === "failed") throw new Error(`epoch ${epoch} failed: ${settlement.failure}`);
    return settlement ? states.indexOf(settlement.state) + 1 : 0;
  };
  const advance = progress.start(`epoch ${epoch} to finality`, states.length);
  // The treasury takes money only for a candidate that stands on the chain, and from "finalizing" on it surely does.
  await until(`epoch ${epoch} has a candidate that stands`, 4, patienceSeconds, reached, advance);
  const candidate = await settlementOf(setting, epoch);
  await fund(epoch, BigInt(candidate?.header?.payoutTotal ?? "0"));
  await until(`epoch ${epoch} is finalized`, states.length, patienceSeconds, reached, advance);
  const count = candidate?.header?.payoutCount ?? 0;
  const paid = progress.start(`epoch ${epoch} payouts`, count);
  const reconciled = async () => (await payoutsOf(setting, epoch)).filter(({ state }) => state === "reconciled").length;
  await until(`payouts of epoch ${epoch} are matched`, count, patienceSeconds, reconciled, paid);
  const finalized = await settlementOf(setting, epoch);
  if (!finalized?.root) throw new Error(`epoch ${epoch} has no root`);
  return finalized.root;
}

/** The payouts of an epoch, of everybody who can have earned something. */
export async function payoutsOf(setting: Setting, epoch: number): Promise<readonly PayoutView[]> {
  const pages = await Promise.all(
    demoRecipients().map((account) =>
      request<{ items: PayoutView[] }>(clientOf(setting, "auditor"), "GET", `/v1/payouts?account=${account}`),
    ),
  );
  return pages.flatMap(({ items }) => items).filter((each) => each.scope === demoScope && each.epoch === epoch);
}

/** Waits until tasks are in one of the states; answers them. */
export async function awaitStates(
  setting: Setting,
  tasks: readonly Accepted[],
  states: readonly string[],
): Promise<readonly TaskView[]> {
  const views: TaskView[] = [];
  const done = async () => {
    for (const { taskId } of tasks.slice(views.length)) {
      const view = await request<TaskView>(clientOf(setting, "auditor"), "GET", `/v1/tasks/${taskId}`);
      if (!states.includes(view.state)) break;
      views.push(view);
    }
    return views.length;
  };
  await until(`tasks are ${states.join(" or ")}`, tasks.length, patienceSeconds, done);
  return views;
}
