// Ids of messages that are at hand as canonical texts: hashing a text costs a fraction of writing it again.
import { canonicalText, type Json } from "./canonical.ts";
import { sha256Hex, type Hex } from "./hash.ts";

/** What the ids of messages are tagged with; the same as in messages.ts. */
export const messageTags = {
  task: "scs.task",
  resolution: "scs.resolution",
  transcript: "scs.transcript",
  accessLog: "scs.access-log",
  bundle: "scs.bundle",
  evidence: "scs.evidence",
  decision: "scs.decision",
} as const;

/** A message's canonical text with its id. */
export type IdentifiedText = { readonly id: Hex; readonly text: string };

/** The id of a message by its canonical text: what contentId gives for the message itself. */
export function idOfText(kind: keyof typeof messageTags, text: string): Hex {
  return sha256Hex(`${messageTags[kind]}\0${text}`);
}

/** A message's canonical text and id, with the text written once. */
export function identify(kind: keyof typeof messageTags, message: Json): IdentifiedText {
  const text = canonicalText(message);
  return { id: idOfText(kind, text), text };
}

/** The canonical text behind a resolution id, put together from canonical texts: its keys are in their order. */
export function resolutionText(parts: {
  readonly bindings: string;
  readonly fee: string;
  readonly resolution: string;
}): string {
  return `{"bindings":${parts.bindings},"fee":${canonicalText(parts.fee)},"resolution":${parts.resolution}}`;
}
