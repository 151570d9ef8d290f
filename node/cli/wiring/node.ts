// A node process: the layers of its roles, wired to each other, to the database and to the chain. The only place they meet.
import { randomBytes, randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { openApplication } from "#application/server.ts";
import type { Observation, Ports } from "#application/ports.ts";
import { deadlineStep } from "#coordination/deadlines.ts";
import { handoffStep } from "#coordination/handoff.ts";
import { startLoop, type Loop, type Step } from "#coordination/loop.ts";
import { decideRetry } from "#coordination/retry.ts";
import { defineCollection } from "#data/collections.ts";
import { giveGrant, revokeGrant } from "#data/grants.ts";
import { ingest } from "#data/ingest.ts";
import { openCollections } from "#data/open-collections.ts";
import { PlaintextCache } from "#data/plaintext-cache.ts";
import { executeStep } from "#execution/execute-step.ts";
import { openHealth } from "#observability/health.ts";
import type { Logger } from "#observability/log.ts";
import { openMetrics, type Metrics } from "#observability/metrics.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { sign } from "#protocol/signature.ts";
import { carryOut } from "#semantic/govern.ts";
import { readDraft } from "#semantic/registry-draft.ts";
import { resolveStep } from "#semantic/resolve-step.ts";
import { anchorFollowerStep } from "#settlement/anchor-follower.ts";

import { anchoringStep, readAnchorView } from "#settlement/anchoring.ts";
import { challengeVerdictStep } from "#settlement/challenge-verdicts.ts";
import { openArchive } from "#settlement/archive.ts";
import { epochStep } from "#settlement/epoch-step.ts";
import { payoutPostingStep } from "#settlement/payout-postings.ts";
import { openProofs, proofOf } from "#settlement/proofs.ts";
import { publishingStep } from "#settlement/publishing.ts";
import { sealingStep } from "#settlement/sealing.ts";
import { settlementStep } from "#settlement/settlement-step.ts";
import type { StepDeps } from "#settlement/step.ts";
import type { Database } from "#storage/database.ts";
import { requireForwardTransactionIds } from "#storage/journal.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { openDocuments } from "#storage/registry.ts";
import { reviewStep } from "#verification/review-step.ts";
import { verifyStep } from "#verification/verify-step.ts";
import type { Configuration } from "../config/schema.ts";
import type { ActorKey } from "../keys.ts";
import { submitterFor, type ChainAccess } from "./chain.ts";
import { giveBackDuties } from "./duties.ts";
import { publishTo } from "./events.ts";
import { governanceOrders } from "./governance.ts";
import type { NodeKeys } from "./keys.ts";
import { secondOpinionOver } from "./second-opinion.ts";

/** What a node process is made of. */
export type NodeParts = {
  readonly configuration: Configuration;
  readonly database: Database;
  readonly store: ObjectStore;
  /** The folder behind the store. */
  readonly objects: string;
  readonly chain: ChainAccess;
  readonly keys: NodeKeys;
  readonly log: Logger;
};

/** A running node process. `url` is where the REST API listens, if it does. */
export type RunningNode = { readonly url: string | null; readonly stop: () => Promise<void> };

const random = (size: number): Uint8Array => randomBytes(size);
const clock = (): Date => new Date();

/** Starts the roles that the configuration names; a process may have all of them or one (OPER-02). */
export async function startNode(parts: NodeParts): Promise<RunningNode> {
  const { configuration, database, log } = parts;
  await requireForwardTransactionIds(database);
  const metrics = openMetrics();
  const holder = randomUUID();
  const roles = new Set(configuration.SCS_ROLES);
  const steps: Step[] = [];
  if (roles.has("worker")) steps.push(...workerSteps(parts, metrics, holder));
  if (roles.has("settler")) steps.push(...settlerSteps(parts, holder));
  const loop: Loop = startLoop({ steps, log, metrics, clock, maximumRunning: steps.length });
  let edge: FastifyInstance | undefined;
  const stop = async () => {
    await edge?.close();
    await loop.stop();
    await giveBackDuties(parts, "work", holder);
    await metrics.close();
  };
  try {
    if (roles.has("edge")) edge = await openEdge(parts, metrics, loop);
    const url = (await edge?.listen({ host: configuration.SCS_API_HOST, port: configuration.SCS_API_PORT })) ?? null;
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const signerOf = ({ address, privateKey }: ActorKey) => ({
  address,
  sign: (digest: Uint8Array) => sign(digest, privateKey),
});

function workerSteps({ database, chain, keys, log }: NodeParts, metrics: Metrics, holder: string): readonly Step[] {
  const documents = openDocuments();
  const { domain } = chain;
  const cache = new PlaintextCache({ database, masterKey: keys.master, metrics });
  const open: Parameters<typeof openCollections>[0] = { database, clock, metrics, cache };
  const worker = { database, clock, log, metrics, documents, holder, domain, decideRetry };
  return [
    deadlineStep({ database, clock, metrics }),
    handoffStep({ database, clock, metrics, documents }),
    resolveStep({ database, clock, log, metrics, documents }),
    executeStep({
      ...worker,
      executor: signerOf(keys.executor),
      openCollections: (accesses, reader) => openCollections(open, accesses, reader),
    }),
    verifyStep({
      ...worker,
      verifiers: keys.verifiers.map(signerOf),
      openCollections: (accesses, reader) => openCollections(open, accesses, reader),
    }),
    reviewStep({
      ...worker,
      verifiers: keys.verifiers.map(signerOf),
      openCollections: (accesses, reader) => openCollections(open, accesses, reader),
    }),
  ];
}

function settlerSteps(
  { configuration, database, store, objects, chain, keys, log }: NodeParts,
  holder: string,
): readonly Step[] {
  const pollSeconds = configuration.SCS_CHAIN_POLL_MS / 1000;
  const deps: StepDeps = { database, clock, log, holder, scopes: configuration.SCS_SCOPES, place: chain.domain };
  const { anchor, confirmations, deploymentBlock } = chain;
  const { privateKey } = keys.proposer;
  const submitter = submitterFor(configuration, chain, { database, schema: "work", privateKey, clock });
  const readAnchor = (scope: string, epoch: number) => readAnchorView(anchor, { scope, epoch }, confirmations);
  return [
    epochStep({ ...deps, noise: random }),
    settlementStep({ ...deps, ...secondOpinionOver(objects), store, readAnchor, pollSeconds }),
    publishingStep({ ...deps, store, publish: publishTo(store) }),
    anchoringStep({ ...deps, anchor, submitter, pollSeconds }),
    anchorFollowerStep({ ...deps, anchor, deploymentBlock, confirmations }),
    challengeVerdictStep(deps),
    payoutPostingStep(deps),
    sealingStep(deps),
  ];
}

function record(metrics: Metrics, observation: Observation): void {
  switch (observation.kind) {
    case "answer": {
      const { route, status, milliseconds } = observation;
      metrics.observe("scs_request_seconds", milliseconds / 1000, { route, status: String(status) });
      return;
    }
    case "refusal":
      metrics.count("scs_refusals_total", 1, { code: observation.code });
      return;
    case "intake":
      metrics.count("scs_intake_tasks_total", observation.admitted, { outcome: "admitted" });
      metrics.count("scs_intake_tasks_total", observation.tasks - observation.admitted, { outcome: "other" });
  }
}

async function openEdge({ database, store, chain, keys, log }: NodeParts, metrics: Metrics, loop: Loop) {
  const { domain } = chain;
  const vault = { database, clock, random, masterKey: keys.master, domain };
  const proofs = openProofs(database, domain);
  const health = openHealth();
  health.add("database", async () => void (await database.query("SELECT 1")));
  const ports: Ports = {
    defineCollection: (definition) => defineCollection(vault, definition),
    ingest: (name, collection, batch) => ingest(vault, name, collection, batch),
    grant: (grant, signature) => giveGrant(vault, grant, signature),
    revokeGrant: (grantId) => revokeGrant(vault, grantId),
    govern: (act, signature) => carryOut({ database, clock, domain, orders: governanceOrders }, act, signature),
    readDraft: (semanticVersion) => readDraft(database, semanticVersion),
    proofOf: (request) => proofOf(proofs, request),
    readObject: (digest) => openArchive(store, digest).part(digest),
    metrics: () => metrics.text(),
    ready: async () => {
      const failed = (await health.ask()).find(({ holds }) => !holds);
      if (failed) throw new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE", { check: failed.name });
    },
  };
  return await openApplication({
    database,
    clock,
    random,
    log,
    domain,
    ports,
    observe: (observation) => {
      record(metrics, observation);
      if (observation.kind === "intake") loop.wake("handoff");
    },
  });
}
