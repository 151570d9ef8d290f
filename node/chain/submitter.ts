// Sends transactions so that no crash, timeout or reorganization loses or doubles one: persisted first, reconciled always.
import { parseTransaction, type TransactionSerializedEIP1559 } from "viem";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { readAgreed, readEach, type ChainClient } from "./client.ts";
import { estimateGas, simulate, type ContractCall } from "./contract-call.ts";
import { initialFees, type GasFees } from "./gas-fees.ts";
import { liveTransactionLimit, nonceRaceRetries } from "./limits.ts";
import { observe, readAccount, type AccountView } from "./observation.ts";
import { signChecked, type Signer } from "./signer.ts";
import {
  decideSubmission,
  type SubmissionPolicy,
  type SubmissionState,
  type WaitReason,
} from "./submission-decision.ts";
import type { Attempt, TransactionJournal, TransactionOutcome, TransactionRecord } from "./transaction-journal.ts";

/** What sending needs. */
export type Submitter = {
  readonly chain: ChainClient;
  readonly signer: Signer;
  readonly journal: TransactionJournal;
  readonly policy: SubmissionPolicy & {
    /** Most gas one transaction may reserve. */
    readonly gasLimitCeiling: bigint;
  };
  readonly nowSeconds: () => number;
};

/** Something to be carried out at most once, however often it is asked for. */
export type Intent = {
  /** Names the intent for ever. After `superseded` or a revert, another try is another intent with another key. */
  readonly key: string;
  readonly call: ContractCall;
};

/** How a stored transaction stands. */
export type Progress = {
  readonly intentKey: string;
  readonly nonce: number;
  readonly newestHash: Hex;
  readonly attempts: number;
  /** Null while live. */
  readonly outcome: TransactionOutcome | null;
  /** What a live transaction waits for; `sent` right after a broadcast. Null once it has an outcome. */
  readonly waits: WaitReason | "sent" | null;
  /** What endpoints said when they did not take it, or why nothing is known. For people; nothing is decided by it. */
  readonly remarks: readonly string[];
};

/** What became of asking for an intent. Everything but `tracked` consumed nothing: no nonce, no fee, no record. */
export type Submission =
  | { readonly kind: "tracked"; readonly progress: Progress }
  /** The call would revert now; `data` is the contract's reason. */
  | { readonly kind: "refused"; readonly data: Hex }
  /** Not now: the limit that stands in the way. */
  | { readonly kind: "deferred"; readonly limit: "fee-ceiling" | "gas-ceiling" | "funds" | "live-transactions" }
  /** The key belongs to another call, or to another account's transaction. Never carried out. */
  | { readonly kind: "conflict" };

const rawOf = (attempt: Attempt): TransactionSerializedEIP1559 => attempt.raw as TransactionSerializedEIP1559;
const newestOf = (record: TransactionRecord): Attempt => record.attempts.at(-1) ?? record.attempts[0];

function stateOf(record: TransactionRecord): SubmissionState {
  const newest = newestOf(record);
  const { maxFeePerGas = 0n, maxPriorityFeePerGas = 0n } = parseTransaction(rawOf(newest));
  return {
    attempts: record.attempts.length,
    newestHash: newest.hash,
    newestSignedAtSeconds: newest.signedAtSeconds,
    newestFees: { maxFeePerGas, maxPriorityFeePerGas },
    outcome: record.outcome,
  };
}

function carriesCall(record: TransactionRecord, submitter: Submitter, call: ContractCall): boolean {
  const { to, data = "0x", value = 0n } = parseTransaction(rawOf(record.attempts[0]));
  const same = (to?.toLowerCase() ?? null) === call.to && data === call.data && value === call.value;
  return same && record.chainId === submitter.chain.chainId && record.sender === submitter.signer.address;
}

function progressOf(record: TransactionRecord, waits: Progress["waits"], remarks: readonly string[] = []): Progress {
  const { intentKey, nonce, outcome, attempts } = record;
  return { intentKey, nonce, newestHash: newestOf(record).hash, attempts: attempts.length, outcome, waits, remarks };
}

/**
 * Carries out an intent, or goes on with it if it is known: simulates, takes a nonce, signs, stores, then sends. The
 * answer of an endpoint to the sending is not believed either way; see {@link advance}. Throws
 * SETTLEMENT_CHAIN_UNREACHABLE or SETTLEMENT_CHAIN_DISAGREES before anything is stored (retry), and what the journal or
 * the signer throw.
 */
export async function submit(submitter: Submitter, intent: Intent): Promise<Submission> {
  const { journal } = submitter;
  for (let tries = 0; tries < nonceRaceRetries; tries++) {
    const known = await journal.find(intent.key);
    if (known !== undefined) {
      if (!carriesCall(known, submitter, intent.call)) return { kind: "conflict" };
      return { kind: "tracked", progress: await advance(submitter, known) };
    }
    const prepared = await prepare(submitter, intent);
    if ("kind" in prepared) return prepared;
    if (await journal.insert(prepared.record)) {
      return { kind: "tracked", progress: await advance(submitter, prepared.record, prepared.view) };
    }
    // Somebody stored this intent, or took this nonce, meanwhile: look again.
  }
  return { kind: "deferred", limit: "live-transactions" };
}

type Prepared = { readonly record: TransactionRecord; readonly view: AccountView };

