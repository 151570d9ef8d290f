// Many signatures judged at once are judged as each would be on its own, whatever is wrong with one of them.
import fc from "fast-check";
import { expect, test } from "vitest";
import { firstFalse, signerOf, type SignatureClaim } from "#audit/signers.ts";
import { contentId, hexToBytes, type Hex } from "#protocol/hash.ts";
import { addressOf, recover, sign } from "#protocol/signature.ts";

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const keyOf = (name: string): Hex => contentId("test.key", name);
const digestOf = (name: string | number): Uint8Array => hexToBytes(contentId("test.digest", name));
const key = keyOf("signer");

/** The same point with the other y, or the other s: what a forger would turn first. */
const otherParity = (signature: string): string => `${signature.slice(0, -2)}${signature.endsWith("1b") ? "1c" : "1b"}`;
const twinOf = (signature: string): string => {
  const s = order - BigInt(`0x${signature.slice(66, 130)}`);
  return otherParity(`${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}${signature.slice(130)}`);
};
const withR = (signature: string, r: string): string => `0x${r}${signature.slice(66)}`;

function claimOf(number: number, signer = `signer-${number % 5}`): SignatureClaim {
  const [digest, own] = [digestOf(number), keyOf(signer)];
  return { digest, signature: sign(digest, own), account: addressOf(own) };
}

const many = Array.from({ length: 700 }, (_, number) => claimOf(number));

test("a signature leads to its signer, as the other implementation finds it", () => {
  const digest = digestOf("one");
  const signature = sign(digest, key);
  expect(signerOf(digest, signature)).toBe(addressOf(key));
  for (const changed of [otherParity(signature), signature, sign(digestOf("two"), key)]) {
    expect(signerOf(digest, changed)).toBe(recover(digest, changed));
  }
});

test("a signature that is malformed, or has a twin by its high s, has no signer", () => {
  const digest = digestOf("one");
  const signature = sign(digest, key);
  const short = signature.slice(0, -2);
  for (const bad of [twinOf(signature), short, `${short}00`, `${short}1d`, `0x${"00".repeat(64)}1b`, "0x", ""]) {
    expect(signerOf(digest, bad), bad).toBeUndefined();
  }
});

test("claims that hold are all found to hold, few or many, of one signer or of a new one each", () => {
  expect(firstFalse([])).toBeUndefined();
  expect(firstFalse(many.slice(0, 3))).toBeUndefined();
  expect(firstFalse(many)).toBeUndefined();
  const strangers = Array.from({ length: 420 }, (_, number) => claimOf(number, `stranger-${number}`));
  expect(firstFalse(strangers)).toBeUndefined();
  expect(firstFalse(strangers)).toBeUndefined();
});

test("the same claim twice, or a hundred times, holds like once", () => {
  const [first] = many;
  if (first === undefined) throw new Error("no claims");
  expect(firstFalse([...many, ...Array.from({ length: 100 }, () => first)])).toBeUndefined();
  expect(firstFalse(Array.from({ length: 500 }, () => first))).toBeUndefined();
});

const changes: Readonly<Record<string, (claim: SignatureClaim, other: SignatureClaim) => SignatureClaim>> = {
  "of another account that is known": (claim) => ({ ...claim, account: addressOf(keyOf("signer-0")) }),
  "of an account that nobody knows": (claim) => ({ ...claim, account: `0x${"ab".repeat(20)}` }),
  "over another digest": (claim, other) => ({ ...claim, digest: other.digest }),
  "with another's signature": (claim, other) => ({ ...claim, signature: other.signature }),
  "with the other y": (claim) => ({ ...claim, signature: otherParity(claim.signature) }),
  "with the other s": (claim) => ({ ...claim, signature: twinOf(claim.signature) }),
  "with r of zero": (claim) => ({ ...claim, signature: withR(claim.signature, "00".repeat(32)) }),
  "with r where no point is": (claim) => ({ ...claim, signature: withR(claim.signature, `${"00".repeat(31)}05`) }),
  "with r at the order": (claim) => ({ ...claim, signature: withR(claim.signature, order.toString(16)) }),
  "with r above the field": (claim) => ({ ...claim, signature: withR(claim.signature, "ff".repeat(32)) }),
  "with s of zero": (claim) => ({
    ...claim,
    signature: `${claim.signature.slice(0, 66)}${"00".repeat(32)}${claim.signature.slice(-2)}`,
  }),
  "that is cut off": (claim) => ({ ...claim, signature: claim.signature.slice(0, -2) }),
};

test.each(Object.entries(changes))("among many, one %s is found at its place", (_, change) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: many.length - 1 }), (at) => {
      const [claim, other] = [many[at], many[(at + 1) % many.length]];
      if (claim === undefined || other === undefined) throw new Error("no claims");
      const changed = change(claim, other);
      const claims = many.with(at, changed);
      const isFalse = recover(changed.digest, changed.signature) !== changed.account;
      expect(firstFalse(claims)).toBe(isFalse ? at : undefined);
    }),
    { numRuns: 4 },
  );
});

test("a signature that nobody made is not that of a claim that names nobody", () => {
  const nobodys = (signature: string): SignatureClaim => {
    const rest: Omit<SignatureClaim, "account"> = { digest: digestOf("one"), signature };
    return rest as SignatureClaim;
  };
  const noPoint = `0x${`${"00".repeat(31)}05`.repeat(2)}1b`;
  for (const bad of ["", noPoint, `0x${"ff".repeat(65)}`]) {
    expect(signerOf(digestOf("one"), bad)).toBeUndefined();
    expect(firstFalse([nobodys(bad)])).toBe(0);
    expect(firstFalse(many.with(3, nobodys(bad)))).toBe(3);
  }
  const listed = JSON.parse(`["${sign(digestOf("one"), key)}"]`) as string;
  expect(firstFalse([{ digest: digestOf("one"), signature: listed, account: addressOf(key) }])).toBe(0);
});

test("two false ones whose errors cancel each other out are found: no sum without weights would do", () => {
  // Each other's signatures over one digest by one key: the plain sum over both is the same.
  const [first, second] = [claimOf(1, "signer-1"), claimOf(6, "signer-1")];
  const claims = many
    .with(10, { ...first, signature: second.signature })
    .with(20, { ...second, signature: first.signature });
  expect(firstFalse(claims)).toBe(10);
});

test("of several false ones the first is named", () => {
  const wrong = { ...claimOf(1), account: addressOf(keyOf("signer-0")) };
  expect(firstFalse(many.with(650, wrong).with(300, wrong).with(20, wrong))).toBe(20);
});
