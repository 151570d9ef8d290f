// Messages that only the REST surface has: pages of lists, standing of a task, sessions.
import { Type, type Static, type TSchema } from "typebox";
import { ChallengeEvidence, ChallengeView } from "#protocol/schemas/challenge.ts";
import { GovernanceActView } from "#protocol/schemas/governance.ts";
import { LocalAttributeCandidate, LocalAttributeEntry } from "#protocol/schemas/local-attribute.ts";
import { Address, Bytes32, closed, Count, Name, Seconds, Signature, Version } from "#protocol/schemas/primitives.ts";
import { Registry } from "#protocol/schemas/registry.ts";
import {
  AdjustmentView,
  EpochView,
  PayoutView,
  RewardView,
  SettlementStateName,
  SettlementView,
} from "#protocol/schemas/settlement.ts";
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
/** What an account earned, and what was taken from it or given to it by adjustments. */
export const RewardPage = pageOf("reward-page", Type.Union([RewardView, AdjustmentView]), mostPageRows);
export const PayoutPage = pageOf("payout-page", PayoutView, mostPageRows);

/** A page of a collection's own pool. */
export const LocalPoolPage = pageOf("local-pool-page", LocalAttributeEntry, mostPageRows);

/** A candidate for an attribute, and the settlement whose root commits to it (ATTR-10). */
export const LocalCandidateView = closed(
  { candidate: LocalAttributeCandidate, revision: Count, settlement: SettlementStateName },
  { $id: "local-candidate-view" },
);

export const LocalCandidatePage = pageOf("local-candidate-page", LocalCandidateView, mostPageRows);

/** A page of the history of governance. */
export const GovernancePage = pageOf("governance-page", GovernanceActView, mostPageRows);

/** A semantic version in a list: published with its digest, or open with the version it began as. */
export const RegistryVersion = closed(
  {
    semanticVersion: Version,
    base: Type.Union([Version, Type.Null()]),
    digest: Type.Union([Bytes32, Type.Null()]),
    /** When it was published, or opened. */
    at: Type.String(),
  },
  { $id: "registry-version" },
);

export const RegistryVersionPage = pageOf("registry-version-page", RegistryVersion, mostPageRows);

/** An opened semantic version: what it began as, what the acts so far make of it and how many they are, and what is left to mend. */
export const RegistryDraft = closed(
  { base: Version, registry: Registry, faults: Type.Array(Type.String()), acts: Count },
  { $id: "registry-draft" },
);

export const ChallengePage = pageOf("challenge-page", ChallengeView, mostPageRows);
export const CandidateItemPage = pageOf("candidate-item-page", closed({ taskId: Bytes32 }), mostPageRows);

/** The evidence of every round of a challenge, oldest first. */
export const ChallengeEvidenceList = closed(
  {
    challengeId: Bytes32,
    rounds: Type.Array(closed({ round: Count, evidenceHash: Bytes32, evidence: ChallengeEvidence })),
  },
  { $id: "challenge-evidence-list" },
);

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

export type RegistryDraft = Static<typeof RegistryDraft>;
export type SessionRequest = Static<typeof SessionRequest>;
