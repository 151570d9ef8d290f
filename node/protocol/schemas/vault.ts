// Messages of vaults: collections, records, grants; and of actors and budgets.
import { Type, type Static } from "typebox";
import { Address, Amount, AttributeId, Bytes32, closed, Count, Name, Seconds, Signature } from "./primitives.ts";

export const ActorRole = Type.Enum([
  "data_producer",
  "task_submitter",
  "vault_operator",
  "executor",
  "verifier",
  "challenger",
  "governance",
  "treasury",
  "auditor",
]);

/** Registers an address for roles (OPER-08). */
export const ActorRegistration = closed(
  { address: Address, roles: Type.Array(ActorRole, { minItems: 1, maxItems: 9 }) },
  { $id: "actor-registration" },
);

/** Adds to a submitter's budget. `reference` makes it idempotent. */
export const BudgetDeposit = closed(
  { account: Address, amount: Amount, reference: Type.String({ minLength: 1, maxLength: 128 }) },
  { $id: "budget-deposit" },
);

export const BudgetView = closed({ account: Address, available: Amount, reserved: Amount }, { $id: "budget-view" });

/** A collection of a vault: which canonical attribute each field of its records stands for. */
export const CollectionDefinition = closed(
  {
    vault: Name,
    collection: Name,
    operator: Address,
    fields: Type.Record(Type.String({ pattern: "^[A-Za-z0-9_.-]{1,64}$" }), AttributeId),
    /**
     * The scope whose epochs the vault's pool of local attributes is counted in. Without it nothing of the pool is ever
     * aggregated (ATTR-09, ATTR-12).
     */
    aggregationScope: Type.Optional(Name),
  },
  { $id: "collection-definition" },
);

/** A record as it is committed to: flat fields of text, exact integers, or null. Decimals are strings. */
export const CanonicalRecord = Type.Record(
  Type.String({ pattern: "^[A-Za-z0-9_.-]{1,64}$" }),
  Type.Union([
    Type.String({ maxLength: 4096 }),
    Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
    Type.Null(),
  ]),
);

/** A batch of records for one collection; each is kept once per recordId. */
export const RecordBatch = closed(
  {
    producer: Address,
    records: Type.Array(
      closed({ recordId: Type.String({ pattern: "^[\\x21-\\x7e]{1,128}$" }), record: CanonicalRecord }),
      { minItems: 1, maxItems: 5000 },
    ),
  },
  { $id: "record-batch" },
);

export const RecordBatchReceipt = closed(
  { added: Count, repeated: Count, size: Count, digest: Bytes32, commitments: Type.Array(Bytes32) },
  { $id: "record-batch-receipt" },
);

/** A vault's consent: who may have which kinds of program run over a collection, until when (LAYR-11). */
export const Grant = closed({
  vault: Name,
  collection: Name,
  grantee: Address,
  programs: Type.Array(Type.Enum(["protected_query"]), { minItems: 1 }),
  untilSeconds: Seconds,
  nonce: Type.String({ minLength: 1, maxLength: 64 }),
});

/** A grant signed by the vault's operator. */
export const GrantSubmission = closed(
  { grant: Grant, signature: Type.Optional(Signature) },
  { $id: "grant-submission" },
);

export const GrantReceipt = closed({ grantId: Bytes32 }, { $id: "grant-receipt" });

export type ActorRole = Static<typeof ActorRole>;
export type ActorRegistration = Static<typeof ActorRegistration>;
export type BudgetDeposit = Static<typeof BudgetDeposit>;
export type BudgetView = Static<typeof BudgetView>;
export type CollectionDefinition = Static<typeof CollectionDefinition>;
export type CanonicalRecord = Static<typeof CanonicalRecord>;
export type RecordBatch = Static<typeof RecordBatch>;
export type RecordBatchReceipt = Static<typeof RecordBatchReceipt>;
export type Grant = Static<typeof Grant>;
export type GrantSubmission = Static<typeof GrantSubmission>;
export type GrantReceipt = Static<typeof GrantReceipt>;
