// The port through which another implementation judges a candidate before its root leaves the node.
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import type {
  AdjustmentRecord,
  ArchiveManifest,
  PayoutInstruction,
  RewardRecord,
  SettlementHeader,
  SettlementSubRoots,
} from "#protocol/schemas/settlement.ts";
import type { ArchiveReader, WrittenPart } from "./archive.ts";

/** What a candidate claims of its archive. */
export type CandidateClaim = {
  readonly root: Hex;
  readonly header: SettlementHeader;
  readonly subRoots: SettlementSubRoots;
  readonly rewards: readonly RewardRecord[];
  readonly adjustments: readonly AdjustmentRecord[];
  readonly payouts: readonly PayoutInstruction[];
  readonly localCandidates: readonly LocalAttributeCandidate[];
};

/**
 * A judgement of a claim. `unknown` is what cannot be judged now, because something could not be read: it neither passes nor
 * accuses. `difference` is the first one found, with both values.
 */
export type OpinionVerdict =
  | { readonly kind: "valid"; readonly root: Hex }
  | {
      readonly kind: "invalid";
      readonly difference: { readonly field: string; readonly claimed: string; readonly recomputed: string };
    }
  | { readonly kind: "unknown"; readonly reason: string };

/** Recomputes a candidate from its archive with code of its own (SETL-06). */
export type SecondOpinion = (archive: ArchiveReader, claim: CandidateClaim) => Promise<OpinionVerdict>;

/** What the manifest of an archive that is being written is expected to say, besides its items. */
export type ExpectedManifest = Pick<
  ArchiveManifest,
  "chainId" | "anchor" | "scope" | "epoch" | "versions" | "documents"
>;

/** Told of parts as they are written, so that whoever judges the whole may begin with them. Nothing depends on it but time. */
export type PartListener = (expected: ExpectedManifest, part: WrittenPart) => void;
