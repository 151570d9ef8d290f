// Messages that only the REST surface has: pages of lists, standing of a task, sessions.
import { Type, type Static, type TSchema } from "typebox";
import { Address, Bytes32, closed, Count, Name, Seconds, Signature } from "#protocol/schemas/primitives.ts";
import { EpochView, PayoutView, RewardView, SettlementView } from "#protocol/schemas/settlement.ts";
import { TaskStateName, TaskTransition } from "#protocol/schemas/task.ts";

/** A page of a list; `next` goes into `after` of the next request and is null on the last page. */
const pageOf = (id: string, item: TSchema, maxItems: number) =>
  closed({ items: Type.Array(item, { maxItems }), next: Type.Union([Type.String(), Type.Null()]) }, { $id: id });

/** Rows in a page unless fewer are asked for. */
export const defaultPageRows = 100;
/** Most rows in a page of the REST surface: an answer stays below a megabyte. */
export const mostPageRows = 500;

/** Where a task stands, without what is in it: what anybody may see who knows its id. */
export const TaskStanding = closed(
  { taskId: Bytes32, scope: Name, state: TaskStateName, epoch: Type.Union([Count, Type.Null()]) },
  { $id: "task-standing" },
);

export const TaskPage = pageOf("task-page", TaskStanding, mostPageRows);
export const EpochPage = pageOf("epoch-page", EpochView, mostPageRows);
export const RewardPage = pageOf("reward-page", RewardView, mostPageRows);
export const PayoutPage = pageOf("payout-page", PayoutView, mostPageRows);

/** Every transition of a task, in order (TASK-08). */
export const TaskHistory = closed(
  { taskId: Bytes32, transitions: Type.Array(TaskTransition) },
  { $id: "task-history" },
);

/** Every revision of an epoch's settlement, the first one first. */
export const SettlementRevisions = closed(
  { scope: Name, epoch: Count, revisions: Type.Array(SettlementView, { minItems: 1 }) },
  { $id: "settlement-revisions" },
);

/** A signed login: the EIP-712 message `Login(address account,uint64 expiresAtSeconds)`; it opens one session. */
export const SessionRequest = closed(
  { account: Address, expiresAtSeconds: Seconds, signature: Signature },
  { $id: "session-request" },
);

/** A short-lived bearer token for reading the account's own things. */
export const Session = closed(
  { token: Type.String(), scopes: Type.Array(Type.String()), expiresAtSeconds: Seconds },
  { $id: "session" },
);

/** The answer of a health probe. */
export const Health = closed({ status: Type.Literal("ok") }, { $id: "health" });

export type SessionRequest = Static<typeof SessionRequest>;
