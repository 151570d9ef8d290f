// Who made signatures: each by recovering its key, and many at once by one equation over their weighted sum.
import { createHash } from "node:crypto";
import secp256k1 from "secp256k1";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { bytesOf, hexOf, keccak } from "./digests.ts";

/** A signature that an account is said to have made over a digest. */
export type SignatureClaim = { readonly digest: Uint8Array; readonly signature: string; readonly account: Hex };

const order = 2n ** 256n - 432420386565659656852420866394968145599n;
const halfOrder = order / 2n;

/** A signature in its parts: r and s as numbers and as 64 bytes, and the parity of R's y. */
type Parts = { readonly r: bigint; readonly s: bigint; readonly compact: Buffer; readonly parity: number };

/** Reads r‖s‖v; undefined where nobody can have made it: another length, v other than 27 or 28, r outside the group, s in the upper half. */
function partsOf(signature: unknown): Parts | undefined {
  if (typeof signature !== "string" || !/^0x[0-9a-fA-F]{130}$/.test(signature)) return undefined;
  const bytes = bytesOf(signature);
  const parity = (bytes[64] ?? 0) - 27;
  const [r, s] = [BigInt(signature.slice(0, 66)), BigInt(`0x${signature.slice(66, 130)}`)];
  if ((parity !== 0 && parity !== 1) || r >= order || s > halfOrder) return undefined;
  return { r, s, compact: bytes.subarray(0, 64), parity };
}

/** Keys as the library writes them: 65 bytes, of which the first says so. */
type Point = Uint8Array;

/** The key behind a signature; undefined when there is none. */
function keyBehind(digest: Uint8Array, { compact, parity }: Parts): Point | undefined {
  try {
    return secp256k1.ecdsaRecover(compact, parity, digest, false);
  } catch {
    // No point fits these numbers.
    return undefined;
  }
}

/** What was learned about keys: actors are few, and a keccak for each signature costs more than remembering. */
const accounts = new Map<string, Hex>();
const keys = new Map<Hex, Point>();
const keysKept = 10_000;

function accountOf(key: Point): Hex {
  const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
  const known = accounts.get(name);
  if (known !== undefined) return known;
  const account = hexOf(keccak(key.subarray(1)).subarray(12));
  if (accounts.size >= keysKept) {
    accounts.clear();
    keys.clear();
  }
  accounts.set(name, account);
  keys.set(account, key);
  return account;
}

/** The account that made a signature; undefined when nobody did. */
export function signerOf(digest: Uint8Array, signature: string): Hex | undefined {
  const parts = partsOf(signature);
  const key = parts && keyBehind(digest, parts);
  return key && accountOf(key);
}

/** Whether a claim holds by itself. A signature that nobody made is nobody's, also where a claim names no account. */
function holds({ digest, signature, account }: SignatureClaim): boolean {
  const signer = signerOf(digest, signature);
  return signer !== undefined && signer === account;
}

/** Below so many the fixed costs of a sum outweigh what it saves. */
const summedAtLeast = 400;

/**
 * The place of the first claim that does not hold; undefined where all do. Many are first judged by one equation, which takes
 * about half the time; where it does not hold, or cannot be formed, each signature is asked for its signer.
 */
export function firstFalse(claims: readonly SignatureClaim[]): number | undefined {
  if (claims.length >= summedAtLeast && addsUp(claims)) return undefined;
  const at = claims.findIndex((claim) => !holds(claim));
  return at < 0 ? undefined : at;
}

/** One summand: a signature by a known key, and its point R. */
type Term = { readonly parts: Parts; readonly digest: bigint; readonly nonce: Point; readonly key: Point };

/**
 * Whether all claims hold, judged together (the small exponents test of Bellare, Garay and Rabin, 1998). A signature (r, s) with its
 * point R, by key Q over digest e, is good exactly if R = (e/s)·G + (r/s)·Q. The sum of all such equations, each times a weight
 * of 126 bits, holds by chance once in 2^126 if one of them does not. The weights are drawn from a hash of all that is
 * summed, so that nobody can choose signatures after them, and the same claims give the same answer.
 */
