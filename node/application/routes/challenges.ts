// Challenges: opening and reopening them, reading them, and reading what can be challenged.
import { Type } from "typebox";
import { ProtocolError } from "#protocol/errors.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { challengeDigest, challengeEvidenceHashOf, challengeReopeningDigest } from "#protocol/messages.ts";
import {
  CandidateItem,
  ChallengeReceipt,
  ChallengeReopening,
  ChallengeStateName,
  ChallengeSubmission,
  ChallengeView,
} from "#protocol/schemas/challenge.ts";
import { Bytes32, closed, Name } from "#protocol/schemas/primitives.ts";
import { listCandidateItems, readCandidateItem } from "#storage/candidate-items.ts";
import { openChallenge, readStatement, reopenChallenge } from "#storage/challenge-openings.ts";
import { anchorWordOn } from "#storage/challenge-standing.ts";
import { listChallenges, readChallenge, readChallengeEvidence } from "#storage/challenge-views.ts";
import type { Context } from "../context.ts";
import { refuseSignature, requireActing, requireRole } from "../identity.ts";
import { CandidateItemPage, ChallengeEvidenceList, ChallengePage } from "../messages.ts";
import { countAfter, pageQuery, pageRequest } from "../paging.ts";
import { route, type Answer, type Route } from "../route.ts";
import { challengeShownTo } from "../shown-commitments.ts";
import type { Caller } from "../scopes.ts";

const params = closed({ id: Bytes32 });
const EpochNumber = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

/** An envelope, its resolution and a binding for each source: far below this. */
const evidenceLimitBytes = 1024 * 1024;

/** Codes by which anybody who signs may be refused. */
const signing = ["AUTH_SIGNATURE_MALFORMED", "AUTH_SIGNATURE_INVALID", "AUTH_ACTOR_UNKNOWN", "AUTH_ROLE"] as const;

/** What the challenger signed, or null where a token of it stands for that. A signature that is there has to be right. */
function authenticate(
  caller: Caller,
  challenger: Hex,
  signed: { readonly digest: Uint8Array; readonly signature: string | undefined },
): Uint8Array | null {
  const { digest, signature } = signed;
  if (caller.kind === "token" || signature === undefined) requireActing(caller, challenger, "challenge:write");
  if (signature === undefined) return null;
  const refusal = refuseSignature(digest, signature, challenger);
  if (refusal !== undefined) throw new ProtocolError(refusal.code, refusal.detail);
  return hexToBytes(signature);
}

/** Where a challenge comes from: from the chain where its bond lies there already, else from this surface. */
async function originOf({ database }: Context, { challenge }: ChallengeSubmission): Promise<"api" | "chain"> {
  const { candidate, evidenceHash, challenger } = challenge;
  const word = candidate === null ? undefined : await anchorWordOn(database, { ...candidate, evidenceHash });
  if (candidate === null || word?.kind !== "challenged" || word.root !== candidate.root) return "api";
  if (word.challenger === challenger) return "chain";
  const reason = "the anchor holds a challenge of another account with this evidence";
  throw new ProtocolError("VERIFY_CHALLENGE_REFUSED", { reason });
}

async function open(context: Context, caller: Caller, submission: ChallengeSubmission): Promise<Answer> {
  const { challenge: statement, evidence } = submission;
  const digest = challengeDigest(context.domain, statement);
  const signature = authenticate(caller, statement.challenger, { digest, signature: submission.signature });
  const origin = await originOf(context, submission);
  // Whoever has a bond on the anchor needs nobody's leave.
  if (origin === "api") await requireRole(context.lookups, statement.challenger, "challenger");
  const opened = await context.database.transaction((transaction) =>
    openChallenge(transaction, { statement, evidence, signature, origin }, context.clock()),
  );
  if ("code" in opened) throw new ProtocolError(opened.code, opened.detail);
  return { status: opened.repeated ? 200 : 201, body: opened };
}

const openRoute = route({
  method: "POST",
  path: "/v1/challenges",
  operationId: "openChallenge",
  tag: "challenges",
  summary: "Open a challenge",
  description:
    "Attacks a task's verification and the live candidate that holds the task. Signed as EIP-712 typed data by a registered " +
    "challenger, or sent with a token of it that has the scope `challenge:write`; whoever challenged the candidate on the anchor " +
    "with the same evidence hash needs no role. The task is challenged at once and the candidate does not finalize meanwhile. The same " +
    "statement again answers with the first challenge.",
  access: { kind: "signed" },
  bodyLimitBytes: evidenceLimitBytes,
  body: ChallengeSubmission,
  successes: {
    201: { description: "The challenge is open.", schema: ChallengeReceipt },
    200: { description: "Opened before.", schema: ChallengeReceipt },
  },
  refusals: [...signing, "VERIFY_CHALLENGE_REFUSED", "VERIFY_EVIDENCE_INVALID"],
  handle: async (context, { caller, body }) => await open(context, caller, body),
});

