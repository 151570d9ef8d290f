// Epochs, settlements, and what follows from them: proofs, rewards, payouts.
import { Type } from "typebox";
import { ProtocolError } from "#protocol/errors.ts";
import { epochIdOf } from "#protocol/parameters.ts";
import { Address, Bytes32, closed, Name } from "#protocol/schemas/primitives.ts";
import { EpochView, InclusionProof } from "#protocol/schemas/settlement.ts";
import { listRewards } from "#storage/earnings.ts";
import { listEpochs, listPayouts, readSettlements, readSubmitter } from "#storage/reading.ts";
import { requireActing } from "../identity.ts";
import { EpochPage, PayoutPage, RewardPage, SettlementRevisions } from "../messages.ts";
import { epochAfter, itemAfter, pageQuery, pageRequest } from "../paging.ts";
import { route, type Route } from "../route.ts";

/** Epochs are numbered from 1. */
const EpochNumber = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const epochParams = closed({ scope: Name, epoch: EpochNumber });

const epochs = route({
  method: "GET",
  path: "/v1/epochs",
  operationId: "listEpochs",
  tag: "settlement",
  summary: "List epochs",
  description: "The epochs of one scope, or of all, in order. Public.",
  access: { kind: "public" },
  query: closed({ scope: Type.Optional(Name), ...pageQuery(epochAfter) }),
  successes: { 200: { description: "A page of epochs.", schema: EpochPage } },
  refusals: [],
  handle: async ({ database }, { query }) => ({
    status: 200,
    body: await listEpochs(database, query.scope, pageRequest(query)),
  }),
});

const epoch = route({
  method: "GET",
  path: "/v1/epochs/:scope/:epoch",
  operationId: "getEpoch",
  tag: "settlement",
  summary: "Read an epoch",
  description:
    "One epoch with its status, versions, and the sizes of its settlement, reward and aggregation scopes, which are frozen when it " +
    "closes. Public.",
  access: { kind: "public" },
  params: epochParams,
  successes: { 200: { description: "The epoch.", schema: EpochView } },
  refusals: [],
  handle: async ({ database }, { params }) => {
    const after = epochIdOf(params.scope, params.epoch - 1);
    const [found] = (await listEpochs(database, params.scope, { after, limit: 1 })).items;
    if (found?.epoch !== params.epoch) throw new ProtocolError("SCHEMA_NOT_FOUND");
    return { status: 200, body: found };
  },
});

const settlement = route({
  method: "GET",
  path: "/v1/settlements/:scope/:epoch",
  operationId: "getSettlement",
  tag: "settlement",
  summary: "Read an epoch's settlement",
  description: "Every revision with state, root, header and transactions; what failed stays readable. Public.",
  access: { kind: "public" },
  params: epochParams,
  successes: { 200: { description: "The revisions, the first one first.", schema: SettlementRevisions } },
  refusals: ["SETTLEMENT_NOT_FOUND"],
  handle: async ({ database }, { params }) => {
    const revisions = await readSettlements(database, params.scope, params.epoch);
    if (revisions.length === 0) throw new ProtocolError("SETTLEMENT_NOT_FOUND");
    return { status: 200, body: { ...params, revisions } };
  },
});

const proof = route({
  method: "GET",
  path: "/v1/proofs/:scope/:epoch/:kind/:id",
  operationId: "getProof",
  tag: "settlement",
  summary: "Read an inclusion proof",
  description:
    "The leaf of one item, its content, and the proof from it to the epoch's root. Rewards and adjustments (both of the kind " +
    "`reward`), payouts, candidates for attributes and the journal (whatever the id) are public. A task's result and " +
    "evidence, named by the task's id, are for its submitter (a token of it with `own:read`) and auditors (`audit:read`): a " +
    "commitment to an answer with few possible values would tell the answer.",
  access: { kind: "public" },
  params: closed({
    scope: Name,
    epoch: EpochNumber,
    kind: Type.Enum(["result", "evidence", "reward", "payout", "candidate", "journal"]),
    id: Bytes32,
  }),
  successes: { 200: { description: "The proof.", schema: InclusionProof } },
  refusals: ["SETTLEMENT_NOT_FOUND", "PROOF_NOT_READY", "AUTH_REQUIRED", "AUTH_ROLE"],
  handle: async ({ database, ports }, { params, caller }) => {
    if (params.kind === "result" || params.kind === "evidence") {
      const submitter = await readSubmitter(database, params.id);
      if (submitter === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
      requireActing(caller, submitter, "own:read", ["audit:read"]);
    }
    return { status: 200, body: await ports.proofOf(params) };
  },
});

const rewards = route({
  method: "GET",
  path: "/v1/rewards",
  operationId: "listRewards",
  tag: "settlement",
  summary: "List an account's rewards",
  description:
    "Why the account earned what, and which adjustments it pays or receives, in every epoch and revision, with the state of each. " +
    "Public.",
  access: { kind: "public" },
  query: closed({ account: Address, ...pageQuery(itemAfter) }),
  successes: { 200: { description: "A page of rewards.", schema: RewardPage } },
  refusals: [],
  handle: async ({ database }, { query }) => ({
    status: 200,
    body: await listRewards(database, query.account, pageRequest(query)),
  }),
});

const payouts = route({
  method: "GET",
  path: "/v1/payouts",
  operationId: "listPayouts",
  tag: "settlement",
  summary: "List an account's payouts",
  description: "What was or will be paid to the account, with the state and the transaction of each. Public.",
  access: { kind: "public" },
  query: closed({ account: Address, ...pageQuery(epochAfter) }),
  successes: { 200: { description: "A page of payouts.", schema: PayoutPage } },
  refusals: [],
  handle: async ({ database }, { query }) => ({
    status: 200,
    body: await listPayouts(database, query.account, pageRequest(query)),
  }),
});

export const settlementRoutes: readonly Route[] = [epochs, epoch, settlement, proof, rewards, payouts];