function addsUp(claims: readonly SignatureClaim[]): boolean {
  try {
    const terms: Term[] = [];
    for (const claim of claims) {
      const parts = partsOf(claim.signature);
      const key = keys.get(claim.account);
      if (parts === undefined || (key === undefined && !holds(claim))) return false;
      if (key !== undefined) terms.push({ parts, digest: BigInt(hexOf(claim.digest)), nonce: pointAt(parts), key });
    }
    if (terms.length === 0) return true;
    const weights = weightsOf(claims, terms);
    return Buffer.compare(nonceSum(terms, weights), keySum(terms, weights)) === 0;
  } catch {
    // A number outside the group, an x without a point, or a sum at infinity: which one it is, is found one by one.
    return false;
  }
}

/** The point R of a signature: its x is r, its y has the parity that v names. */
function pointAt({ compact, parity }: Parts): Point {
  return secp256k1.publicKeyConvert(Buffer.concat([Buffer.of(2 + parity), compact.subarray(0, 32)]), false);
}

/** Weights have 21 digits of 6 bits: as few additions for each point as leave the buckets, one for each digit, worth their sums. */
const [digitBits, digitsOfWeight] = [6, 21];
const buckets = 2 ** digitBits;

/** Digits of all weights, the lowest first, weight after weight. */
function weightsOf(claims: readonly SignatureClaim[], terms: readonly Term[]): Uint8Array {
  const hash = createHash("shake256", { outputLength: terms.length * digitsOfWeight });
  for (const { digest, signature, account } of claims) hash.update(digest).update(`${signature}${account}`);
  return hash.digest().map((byte) => byte % buckets);
}

/** The number that a weight's digits write. */
function weightAt(weights: Uint8Array, term: number): bigint {
  let weight = 0n;
  const first = term * digitsOfWeight;
  // Seven digits at a time are exact as a number of the language.
  for (let end = first + digitsOfWeight; end > first; end -= 7) {
    let part = 0;
    for (let at = end - 1; at >= end - 7; at--) part = part * buckets + (weights[at] ?? 0);
    weight = (weight << BigInt(7 * digitBits)) + BigInt(part);
  }
  return weight;
}

const sumOf = (points: readonly Point[]): Point => secp256k1.publicKeyCombine([...points], false);

/** Σ weight·R, from the highest bit down: points with the same digit are added first, then the digits that have the bit. */
function nonceSum(terms: readonly Term[], weights: Uint8Array): Point {
  let sum: readonly Point[] = [];
  for (let digit = digitsOfWeight - 1; digit >= 0; digit--) {
    const sorted: Point[][] = Array.from({ length: buckets }, () => []);
    for (const [at, { nonce }] of terms.entries()) sorted[weights[at * digitsOfWeight + digit] ?? 0]?.push(nonce);
    const sums = sorted.map((points) => (points.length === 0 ? [] : [sumOf(points)]));
    for (let bit = digitBits - 1; bit >= 0; bit--) {
      const added = [...sum, ...sum, ...sums.filter((_, value) => (value >> bit) % 2 === 1).flat()];
      sum = added.length === 0 ? [] : [sumOf(added)];
    }
  }
  const [found] = sum;
  if (found === undefined) throw new RangeError("all weights are zero");
  return found;
}

/** Σ weight·(e/s)·G + Σ weight·(r/s)·Q: one multiplication for G and for each key. */
function keySum(terms: readonly Term[], weights: Uint8Array): Point {
  const inverted = inverses(terms.map(({ parts }) => parts.s));
  const shares = new Map<Point, bigint>();
  let own = 0n;
  for (const [at, { parts, digest, key }] of terms.entries()) {
    const weight = (weightAt(weights, at) * (inverted[at] ?? 0n)) % order;
    own = (own + weight * digest) % order;
    shares.set(key, ((shares.get(key) ?? 0n) + weight * parts.r) % order);
  }
  const parts = [...shares].map(([key, share]) => secp256k1.publicKeyTweakMul(key, scalar(share), false));
  return sumOf([secp256k1.publicKeyCreate(scalar(own), false), ...parts]);
}

const scalar = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, "0"), "hex");

/** The inverses of numbers modulo the order, by one power for all of them (Montgomery's trick). */
function inverses(values: readonly bigint[]): readonly bigint[] {
  const before: bigint[] = [];
  let product = 1n;
  for (const value of values) {
    before.push(product);
    product = (product * value) % order;
  }
  let inverse = power(product, order - 2n);
  return values
    .map((value, at) => ({ value, left: before[at] ?? 1n }))
    .toReversed()
    .map(({ value, left }) => {
      const found = (inverse * left) % order;
      inverse = (inverse * value) % order;
      return found;
    })
    .toReversed();
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % order;
    square = (square * square) % order;
  }
  return result;
}
