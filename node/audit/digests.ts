// Ids, leaves and what actors sign as the published rules say, written a second time with other tools.
import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import { encodeAbiParameters, keccak256, stringToBytes } from "viem";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import { keccak256 as ownKeccak } from "./keccak.ts";

/** Nesting that is followed to see whether members are in order; what is deeper is left to the library. */
const depthFollowed = 32;

/** Whether the members of all objects in a value are in canonical order already, and all its numbers are such as JSON has. */
function isOrdered(value: unknown, depth = 0): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  if (depth > depthFollowed) return false;
  if (Array.isArray(value)) return value.every((each) => isOrdered(each, depth + 1));
  let before = "";
  for (const name in value) {
    if (name < before || !isOrdered((value as Record<string, unknown>)[name], depth + 1)) return false;
    before = name;
  }
  return true;
}

/**
 * The RFC 8785 text of a value. Where members are in order already, that is what the language itself writes, but for
 * surrogates that stand alone: they are left to the library, which refuses them.
 */
export function jcs(value: unknown): string {
  if (isOrdered(value)) {
    const own = JSON.stringify(value) as string | undefined;
    if (own !== undefined && !own.includes("\\ud")) return own;
  }
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("not a JSON value");
  return text;
}

/** SHA-256 of text or bytes, as 0x and hexadecimal. */
export function sha(data: string | Uint8Array): Hex {
  return `0x${hash("sha256", data, "hex")}`;
}

/** SHA-256(tag ‖ 0x00 ‖ canonical text). */
export function idOf(tag: string, text: string): Hex {
  return sha(`${tag}\u0000${text}`);
}

/** Keccak-256 of bytes. */
export function keccak(bytes: Uint8Array): Uint8Array {
  return ownKeccak(bytes);
}

/** Bytes as 0x and hexadecimal. */
export function hexOf(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

/** Bytes of 0x and hexadecimal. */
export function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.slice(2), "hex");
}

/** Where an epoch's leaves count. */
export type Place = {
  readonly chainId: number;
  readonly anchor: Hex;
  readonly scope: string;
  readonly epoch: number;
};

/** keccak256 of a scope's name. */
export function scopeIdOf(scope: string): Hex {
  return keccak256(stringToBytes(scope));
}

/** The word that separates leaves of one kind, chain, contract, scope and epoch from all others. */
export function domainOf(kind: string, { chainId, anchor, scope, epoch }: Place): Buffer {
  const tag = keccak256(stringToBytes(`symphony.settlement.${kind}.v1`));
  const types = ["bytes32", "uint256", "address", "bytes32", "uint64"].map((type) => ({ type }));
  const encoded = encodeAbiParameters(types, [tag, BigInt(chainId), anchor, scopeIdOf(scope), BigInt(epoch)]);
  return bytesOf(keccak256(encoded));
}

/** A number as the digits of a 32-byte word. */
export function word(value: bigint | number): string {
  return BigInt(value).toString(16).padStart(64, "0");
}

/** A hash or an address as the digits of a 32-byte word. */
export function hexWord(hex: string): string {
  return hex.slice(2).padStart(64, "0");
}

/** A leaf: the domain and the fields' words, hashed twice. */
export function leafOf(domain: Buffer, words: readonly string[]): Buffer {
  return ownKeccak(ownKeccak(Buffer.from(domain.toString("hex") + words.join(""), "hex")));
}

/** Hashes of texts already seen: but for idempotency keys they are few. */
const textHashes = new Map<string, string>();
const textHashesKept = 1_000;

function typeOf(text: string): string {
  const known = textHashes.get(text);
  if (known !== undefined) return known;
  const fresh = keccak256(stringToBytes(text)).slice(2);
  if (textHashes.size >= textHashesKept) textHashes.clear();
  textHashes.set(text, fresh);
  return fresh;
}

/** The hash of a text that hardly comes twice. */
const onceOf = (text: string): string => ownKeccak(Buffer.from(text, "utf8")).toString("hex");

const domainType = typeOf("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
const envelopeType = typeOf(
  "TaskEnvelope(address submitter,string scope,string schemaVersion,string semanticVersion,string policyVersion," +
    "bytes32 program,bytes32 inputs,bytes32 seed,uint256 feeLimit,string idempotencyKey,uint64 expiresAtSeconds)",
);
const bundleType = typeOf("ResultBundle(bytes32 taskId,bytes32 bundleId)");
const decisionType = typeOf("VerificationDecision(bytes32 taskId,bytes32 bundleId,bytes32 decisionId,string verdict)");

const hashWords = (words: readonly string[]): Uint8Array => ownKeccak(Buffer.from(words.join(""), "hex"));

/** The EIP-712 domain of a chain and its anchor. */
export function signingDomain({ chainId, anchor }: Pick<Place, "chainId" | "anchor">): Uint8Array {
  return hashWords([domainType, typeOf("Symphony SCS"), typeOf("1"), word(chainId), hexWord(anchor)]);
}

const signingPrefix = Buffer.from([0x19, 0x01]);

function typedDigest(domain: Uint8Array, words: readonly string[]): Uint8Array {
  return ownKeccak(Buffer.concat([signingPrefix, domain, hashWords(words)]));
}

/** What a submitter signs. */
export function envelopeSigned(domain: Uint8Array, envelope: TaskEnvelope): Uint8Array {
  return typedDigest(domain, [
    envelopeType,
    hexWord(envelope.submitter),
    typeOf(envelope.scope),
    typeOf(envelope.schemaVersion),
    typeOf(envelope.semanticVersion),
    typeOf(envelope.policyVersion),
    hexWord(idOf("scs.program", jcs(envelope.program))),
    hexWord(idOf("scs.inputs", jcs(envelope.inputs))),
    hexWord(envelope.seed),
    word(BigInt(envelope.feeLimit)),
    onceOf(envelope.idempotencyKey),
    word(envelope.expiresAtSeconds),
  ]);
}

/** What an executor signs. */
export function bundleSigned(domain: Uint8Array, taskId: Hex, bundleId: Hex): Uint8Array {
  return typedDigest(domain, [bundleType, hexWord(taskId), hexWord(bundleId)]);
}

/** What a verifier signs. */
export function decisionSigned(
  domain: Uint8Array,
  decision: { readonly taskId: Hex; readonly bundleId: Hex; readonly decisionId: Hex; readonly verdict: string },
): Uint8Array {
  const { taskId, bundleId, decisionId, verdict } = decision;
  return typedDigest(domain, [decisionType, hexWord(taskId), hexWord(bundleId), hexWord(decisionId), typeOf(verdict)]);
}
