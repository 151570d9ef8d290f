// Signatures against viem's and the published example; every malformed or doubled form must be refused.
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { recoverAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import { addressOf, recover, sign } from "#protocol/signature.ts";
import vectors from "#test/vectors/eip712.json" with { type: "json" };

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const cases = [...vectors.signatures, vectors.mail];
const word = (value: bigint): string => value.toString(16).padStart(64, "0");

test.each(cases)("account, signature and recovery as published: $account", (one) => {
  const digest = hexToBytes(one.digest);
  expect(addressOf(one.privateKey as Hex)).toBe(one.account);
  expect(sign(digest, one.privateKey as Hex)).toBe(one.signature);
  expect(recover(digest, one.signature)).toBe(one.account);
});

const anyKey = fc.bigInt({ min: 1n, max: order - 1n }).map((key): Hex => `0x${word(key)}`);
const anyDigest = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("any key and digest: viem makes the same signature and recovers the same account", async () => {
  await fc.assert(
    fc.asyncProperty(anyKey, anyDigest, async (key, digest) => {
      const account = privateKeyToAccount(key);
      const hash = bytesToHex(digest);
      const signature = sign(digest, key);
      expect(signature).toBe(await account.sign({ hash }));
      expect(addressOf(key)).toBe(account.address.toLowerCase());
      expect(recover(digest, signature)).toBe(account.address.toLowerCase());
      expect((await recoverAddress({ hash, signature })).toLowerCase()).toBe(recover(digest, signature));
    }),
    { numRuns: 50 },
  );
});

const digest = hexToBytes(vectors.mail.digest);
const good = vectors.mail.signature;
const r = good.slice(2, 66);
const s = good.slice(66, 130);
const v = Number.parseInt(good.slice(130), 16);
const highS = word(order - BigInt(`0x${s}`));

test.each<[string, string]>([
  ["empty", ""],
  ["no digits", "0x"],
  ["without 0x", good.slice(2)],
  ["64 bytes", good.slice(0, -2)],
  ["66 bytes", `${good}00`],
  ["half a byte more", `${good}0`],
  ["a letter that is no digit", `${good.slice(0, -1)}g`],
  ["a line end", `${good}\n`],
  ["v 0", `0x${r}${s}00`],
  ["v 1", `0x${r}${s}01`],
  ["v 26", `0x${r}${s}1a`],
  ["v 29", `0x${r}${s}1d`],
  ["v 255", `0x${r}${s}ff`],
  ["high s with the other v, which the bare curve accepts", `0x${r}${highS}${(55 - v).toString(16)}`],
  ["s one above half the order", `0x${r}${word(order / 2n + 1n)}1b`],
  ["s of the order", `0x${r}${word(order)}1b`],
  ["s zero", `0x${r}${word(0n)}1b`],
  ["r zero", `0x${word(0n)}${s}1b`],
  ["r of the order", `0x${word(order)}${s}1b`],
  ["r of 2^256 − 1", `0x${"f".repeat(64)}${s}1b`],
  ["r that is no point's x", `0x${word(5n)}${s}1b`],
  ["EIP-2098's 64 bytes", `0x${r}${s}`],
])("a signature with %s recovers nobody", (_name, signature) => {
  expect(recover(digest, signature)).toBeUndefined();
});

test("v 29 and 30 are refused also where the curve has a point for them", () => {
  // Only x coordinates beyond the order need them: those of an r below p − n, as here.
  const recovered = [...Array(20).keys()].flatMap((small) =>
    [27, 28, 29, 30].map((last) => ({
      last,
      account: recover(digest, `0x${word(BigInt(small))}${s}${last.toString(16)}`),
    })),
  );
  const found = new Set(recovered.filter(({ account }) => account !== undefined).map(({ last }) => last));
  expect([...found]).toEqual([27, 28]);
});

test("s of exactly half the order is still low; digits may be upper case", () => {
  expect(recover(digest, `0x${r}${word(order / 2n)}1b`)).toMatch(/^0x[0-9a-f]{40}$/);
  expect(recover(digest, `0x${good.slice(2).toUpperCase()}`)).toBe(vectors.mail.account);
});

test("one flipped bit, of the signature or of the digest, is not the signer's", () => {
  fc.assert(
    fc.property(fc.nat(65 * 8 - 1), fc.nat(255), (bit, digestBit) => {
      const bytes = Buffer.from(hexToBytes(good));
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(recover(digest, bytesToHex(bytes))).not.toBe(vectors.mail.account);
      const other = Buffer.from(digest);
      other[digestBit >> 3] = (other[digestBit >> 3] ?? 0) ^ (1 << (digestBit & 7));
      expect(recover(other, good)).not.toBe(vectors.mail.account);
    }),
  );
});

test("a digest of another length recovers nobody", () => {
  expect(recover(new Uint8Array(31), good)).toBeUndefined();
  expect(recover(randomBytes(33), good)).toBeUndefined();
});

test.each(["0x", `0x${word(0n)}`, `0x${word(order)}`, `0x${"f".repeat(64)}`, `0x${"1".repeat(62)}`] as Hex[])(
  "%s is no private key, and the error does not repeat it",
  (key) => {
    for (const use of [() => addressOf(key), () => sign(digest, key)]) {
      expect(use).toThrow();
      expect(use).not.toThrow(key.length > 2 ? key.slice(2) : "0x0");
    }
  },
);