const reopenRoute = route({
  method: "POST",
  path: "/v1/challenges/:id/reopen",
  operationId: "reopenChallenge",
  tag: "challenges",
  summary: "Reopen a challenge",
  description:
    "Brings new evidence against a challenge that was closed without a penalty. Signed by its challenger, or sent with a token of it " +
    "that has the scope `challenge:write`. Evidence that was reviewed before is refused.",
  access: { kind: "signed" },
  bodyLimitBytes: evidenceLimitBytes,
  params,
  body: ChallengeReopening,
  successes: { 200: { description: "The challenge is open again.", schema: ChallengeReceipt } },
  refusals: [
    ...signing,
    "VERIFY_CHALLENGE_NOT_FOUND",
    "VERIFY_CHALLENGE_REFUSED",
    "VERIFY_EVIDENCE_INVALID",
    "VERIFY_EVIDENCE_KNOWN",
  ],
  handle: async ({ database, domain, clock, lookups }, { params: { id }, caller, body }) => {
    const { evidence, signature } = body;
    // Who is nobody learns nothing.
    if (caller.kind === "anonymous" && signature === undefined) throw new ProtocolError("AUTH_REQUIRED");
    const known = await readStatement(database, id);
    if (known === undefined) throw new ProtocolError("VERIFY_CHALLENGE_NOT_FOUND");
    const { statement, origin } = known;
    const digest = challengeReopeningDigest(domain, id, challengeEvidenceHashOf(evidence));
    const signed = authenticate(caller, statement.challenger, { digest, signature });
    if (origin === "api") await requireRole(lookups, statement.challenger, "challenger");
    const request = { challengeId: id, statement, evidence, signature: signed };
    const refusal = await database.transaction((transaction) => reopenChallenge(transaction, request, clock()));
    if (refusal !== undefined) throw new ProtocolError(refusal.code, refusal.detail);
    return { status: 200, body: { challengeId: id, repeated: false } };
  },
});

const getRoute = route({
  method: "GET",
  path: "/v1/challenges/:id",
  operationId: "getChallenge",
  tag: "challenges",
  summary: "Read a challenge",
  description:
    "What it attacks, where it stands, its reviews, its history and its penalties. Public; the reviewers' commitments to the result " +
    "are shown to challengers (`challenge:write`) and auditors (`audit:read`) only.",
  access: { kind: "public" },
  params,
  successes: { 200: { description: "The challenge.", schema: ChallengeView } },
  refusals: ["VERIFY_CHALLENGE_NOT_FOUND"],
  handle: async ({ database }, { params: { id }, caller }) => {
    const view = await readChallenge(database, id);
    if (view === undefined) throw new ProtocolError("VERIFY_CHALLENGE_NOT_FOUND");
    return { status: 200, body: challengeShownTo(caller, view) };
  },
});

const listRoute = route({
  method: "GET",
  path: "/v1/challenges",
  operationId: "listChallenges",
  tag: "challenges",
  summary: "List challenges",
  description: "Challenges in the order in which they were opened: of a task, of an epoch, in a state, or all. Public.",
  access: { kind: "public" },
  query: closed({
    task: Type.Optional(Bytes32),
    scope: Type.Optional(Name),
    epoch: Type.Optional(EpochNumber),
    state: Type.Optional(ChallengeStateName),
    ...pageQuery(countAfter),
  }),
  successes: { 200: { description: "A page of challenges.", schema: ChallengePage } },
  refusals: [],
  handle: async ({ database }, { query, caller }) => {
    const { items, next } = await listChallenges(database, query, pageRequest(query));
    return { status: 200, body: { items: items.map((view) => challengeShownTo(caller, view)), next } };
  },
});

const evidenceRoute = route({
  method: "GET",
  path: "/v1/challenges/:id/evidence",
  operationId: "getChallengeEvidence",
  tag: "challenges",
  summary: "Read a challenge's evidence",
  description:
    "The evidence of every round, oldest first: enough to replay the review. For challengers (`challenge:write`) and auditors " +
    "(`audit:read`).",
  access: { kind: "token", scopes: ["challenge:write", "audit:read"] },
  params,
  successes: { 200: { description: "The evidence.", schema: ChallengeEvidenceList } },
  refusals: ["VERIFY_CHALLENGE_NOT_FOUND"],
  handle: async ({ database }, { params: { id } }) => {
    const rounds = await readChallengeEvidence(database, id);
    if (rounds.length === 0) throw new ProtocolError("VERIFY_CHALLENGE_NOT_FOUND");
    return { status: 200, body: { challengeId: id, rounds } };
  },
});

const itemsRoute = route({
  method: "GET",
  path: "/v1/settlements/:scope/:epoch/items",
  operationId: "listCandidateItems",
  tag: "challenges",
  summary: "List what can be challenged",
  description:
    "The tasks of the epoch's live candidate in the order of its leaves; none before there is one and after it is final. For " +
    "challengers (`challenge:write`) and auditors (`audit:read`).",
  access: { kind: "token", scopes: ["challenge:write", "audit:read"] },
  params: closed({ scope: Name, epoch: EpochNumber }),
  query: closed(pageQuery(countAfter)),
  successes: { 200: { description: "A page of tasks.", schema: CandidateItemPage } },
  refusals: [],
  handle: async ({ database }, { params: epoch, query }) => ({
    status: 200,
    body: await listCandidateItems(database, epoch, pageRequest(query)),
  }),
});

const itemRoute = route({
  method: "GET",
  path: "/v1/tasks/:id/candidate",
  operationId: "getCandidateItem",
  tag: "challenges",
  summary: "Read what a live candidate holds of a task",
  description:
    "Envelope, resolution, assignment, bundle and decisions, with their signatures: what a challenge of the task has to answer to. There " +
    "while a candidate that can be challenged holds the task. For challengers (`challenge:write`) and auditors (`audit:read`).",
  access: { kind: "token", scopes: ["challenge:write", "audit:read"] },
  params,
  successes: { 200: { description: "The artifacts.", schema: CandidateItem } },
  refusals: [],
  handle: async ({ database }, { params: { id } }) => {
    const item = await readCandidateItem(database, id);
    if (item === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    return { status: 200, body: item };
  },
});

export const challengeRoutes: readonly Route[] = [
  openRoute,
  listRoute,
  getRoute,
  reopenRoute,
  evidenceRoute,
  itemsRoute,
  itemRoute,
];
