// `scs explain`: why a task, a reward or an epoch is as it is, from journal, ledger and archive.
import { Argument, type Command } from "commander";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import type { ExecutionAssignment, SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import { openArchive } from "#settlement/archive.ts";
import { epochSubject, readEpoch } from "#storage/epochs.ts";
import { findReward, subjectActs, type SubjectAct } from "#storage/explanations.ts";
import { readSettlements, readTask } from "#storage/reading.ts";
import { readItems, type StoredItem } from "#storage/settlement-items.ts";
import { originOf, requireUnits } from "../documents/reward-origin.ts";
import { jsonText, type Output } from "../output.ts";
import { define, group, type Invocation } from "./command.ts";
import { openObjects } from "./objects.ts";
import { withDatabase } from "./operator-database.ts";
import { epochArgument, parseHash, scopeArgument, taskArgument } from "./options.ts";
import { transitionHeadings, transitionRow } from "./transitions.ts";

/** Tasks of a reward that are listed; --json has them all. */
const shownTasks = 50;

/** What was found out about a task. */
function explanationOf(item: StoredItem) {
  const { taskId, state, assignment, result, decisions, history } = item;
  const parsed = <T>(text: string): T => JSON.parse(text) as T;
  return {
    taskId,
    state,
    transitions: history.map(({ from, to, by, why, at, versions, detail }) => ({
      from,
      to,
      by,
      why,
      at: at.toISOString(),
      versions,
      ...(detail && { detail }),
    })),
    resolution: assignment && parsed<SemanticResolutionResult>(assignment.resolution),
    assignment: assignment && parsed<ExecutionAssignment>(assignment.body),
    bundle: result && { bundleId: result.bundleId, executor: result.executor },
    decisions: decisions.map(({ decisionId, verifier, verdict }) => ({ decisionId, verifier, verdict })),
  };
}

function showTask(output: Output, explained: ReturnType<typeof explanationOf>, epoch: number | null): void {
  output.say(`${explained.taskId} is ${explained.state}, ${epoch === null ? "in no epoch yet" : `in epoch ${epoch}`}`);
  output.table(transitionHeadings, explained.transitions.map(transitionRow));
  if (explained.resolution !== null) {
    output.say(`resolved in ${explained.resolution.domain} under ${explained.resolution.semanticVersion}:`);
    output.table(
      ["step", "term", "outcome", "kept", "refused"],
      explained.resolution.steps.map(({ step, term, outcome, kept, refused }) => [
        step,
        term ?? "",
        outcome,
        kept.join("\n"),
        refused.map(({ candidate, reason }) => `${candidate}: ${reason}`).join("\n"),
      ]),
    );
  }
  if (explained.assignment !== null) {
    output.table(
      ["vault", "collection", "records", "grant"],
      explained.assignment.bindings.map(({ snapshot, grantId }) => [
        snapshot.vault,
        snapshot.collection,
        String(snapshot.size),
        grantId,
      ]),
    );
  }
  if (explained.bundle !== null)
    output.say(`executed by ${explained.bundle.executor}, bundle ${explained.bundle.bundleId}`);
  for (const { verifier, verdict, decisionId } of explained.decisions) {
    output.say(`${verdict} by ${verifier}, decision ${decisionId}`);
  }
}

async function explainTask({
  args: [taskId],
  output,
  configuration,
}: Invocation<readonly [Hex], object>): Promise<void> {
  const { item, epoch } = await withDatabase(configuration(), "reader", async (database) => {
    const [task, [stored]] = [await readTask(database, taskId), await readItems(database, [taskId])];
    return { item: stored, epoch: task?.epoch ?? null };
  });
  if (item === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND", { taskId });
  const explained = explanationOf(item);
  output.answer({ ...explained, epoch }, () => showTask(output, explained, epoch));
}

async function explainReward({ args: [id], output, configuration }: Invocation<readonly [Hex], object>): Promise<void> {
  const settings = configuration();
  const reward = await withDatabase(settings, "reader", (database) => findReward(database, id));
  if (reward === undefined) throw new ProtocolError("REWARD_NOT_FOUND", { rewardId: id });
  const { record, revision, state, archive } = reward;
  const origin = await originOf(openArchive(await openObjects(settings), archive), record);
  requireUnits(origin, record);
  output.answer({ record, revision, state, ...origin }, () => {
    const { scope, epoch, role, account, amount, basis } = record;
    output.say(`${amount} to ${account} as ${role} of ${scope}/${epoch}, revision ${revision}: ${state}`);
    output.table(
      ["", "base units", "why"],
      [
        ["fees", String(origin.fees), "of the epoch's settled tasks"],
        ["subsidy", String(origin.subsidy), `policy ${basis.policyVersion}`],
        ["pot", basis.pot, "fees and subsidy"],
        [
          `${role} part`,
          basis.rolePool,
          `${origin.shareBasisPoints} of 10000 by policy, and what roles without units leave`,
        ],
        ["this reward", amount, `${basis.units} of ${basis.totalUnits} metered units`],
      ],
    );
    const rows = origin.tasks.slice(0, shownTasks);
    output.table(
      ["task", "units", "fee"],
      rows.map(({ taskId, units, fee }) => [taskId, String(units), String(fee)]),
    );
    const more = origin.tasks.length - rows.length;
    if (more > 0) output.say(`and ${more} more tasks; --json has them all`);
  });
}

/** An act without who did it, which has a column of its own. */
function actRow({ kind, at, body }: SubjectAct): readonly string[] {
  const { by, tasks, ...facts } = body;
  const counted = Array.isArray(tasks) ? { ...facts, tasks: tasks.length } : facts;
  return [at.toISOString(), kind, typeof by === "string" ? by : "", jsonText(counted)];
}

async function explainEpoch(invocation: Invocation<readonly [string, number], object>): Promise<void> {
  const { args, output, configuration } = invocation;
  const [scope, number] = args;
  const explained = await withDatabase(configuration(), "reader", async (database) => ({
    epoch: await readEpoch(database, scope, number),
    acts: await subjectActs(database, ["epoch", "settlement"], epochSubject(scope, number)),
    settlements: await readSettlements(database, scope, number),
  }));
  const { epoch, acts, settlements } = explained;
  if (epoch === undefined) throw new ProtocolError("SETTLEMENT_NOT_FOUND", { scope, epoch: number });
  output.answer(explained, () => {
    const why = { time: "its time was over", volume: "it was full", order: "governance ordered it" };
    const reason = epoch.trigger === null ? "" : `, closed because ${why[epoch.trigger]}`;
    output.say(`${scope}/${number} is ${epoch.status} with ${epoch.members} tasks${reason}`);
    output.table(["at", "about", "by", "what"], acts.map(actRow));
    output.table(
      ["revision", "state", "root", "failure"],
      settlements.map(({ revision, state, root, failure }) => [String(revision), state, root ?? "", failure ?? ""]),
    );
  });
}

export function register(program: Command): void {
  const explain = group(program, "explain", "Say why something is as it is, from journal, ledger and archive.");
  define<readonly [Hex]>(explain, {
    name: "task",
    summary: "Every transition of a task, its resolution with refused candidates, its inputs, execution and decisions.",
    example: `scs explain task 0x${"ab".repeat(32)}`,
    arguments: [taskArgument()],
    run: explainTask,
  });
  define<readonly [Hex]>(explain, {
    name: "reward",
    summary: "A reward, back to the pot, the policy's shares, the metered units and the tasks.",
    example: `scs explain reward 0x${"ab".repeat(32)}`,
    arguments: [new Argument("<reward-id>", "id of a reward").argParser(parseHash)],
    run: explainReward,
  });
  define<readonly [string, number]>(explain, {
    name: "epoch",
    summary: "Why an epoch opened, closed, and was settled as it was.",
    example: "scs explain epoch main 1",
    arguments: [scopeArgument(), epochArgument()],
    run: explainEpoch,
  });
}
