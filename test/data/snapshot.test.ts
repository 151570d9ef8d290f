// The running digest: a function of the records and their order, not of the batches they came in.
import fc from "fast-check";
import { expect, test } from "vitest";
import { emptyDigest, foldDigest } from "#data/snapshot.ts";
import { bytesToHex, hexToBytes, sha256, sha256Hex, type Hex } from "#protocol/hash.ts";

const commitments = fc.array(
  fc.nat(50).map((n) => sha256Hex(String(n))),
  { maxLength: 30 },
);

test("any split into batches gives the same digest", () => {
  fc.assert(
    fc.property(commitments, fc.array(fc.nat(30)), (all, cuts) => {
      const start = emptyDigest("east", "sales");
      let digest = start;
      let from = 0;
      for (const cut of [...cuts.toSorted((a, b) => a - b), all.length]) {
        const to = Math.max(from, Math.min(cut, all.length));
        digest = foldDigest(digest, all.slice(from, to));
        from = to;
      }
      expect(digest).toBe(foldDigest(start, all));
    }),
  );
});

test("order, number and collection each show in it", () => {
  const [a, b] = [sha256Hex("a"), sha256Hex("b")];
  const start = emptyDigest("east", "sales");
  const digests = [
    start,
    emptyDigest("west", "sales"),
    emptyDigest("east", "returns"),
    ...[[a], [b], [a, b], [b, a], [a, a]].map((list) => foldDigest(start, list)),
  ];
  expect(new Set(digests).size).toBe(digests.length);
});

test("one record adds SHA-256 of the digest before and its commitment", () => {
  const [before, commitment]: readonly Hex[] = [emptyDigest("east", "sales"), sha256Hex("a")];
  if (!before || !commitment) throw new Error("two hashes");
  const both = Buffer.concat([hexToBytes(before), hexToBytes(commitment)]);
  expect(foldDigest(before, [commitment])).toBe(bytesToHex(sha256(both)));
});
