// `scs explain`: why a task, a reward or an epoch is as it is, from journal, ledger and archive.
import { Argument, type Command } from "commander";
import { explainEpoch } from "#application/explanations/epoch.ts";
import { openRewards } from "#application/explanations/reward.ts";
import { explainTask } from "#application/explanations/task.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import type { EpochExplanation, RewardExplanation, TaskExplanation } from "#protocol/schemas/explanation.ts";
import { openArchive } from "#settlement/archive.ts";
import { findReward } from "#storage/explanations.ts";
import { jsonText, type Output } from "../output.ts";
import { define, group, type Invocation } from "./command.ts";
import { openObjects } from "./objects.ts";
import { withDatabase } from "./operator-database.ts";
import { epochArgument, parseHash, scopeArgument, taskArgument } from "./options.ts";
import { transitionHeadings, transitionRow } from "./transitions.ts";

/** Rows of a list that people are shown; --json has more. */
const shownRows = 50;

/** A table of the first rows, and how many more there are. */
function showSome(output: Output, headings: readonly string[], rows: readonly (readonly string[])[], count: number) {
  if (rows.length === 0) return;
  output.table(headings, rows.slice(0, shownRows));
  const more = count - Math.min(rows.length, shownRows);
  if (more > 0) output.say(`and ${more} more`);
}

function showResolution(output: Output, resolution: NonNullable<TaskExplanation["resolution"]>): void {
  const { outcome, domain, semanticVersion, steps } = resolution;
  output.say(`${outcome} ${domain === null ? "" : `in ${domain} `}under ${semanticVersion}:`);
  output.table(
    ["step", "term", "outcome", "kept", "refused"],
    steps.map((step) => [
      step.step,
      step.term ?? "",
      step.outcome,
      step.kept.join("\n"),
      step.refused.map(({ candidate, reason }) => `${candidate}: ${reason}`).join("\n"),
    ]),
  );
}

function showTask(output: Output, explained: TaskExplanation): void {
  const { taskId, state, settlement, execution, epochs } = explained;
  const epoch = epochs.at(-1)?.epoch;
  output.say(`${taskId} is ${state}, ${epoch === undefined ? "in no epoch yet" : `in epoch ${epoch}`}`);
  output.table(transitionHeadings, explained.transitions.map(transitionRow));
  if (explained.resolution !== null) showResolution(output, explained.resolution);
  showSome(
    output,
    ["vault", "collection", "records", "grant"],
    explained.sources.map(({ vault, collection, records, grantId }) => [vault, collection, String(records), grantId]),
    explained.sources.length,
  );
  const named = (what: string, id: Hex | null): string => (id === null ? "" : `, ${what} ${id}`);
  if (execution !== null) output.say(`executed by ${execution.executor}${named("bundle", execution.bundleId)}`);
  for (const { verifier, verdict, decisionId } of explained.decisions) {
    output.say(`${verdict} by ${verifier}${named("decision", decisionId)}`);
  }
  for (const { epoch: left, deferredFor } of epochs) {
    if (deferredFor !== null) output.say(`left by epoch ${left} for a later one: ${deferredFor}`);
  }
  if (settlement !== null) {
    output.say(
      `in epoch ${settlement.epoch}, revision ${settlement.revision}: ${settlement.state}, ${settlement.root}`,
    );
  }
  for (const { challengeId, state: standing, reviews } of explained.challenges) {
    output.say(`challenge ${challengeId} is ${standing}`);
    for (const { round, verdict, finding } of reviews) output.say(`  round ${round}: ${verdict}, ${finding}`);
  }
}

