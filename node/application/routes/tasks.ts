// Tasks: submission, standing, content, history.
import { Type } from "typebox";
import { ProtocolError } from "#protocol/errors.ts";
import { Address, Bytes32, closed } from "#protocol/schemas/primitives.ts";
import { TaskReceipt, TaskSubmission, TaskView } from "#protocol/schemas/task.ts";
import { identify } from "#protocol/text-ids.ts";
import { listTasks, readTask } from "#storage/reading.ts";
import { taskHistories } from "#storage/tasks.ts";
import { isRefusal, refusalError } from "../admission.ts";
import type { Context } from "../context.ts";
import { transitionOf } from "../explanations/task.ts";
import { actsFor, authenticateSubmission, hasScope, requireActing, requireRole } from "../identity.ts";
import { TaskHistory, TaskPage, TaskStanding } from "../messages.ts";
import { countAfter, pageQuery, pageRequest } from "../paging.ts";
import { route, type Answer, type Route } from "../route.ts";
import type { Caller } from "../scopes.ts";

const params = closed({ id: Bytes32 });

/** An envelope is a few hundred bytes; sixteen conditions of sixty-four long texts each would be far above. */
const submissionLimitBytes = 256 * 1024;

async function submit(context: Context, caller: Caller, submission: TaskSubmission): Promise<Answer> {
  const { envelope } = submission;
  const signature = authenticateSubmission(caller, submission, context.domain);
  await requireRole(context.lookups, envelope.submitter, "task_submitter");
  const { id: taskId, text: envelopeText } = identify("task", envelope);
  const outcome = await context.intake.submit({ taskId, envelope, envelopeText, signature });
  if (isRefusal(outcome)) throw refusalError(outcome, context.clock());
  return { status: outcome.repeated ? 200 : 201, body: outcome };
}

const submitTask = route({
  method: "POST",
  path: "/v1/tasks",
  operationId: "submitTask",
  tag: "tasks",
  summary: "Submit a task",
  description:
    "Admits a task for its submitter. The envelope is signed as EIP-712 typed data by the submitter, or sent with a " +
    "bearer token of the submitter that has the scope `task:submit`. The answer is given only after the task is durable. The same " +
    "envelope again answers with the first task (200, `repeated`), also after it has expired; the same idempotency key with " +
    "other content is refused.",
  access: { kind: "signed" },
  bodyLimitBytes: submissionLimitBytes,
  body: TaskSubmission,
  successes: {
    201: { description: "Admitted and durable.", schema: TaskReceipt },
    200: { description: "Admitted before: the first task.", schema: TaskReceipt },
  },
  refusals: [
    "VERSION_SCHEMA_UNKNOWN",
    "VERSION_SEMANTIC_UNKNOWN",
    "VERSION_POLICY_UNKNOWN",
    "AUTH_SIGNATURE_MALFORMED",
    "AUTH_SIGNATURE_INVALID",
    "AUTH_LIFETIME",
    "AUTH_ACTOR_UNKNOWN",
    "AUTH_ROLE",
    "POLICY_IDEMPOTENCY_CONFLICT",
    "POLICY_FEE_TOO_LOW",
    "POLICY_QUOTA_EXCEEDED",
    "POLICY_BUDGET_EXCEEDED",
    "POLICY_OVERLOADED",
  ],
  handle: async (context, { caller, body }) => await submit(context, caller, body),
});

const getTask = route({
  method: "GET",
  path: "/v1/tasks/:id",
  operationId: "getTask",
  tag: "tasks",
  summary: "Read a task",
  description:
    "Anybody who knows the id learns where the task stands. Envelope, result and refusal are shown only to the submitter " +
    "(a token of it with `own:read` or `task:submit`) and to auditors (`audit:read`). The result is there once verification accepted it.",
  access: { kind: "public" },
  params,
  successes: {
    200: {
      description: "The task, or where it stands.",
      schema: Type.Union([TaskView, TaskStanding]),
    },
  },
  refusals: [],
  handle: async ({ database }, { params: { id }, caller }) => {
    const task = await readTask(database, id);
    if (task === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    const isShown =
      hasScope(caller, "audit:read") ||
      actsFor(caller, task.submitter, "own:read") ||
      actsFor(caller, task.submitter, "task:submit");
    const { taskId, scope, state, epoch } = task;
    return { status: 200, body: isShown ? task : { taskId, scope, state, epoch } };
  },
});

const getHistory = route({
  method: "GET",
  path: "/v1/tasks/:id/history",
  operationId: "getTaskHistory",
  tag: "tasks",
  summary: "Read a task's history",
  description:
    "Every transition in order, with who caused it, why, when, and under which versions; folding it gives the state. For the " +
    "submitter (a token of it with `own:read`) and auditors (`audit:read`).",
  access: { kind: "token", scopes: ["own:read", "audit:read"] },
  params,
  successes: { 200: { description: "The history.", schema: TaskHistory } },
  refusals: [],
  handle: async ({ database }, { params: { id }, caller }) => {
    const task = await readTask(database, id);
    if (task === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    requireActing(caller, task.submitter, "own:read", ["audit:read"]);
    const history = (await taskHistories(database, [id])).get(id) ?? [];
    return { status: 200, body: { taskId: id, transitions: history.map(transitionOf) } };
  },
});

const listOwn = route({
  method: "GET",
  path: "/v1/tasks",
  operationId: "listTasks",
  tag: "tasks",
  summary: "List a submitter's tasks",
  description:
    "The tasks of the token's subject in the order of arrival (`own:read`); with `audit:read` those of the submitter that is named.",
  access: { kind: "token", scopes: ["own:read", "audit:read"] },
  query: closed({ submitter: Type.Optional(Address), ...pageQuery(countAfter) }),
  successes: { 200: { description: "A page of tasks.", schema: TaskPage } },
  refusals: [],
  handle: async ({ database }, { query, caller }) => {
    const submitter = query.submitter ?? subjectOf(caller);
    requireActing(caller, submitter, "own:read", ["audit:read"]);
    return { status: 200, body: await listTasks(database, submitter, pageRequest(query)) };
  },
});

/** The address that a token acts for. */
function subjectOf(caller: Caller): `0x${string}` {
  const subject = caller.kind === "token" ? caller.subject : "";
  if (/^0x[0-9a-f]{40}$/.test(subject)) return subject as `0x${string}`;
  throw new ProtocolError("AUTH_ROLE", { required: ["a token whose subject is an address, or `submitter`"] });
}

export const taskRoutes: readonly Route[] = [submitTask, listOwn, getTask, getHistory];
