// What the application layer is given: the database, the chain's names, and what other layers do for it.
import type { Logger } from "#observability/log.ts";
import type { Hex } from "#protocol/hash.ts";
import type { MessageDomain } from "#protocol/messages.ts";
import type { GovernanceAct, GovernanceReceipt } from "#protocol/schemas/governance.ts";
import type { InclusionProof } from "#protocol/schemas/settlement.ts";
import type {
  CollectionDefinition,
  Grant,
  GrantReceipt,
  RecordBatch,
  RecordBatchReceipt,
} from "#protocol/schemas/vault.ts";
import type { Database } from "#storage/database.ts";
import type { RegistryDraft } from "./messages.ts";

/** Kinds of item whose proofs are handed out. */
export type ProvenKind = "result" | "evidence" | "reward" | "payout" | "candidate" | "journal";

/** One item of a settlement: a task by its id, a reward or payout by its own; the journal has none. */
export type ProofRequest = {
  readonly scope: string;
  readonly epoch: number;
  readonly kind: ProvenKind;
  readonly id: Hex;
};

/**
 * What other layers do for a request, wired in `cli/`. Identity and authorization were checked before one is called; each
 * refuses by throwing a ProtocolError, which becomes the answer.
 */
export type Ports = {
  /** Keeps a collection's definition; again the same is no error. Another one under its name: GOVERNANCE_ACT_REFUSED. */
  readonly defineCollection: (definition: CollectionDefinition) => Promise<void>;
  /** Commits to, encrypts and keeps records, each once per recordId. */
  readonly ingest: (vault: string, collection: string, batch: RecordBatch) => Promise<RecordBatchReceipt>;
  /** Keeps a grant; again the same is no error. The signature is null where a token stood for the operator. */
  readonly grant: (grant: Grant, signature: Hex | null) => Promise<GrantReceipt>;
  /** Takes a grant back for good; again is no error. */
  readonly revokeGrant: (grantId: Hex) => Promise<void>;
  /**
   * Carries out an act of governance, or answers what became of the same one. A signature is checked there; null says that a token
   * stood for the actor.
   */
  readonly govern: (act: GovernanceAct, signature: Hex | null) => Promise<GovernanceReceipt>;
  /** An opened semantic version as it stands; undefined for one that was never opened. */
  readonly readDraft: (semanticVersion: string) => Promise<RegistryDraft | undefined>;
  /** The proof of one item: PROOF_NOT_READY before its root is anchored, SETTLEMENT_NOT_FOUND, SCHEMA_NOT_FOUND. */
  readonly proofOf: (request: ProofRequest) => Promise<InclusionProof>;
  /** An object of an archive by its digest, which its bytes have: INTERNAL_OBJECT_UNREACHABLE, INTERNAL_OBJECT_CORRUPT. */
  readonly readObject: (digest: Hex) => Promise<Uint8Array>;
  /** Everything measured, in Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  /** Returns if this process can serve; throws a ProtocolError that says why not. */
  readonly ready: () => Promise<void>;
};

/** What was observed of the layer's work; nothing branches on what becomes of it. */
export type Observation =
  | { readonly kind: "answer"; readonly route: string; readonly status: number; readonly milliseconds: number }
  | { readonly kind: "refusal"; readonly route: string; readonly code: string }
  | { readonly kind: "intake"; readonly tasks: number; readonly admitted: number };

/** Bounds that a deployment may set; the defaults are in protocol/limits.ts. */
export type ApplicationLimits = {
  readonly anonymousRequestsPerSecond: number;
  readonly intakeQueue: number;
  readonly intakeBatch: number;
  readonly intakeFlushes: number;
};

export type ApplicationDeps = {
  readonly database: Database;
  readonly clock: () => Date;
  /** Unpredictable bytes, for tokens. */
  readonly random: (size: number) => Uint8Array;
  readonly log: Logger;
  /** Where signatures count: one chain, one anchor contract. */
  readonly domain: MessageDomain;
  readonly ports: Ports;
  /** Addresses of proxies whose forwarded client address is believed; none if left out. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<ApplicationLimits>;
  readonly observe?: (observation: Observation) => void;
};