async function taskCommand(invocation: Invocation<readonly [Hex], object>): Promise<void> {
  const { args, output, configuration } = invocation;
  const [taskId] = args;
  const explained = await withDatabase(configuration(), "reader", (database) => explainTask(database, taskId));
  if (explained === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND", { taskId });
  output.answer(explained, () => showTask(output, explained));
}

function showReward(output: Output, explained: RewardExplanation): void {
  const { record, state, revision, fees, subsidy, policyVersion, shareBasisPoints, taskCount, tasks } = explained;
  const { scope, epoch, role, account, amount, basis } = record;
  output.say(`${amount} to ${account} as ${role} of ${scope}/${epoch}, revision ${revision}: ${state}`);
  output.table(
    ["", "base units", "why"],
    [
      ["fees", fees, "of the epoch's settled tasks"],
      ["subsidy", subsidy, `policy ${policyVersion}`],
      ["pot", basis.pot, "fees and subsidy"],
      [`${role} part`, basis.rolePool, `${shareBasisPoints} of 10000 by policy, and what roles without units leave`],
      ["this reward", amount, `${basis.units} of ${basis.totalUnits} metered units`],
    ],
  );
  showSome(
    output,
    ["task", "units", "fee"],
    tasks.map(({ taskId, units, fee }) => [taskId, units, fee]),
    taskCount,
  );
  for (const adjustment of explained.adjustments) {
    const { challengeId, remaining } = adjustment;
    const direction = adjustment.account === account ? "taken from" : "given to";
    output.say(`${adjustment.amount} ${direction} the account for challenge ${challengeId}; ${remaining} still owed`);
  }
}

async function rewardCommand(invocation: Invocation<readonly [Hex], object>): Promise<void> {
  const { args, output, configuration } = invocation;
  const [rewardId] = args;
  const settings = configuration();
  const explained = await withDatabase(settings, "reader", async (database) => {
    const found = await findReward(database, rewardId);
    if (found === undefined) throw new ProtocolError("REWARD_NOT_FOUND", { rewardId });
    const store = await openObjects(settings);
    return await openRewards((digest) => openArchive(store, digest).part(digest))(database, found);
  });
  output.answer(explained, () => showReward(output, explained));
}

function showEpoch(output: Output, explained: EpochExplanation): void {
  const { epoch, closedBecause, memberCount, deferred, deferredCount, acts, revisions } = explained;
  const why = closedBecause === null ? "" : `, closed because ${closedBecause}`;
  output.say(`${epoch.epochId} is ${epoch.status} with ${memberCount} tasks${why}`);
  output.say(`semantic ${epoch.semanticVersionSet.join(", ")}; policy ${epoch.policyVersionSet.join(", ")}`);
  showSome(
    output,
    ["left for a later epoch", "why"],
    deferred.map(({ taskId, reason }) => [taskId, reason]),
    deferredCount,
  );
  output.table(
    ["at", "about", "act", "by", "what"],
    acts.map(({ at, about, act, by, facts }) => [at, about, act, by, jsonText(facts)]),
  );
  output.table(
    ["revision", "state", "root", "failure"],
    revisions.map(({ revision, state, root, failure }) => [String(revision), state, root ?? "", failure ?? ""]),
  );
  const sent = revisions.flatMap(({ revision, transactions }) =>
    transactions.map(({ act, hash, gasUsed }) => [String(revision), act, hash, gasUsed ?? ""]),
  );
  showSome(output, ["revision", "transaction", "hash", "gas"], sent, sent.length);
}

async function epochCommand(invocation: Invocation<readonly [string, number], object>): Promise<void> {
  const { args, output, configuration } = invocation;
  const [scope, epoch] = args;
  const explained = await withDatabase(configuration(), "reader", (database) => explainEpoch(database, scope, epoch));
  if (explained === undefined) throw new ProtocolError("SETTLEMENT_NOT_FOUND", { scope, epoch });
  output.answer(explained, () => showEpoch(output, explained));
}

export function register(program: Command): void {
  const explain = group(program, "explain", "Say why something is as it is, from journal, ledger and archive.");
  define<readonly [Hex]>(explain, {
    name: "task",
    summary:
      "Every transition of a task, its resolution with refused candidates, its inputs, decisions and challenges.",
    example: `scs explain task 0x${"ab".repeat(32)}`,
    arguments: [taskArgument()],
    run: taskCommand,
  });
  define<readonly [Hex]>(explain, {
    name: "reward",
    summary:
      "A reward, back to the pot, the policy's shares, the metered units and the tasks; and what penalties took.",
    example: `scs explain reward 0x${"ab".repeat(32)}`,
    arguments: [new Argument("<reward-id>", "id of a reward").argParser(parseHash)],
    run: rewardCommand,
  });
  define<readonly [string, number]>(explain, {
    name: "epoch",
    summary: "Why an epoch opened, closed, left tasks for later, and was settled as it was.",
    example: "scs explain epoch main 1",
    arguments: [scopeArgument(), epochArgument()],
    run: epochCommand,
  });
}
