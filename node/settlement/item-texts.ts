// The stored texts of a task: whether they are the canonical bytes that their ids commit to, and what they say.
import { canonicalText, type Json } from "#protocol/canonical.ts";
import { commitment, contentId, sha256Hex } from "#protocol/hash.ts";
import type {
  AccessLog,
  ExecutionAssignment,
  ExecutionResultBundle,
  SemanticResolutionResult,
  Snapshot,
  Transcript,
  VerificationDecision,
} from "#protocol/schemas/execution.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import type { StoredItem } from "#storage/settlement-items.ts";

/** The tags of the ids that stored texts are checked against; the same as in protocol/messages.ts, by test. */
export const textTags = {
  envelope: "scs.task",
  bundle: "scs.bundle",
  transcript: "scs.transcript",
  accessLog: "scs.access-log",
  decision: "scs.decision",
  evidence: "scs.evidence",
  resolution: "scs.resolution",
} as const;

/**
 * The canonical text with this id, or undefined when the stored text has another. A text that was stored canonical, as all
 * are, is hashed as it is: parsing and writing it again would cost more than all else.
 */
export function canonicalUnder(tag: string, text: string, id: Hex): string | undefined {
  if (sha256Hex(`${tag}\0${text}`) === id) return text;
  const value = parseJson(text);
  return value !== undefined && contentId(tag, value) === id ? canonicalText(value) : undefined;
}

/** {@link canonicalUnder} for a commitment without a tag. */
export function canonicalCommitted(text: string, id: Hex): string | undefined {
  if (sha256Hex(text) === id) return text;
  const value = parseJson(text);
  return value !== undefined && commitment(value) === id ? canonicalText(value) : undefined;
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** What the stored texts of a task say. */
export type ParsedItem = {
  readonly stored: StoredItem;
  readonly resultTexts: NonNullable<StoredItem["result"]>;
  readonly resolutionText: string;
  readonly envelope: TaskEnvelope;
  readonly assignment: ExecutionAssignment;
  readonly resolution: SemanticResolutionResult;
  readonly resolutionId: Hex;
  readonly bundle: ExecutionResultBundle;
  readonly transcript: Transcript;
  readonly accessLog: AccessLog;
  /** The accepting ones, ascending by verifier. */
  readonly decisions: readonly {
    readonly stored: StoredItem["decisions"][number];
    readonly decision: VerificationDecision;
  }[];
};

type Unknown<T> = { readonly [name in keyof T]?: unknown };

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

function isSnapshot(value: unknown): value is Snapshot {
  if (!isObject(value)) return false;
  const { vault, collection, size }: Unknown<Snapshot> = value;
  return typeof vault === "string" && typeof collection === "string" && Number.isSafeInteger(size);
}

/** Whether an assignment has what is read of it before its id is compared; all other texts are held against theirs unread. */
function isAssignment(value: unknown): value is ExecutionAssignment {
  if (!isObject(value)) return false;
  const { bindings, fee }: Unknown<ExecutionAssignment> = value;
  const isBinding = (each: unknown): boolean =>
    isObject(each) && isSnapshot((each as Unknown<ExecutionAssignment["bindings"][number]>).snapshot);
  return typeof fee === "string" && Array.isArray(bindings) && bindings.every(isBinding);
}

/** Reads the texts of a stored task; undefined when one is missing, is no JSON, or is an assignment of nothing. */
export function parseItem(stored: StoredItem): ParsedItem | undefined {
  if (stored.assignment === null || stored.result === null) return undefined;
  const { assignment, result } = stored;
  const accepting = stored.decisions.filter(({ verdict }) => verdict === "accepted");
  try {
    const body: unknown = JSON.parse(assignment.body);
    if (!isAssignment(body)) return undefined;
    return {
      stored,
      resultTexts: result,
      resolutionText: assignment.resolution,
      envelope: JSON.parse(stored.envelope) as TaskEnvelope,
      assignment: body,
      resolution: JSON.parse(assignment.resolution) as SemanticResolutionResult,
      resolutionId: assignment.resolutionId,
      bundle: JSON.parse(result.bundle) as ExecutionResultBundle,
      transcript: JSON.parse(result.transcript) as Transcript,
      accessLog: JSON.parse(result.accessLog) as AccessLog,
      decisions: accepting.map((each) => ({
        stored: each,
        decision: JSON.parse(each.body) as VerificationDecision,
      })),
    };
  } catch {
    return undefined;
  }
}
