// Task messages: the envelope a submitter signs, the programs it may ask for, and what the node answers.
import { Type, type Static } from "typebox";
import {
  Address,
  Amount,
  Bytes32,
  closed,
  Count,
  DomainId,
  Name,
  Seconds,
  Signature,
  Term,
  Version,
} from "./primitives.ts";

/** A value to compare with: text, an exact integer, or a decimal string for attributes of a decimal type. */
export const Comparand = Type.Union([
  Type.String({ maxLength: 256 }),
  Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
]);

/** One condition on one attribute; conditions are joined by "and". */
export const Condition = Type.Union([
  closed({
    attribute: Term,
    operator: Type.Enum(["equal", "not_equal", "less", "less_or_equal", "greater", "greater_or_equal"]),
    value: Comparand,
  }),
  closed({
    attribute: Term,
    operator: Type.Literal("one_of"),
    values: Type.Array(Comparand, { minItems: 1, maxItems: 64 }),
  }),
]);

/** What a protected query measures over the records that meet its conditions. */
export const Measure = Type.Union([
  closed({ function: Type.Literal("count") }),
  closed({ function: Type.Enum(["sum", "mean"]), attribute: Term }),
  closed({
    function: Type.Literal("histogram"),
    attribute: Term,
    bins: closed({
      origin: Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
      width: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
      count: Type.Integer({ minimum: 1, maximum: 256 }),
    }),
  }),
]);

/** A query whose answer describes groups only, never a record (LAYR-14). */
export const ProtectedQuery = closed({
  kind: Type.Literal("protected_query"),
  domain: DomainId,
  measure: Measure,
  conditions: Type.Optional(Type.Array(Condition, { maxItems: 16 })),
  groupBy: Type.Optional(Term),
  minimumGroupSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
});

/** What a task asks to be executed. */
export const Program = Type.Union([ProtectedQuery]);

/** Records a task works on: a vault's collection. */
export const Source = closed({ vault: Name, collection: Name });

export const Inputs = closed({ sources: Type.Array(Source, { minItems: 1, maxItems: 16, uniqueItems: true }) });

/** What a submitter asks for, with its whole replay tuple (LAYR-02). */
export const TaskEnvelope = closed(
  {
    schemaVersion: Version,
    semanticVersion: Version,
    policyVersion: Version,
    scope: Name,
    submitter: Address,
    program: Program,
    inputs: Inputs,
    seed: Bytes32,
    feeLimit: Amount,
    idempotencyKey: Type.String({ minLength: 1, maxLength: 128, pattern: "^[\\x21-\\x7e]+$" }),
    expiresAtSeconds: Seconds,
  },
  { $id: "task-envelope" },
);

/** The body of a submission. With a bearer token of the submitter the signature may be left out. */
export const TaskSubmission = closed(
  { envelope: TaskEnvelope, signature: Type.Optional(Signature) },
  { $id: "task-submission" },
);

export const TaskStateName = Type.Enum([
  "accepted",
  "resolving",
  "dispatched",
  "verifying",
  "awaiting_settlement",
  "completed",
  "challenged",
  "rejected",
  "timed_out",
]);

/** The answer to a submission: given only after the task is durable. */
export const TaskReceipt = closed(
  { taskId: Bytes32, state: TaskStateName, repeated: Type.Boolean() },
  { $id: "task-receipt" },
);

/** A task as anybody allowed to see it sees it. */
export const TaskView = closed(
  {
    taskId: Bytes32,
    scope: Name,
    submitter: Address,
    state: TaskStateName,
    envelope: TaskEnvelope,
    acceptedAt: Type.String(),
    epoch: Type.Union([Count, Type.Null()]),
    result: Type.Union([Type.Unknown(), Type.Null()]),
    refusal: Type.Union([
      Type.Null(),
      closed({ code: Type.String(), detail: Type.Record(Type.String(), Type.Unknown()) }),
    ]),
  },
  { $id: "task-view" },
);

/** One entry of a task's history (TASK-08). */
export const TaskTransition = closed(
  {
    from: Type.Union([TaskStateName, Type.Null()]),
    to: TaskStateName,
    by: Type.String(),
    why: Type.String(),
    at: Type.String(),
    versions: closed({ schema: Version, semantic: Version, policy: Version }),
    detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { $id: "task-transition" },
);

export type TaskEnvelope = Static<typeof TaskEnvelope>;
export type TaskSubmission = Static<typeof TaskSubmission>;
export type TaskReceipt = Static<typeof TaskReceipt>;
export type TaskView = Static<typeof TaskView>;
export type TaskTransition = Static<typeof TaskTransition>;
export type Program = Static<typeof Program>;
export type ProtectedQuery = Static<typeof ProtectedQuery>;
export type Condition = Static<typeof Condition>;
export type Measure = Static<typeof Measure>;
export type Source = Static<typeof Source>;
