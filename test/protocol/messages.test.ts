// Messages: what actors sign is what any EIP-712 wallet would sign, and one place's signature counts nowhere else.
import { hashTypedData, type TypedDataDefinition } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { bytesToHex } from "#protocol/hash.ts";
import {
  bundleDigest,
  decisionDigest,
  envelopeDigest,
  envelopeMessage,
  grantDigest,
  loginDigest,
  taskEnvelopeType,
  taskIdOf,
  type MessageDomain,
} from "#protocol/messages.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import { recover } from "#protocol/signature.ts";

const account = privateKeyToAccount(`0x${"17".repeat(32)}`);
const domain: MessageDomain = { chainId: 31337n, anchor: `0x${"ab".repeat(20)}` };
const word = (digit: string): Hex => `0x${digit.repeat(64)}`;

const envelope: TaskEnvelope = {
  schemaVersion: "1.0",
  semanticVersion: "2026.1",
  policyVersion: "1",
  scope: "main",
  submitter: account.address.toLowerCase() as Hex,
  program: { kind: "protected_query", domain: "culture.film", measure: { function: "count" } },
  inputs: { sources: [{ vault: "film-archive", collection: "films" }] },
  seed: word("5"),
  feeLimit: "2000",
  idempotencyKey: "first",
  expiresAtSeconds: 1_800_000_000,
};

const typedData = (of: MessageDomain): TypedDataDefinition => ({
  domain: { name: "Symphony SCS", version: "1", chainId: of.chainId, verifyingContract: of.anchor },
  types: { TaskEnvelope: taskEnvelopeType.fields as { name: string; type: string }[] },
  primaryType: "TaskEnvelope",
  message: envelopeMessage(envelope),
});

test("an envelope's digest is the one viem computes, and a wallet's signature recovers to its account [LAYR-02]", async () => {
  const digest = envelopeDigest(domain, envelope);
  expect(bytesToHex(digest)).toBe(hashTypedData(typedData(domain)));
  expect(recover(digest, await account.signTypedData(typedData(domain)))).toBe(envelope.submitter);
});

test("chain, contract and every part of the envelope are signed", () => {
  const digest = bytesToHex(envelopeDigest(domain, envelope));
  const changes: Partial<TaskEnvelope>[] = [
    { scope: "other" },
    { schemaVersion: "1.1" },
    { semanticVersion: "2026.2" },
    { policyVersion: "2" },
    { submitter: `0x${"01".repeat(20)}` },
    {
      program: {
        kind: "protected_query",
        domain: "culture.film",
        measure: { function: "count" },
        minimumGroupSize: 50,
      },
    },
    { inputs: { sources: [{ vault: "film-archive", collection: "series" }] } },
    { seed: word("6") },
    { feeLimit: "2001" },
    { idempotencyKey: "second" },
    { expiresAtSeconds: 1_800_000_001 },
  ];
  expect(new Set(changes.flatMap((change) => Object.keys(change)))).toEqual(new Set(Object.keys(envelope)));
  for (const change of changes) {
    expect(bytesToHex(envelopeDigest(domain, { ...envelope, ...change }))).not.toBe(digest);
    expect(taskIdOf({ ...envelope, ...change })).not.toBe(taskIdOf(envelope));
  }
  expect(bytesToHex(envelopeDigest({ ...domain, chainId: 1n }, envelope))).not.toBe(digest);
  expect(bytesToHex(envelopeDigest({ ...domain, anchor: `0x${"cd".repeat(20)}` }, envelope))).not.toBe(digest);
});

test("each kind of message has a digest of its own", () => {
  const digests = [
    bundleDigest(domain, word("1"), word("2")),
    decisionDigest(domain, { taskId: word("1"), bundleId: word("2"), decisionId: word("3"), verdict: "accepted" }),
    decisionDigest(domain, { taskId: word("1"), bundleId: word("2"), decisionId: word("3"), verdict: "rejected" }),
    grantDigest(domain, {
      vault: "v",
      collection: "c",
      grantee: envelope.submitter,
      programs: ["protected_query"],
      untilSeconds: 1,
      nonce: "1",
    }),
    loginDigest(domain, envelope.submitter, 1),
  ].map(bytesToHex);
  expect(new Set(digests).size).toBe(digests.length);
});