/** Everything up to the signature; nothing is stored yet. */
async function prepare(
  submitter: Submitter,
  intent: Intent,
): Promise<Prepared | Exclude<Submission, { kind: "tracked" }>> {
  const { chain, signer, journal, policy } = submitter;
  const { call } = intent;
  const view = await readAccount(chain, signer.address);
  const stored = await journal.load(chain.chainId, signer.address, view.nextNonce);
  if (stored.filter((record) => record.outcome === null).length >= liveTransactionLimit) {
    return { kind: "deferred", limit: "live-transactions" };
  }
  const balance = await readAgreed(chain, (client) =>
    client.getBalance({ address: signer.address, blockHash: view.head.hash }),
  );
  if (balance < call.value) return { kind: "deferred", limit: "funds" };
  const simulation = await simulate(chain, signer.address, call, view.head);
  if (simulation.kind === "reverts") return { kind: "refused", data: simulation.data };
  const fees = initialFees(view.market, policy.ceiling);
  if (fees === undefined) return { kind: "deferred", limit: "fee-ceiling" };
  const estimate = await estimateGas(chain, signer.address, call, view.head);
  if (estimate === 0n) return { kind: "refused", data: "0x" };
  // A quarter more: state may change between estimate and block, and unused gas is given back.
  const gas = (estimate * 5n) / 4n;
  if (gas > policy.gasLimitCeiling) return { kind: "deferred", limit: "gas-ceiling" };
  if (balance < call.value + gas * fees.maxFeePerGas) return { kind: "deferred", limit: "funds" };

  const taken = new Set(stored.map((record) => record.nonce));
  let nonce = view.nextNonce;
  while (taken.has(nonce)) nonce += 1;
  const attempt = await signAttempt(submitter, { call, nonce, gas, fees });
  const record: TransactionRecord = {
    intentKey: intent.key,
    chainId: chain.chainId,
    sender: signer.address,
    nonce,
    sinceBlock: view.head.number,
    attempts: [attempt],
    outcome: null,
  };
  return { record, view };
}

type Unsigned = { readonly call: ContractCall; readonly nonce: number; readonly gas: bigint; readonly fees: GasFees };

async function signAttempt({ chain, signer, nowSeconds }: Submitter, unsigned: Unsigned): Promise<Attempt> {
  const { call, nonce, gas, fees } = unsigned;
  const signed = await signChecked(signer, { type: "eip1559", chainId: chain.chainId, nonce, gas, ...fees, ...call });
  return { ...signed, signedAtSeconds: nowSeconds() };
}

async function broadcast(chain: ChainClient, attempt: Attempt): Promise<readonly string[]> {
  const answers = await readEach(chain, (client) =>
    client.sendRawTransaction({ serializedTransaction: rawOf(attempt) }),
  );
  const reasons = answers.flatMap((answer) => (answer.kind === "none" ? [answer.reason] : []));
  // An endpoint that already heard of it from another one has nothing to say.
  return reasons.filter((reason) => !/known transaction|already known|already imported/i.test(reason));
}

/** Signs, stores and sends a replacement with the same nonce and the same call. */
async function replace(submitter: Submitter, record: TransactionRecord, fees: GasFees): Promise<Progress> {
  if (record.sender !== submitter.signer.address) return progressOf(record, "stuck");
  const { to, data = "0x", value = 0n, gas = 0n } = parseTransaction(rawOf(record.attempts[0]));
  const call: ContractCall = { to: to ?? null, data, value };
  const attempt = await signAttempt(submitter, { call, nonce: record.nonce, gas, fees });
  const stored = await submitter.journal.addAttempt(record.intentKey, record.attempts.length, attempt);
  // Another process is at the same record; its attempt stands, this one was never sent.
  if (!stored) return progressOf(record, "pooled");
  const remarks = await broadcast(submitter.chain, attempt);
  return progressOf({ ...record, attempts: [...record.attempts, attempt] }, "sent", remarks);
}

/**
 * One step for one stored transaction: observe, decide, act. Safe to repeat at any time and from any state, also for one
 * that is settled (a reorganization may have undone it).
 */
export async function advance(submitter: Submitter, record: TransactionRecord, known?: AccountView): Promise<Progress> {
  const { chain, journal, policy } = submitter;
  const view = known ?? (await readAccountOrReason(chain, record.sender));
  const observation =
    typeof view === "string"
      ? ({ kind: "unknown", reason: view } as const)
      : await observe(chain, record, view, submitter.nowSeconds());
  const action = decideSubmission(stateOf(record), observation, policy);
  switch (action.kind) {
    case "wait":
      return progressOf(
        record,
        record.outcome === null ? action.why : null,
        action.detail === undefined ? [] : [action.detail],
      );
    case "keep":
      return progressOf(record, null);
    case "settle":
      await journal.setOutcome(record.intentKey, action.outcome);
      return progressOf({ ...record, outcome: action.outcome }, null);
    case "reopen": {
      await journal.setOutcome(record.intentKey, null);
      const reopened = { ...record, outcome: null };
      return progressOf(reopened, "sent", await broadcast(chain, newestOf(reopened)));
    }
    case "rebroadcast":
      return progressOf(record, action.stuck ? "stuck" : "sent", await broadcast(chain, newestOf(record)));
    case "replace":
      return replace(submitter, record, action.fees);
  }
}

async function readAccountOrReason(chain: ChainClient, sender: Hex): Promise<AccountView | string> {
  try {
    return await readAccount(chain, sender);
  } catch (error) {
    if (error instanceof ProtocolError && error.retry) return error.code;
    throw error;
  }
}

/**
 * One step for every transaction of the account that is live, and for every settled one whose nonce is free again. To be
 * called when the process starts, before anything new is submitted, and then regularly. In order of nonce.
 */
export async function advanceAll(submitter: Submitter): Promise<readonly Progress[]> {
  const { chain, signer, journal } = submitter;
  const view = await readAccount(chain, signer.address);
  const progress: Progress[] = [];
  for (const record of await journal.load(chain.chainId, signer.address, view.nextNonce)) {
    progress.push(await advance(submitter, record, view));
  }
  return progress;
}
