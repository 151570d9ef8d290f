// Sealed records: only the right key, in the right place, with every byte as it was, gives the plaintext back.
import { createHash, createSecretKey, randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  keyBytes,
  openRecord,
  sealingBytes,
  sealRecord,
  unwrapVaultKey,
  wrappingBytes,
  wrapVaultKey,
  type RecordPlace,
} from "#data/sealing.ts";
import { sha256Hex } from "#protocol/hash.ts";

const vaultKeyBytes = createHash("sha256").update("vault key").digest();
const vaultKey = createSecretKey(vaultKeyBytes);
const placeOf = (text: string, more: Partial<RecordPlace> = {}): RecordPlace => ({
  vault: "east",
  collection: "sales",
  position: 7,
  recordId: "r-7",
  producer: `0x${"01".repeat(20)}`,
  commitment: sha256Hex(text),
  ...more,
});
const text = '{"amount":"12.50","customer":"Ada"}';
const corrupt = expect.objectContaining({ code: "EXECUTION_RECORD_CORRUPT" }) as Error;

test("what was sealed opens to the same bytes, and says nothing of them at rest [LAYR-09]", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (record) => {
      const place = placeOf(record);
      const sealed = sealRecord(vaultKey, place, record, randomBytes(sealingBytes));
      expect(openRecord(vaultKey, place, sealed).toString("utf8")).toBe(record);
      if (record.length > 8) expect(Buffer.from(sealed.ciphertext).includes(Buffer.from(record))).toBe(false);
    }),
  );
});

test("two sealings of one record have no byte string in common: keys and nonces are their own [LAYR-09]", () => {
  const place = placeOf(text);
  const [one, two] = [0, 1].map(() => sealRecord(vaultKey, place, text, randomBytes(sealingBytes)));
  expect(one).not.toEqual(two);
  expect(Buffer.from(one?.ciphertext ?? []).subarray(12, 28)).not.toEqual(
    Buffer.from(two?.ciphertext ?? []).subarray(12, 28),
  );
});

test("any changed bit, anywhere, is detected [LAYR-09]", () => {
  const place = placeOf(text);
  const sealed = sealRecord(vaultKey, place, text, randomBytes(sealingBytes));
  for (const part of ["wrappedKey", "ciphertext"] as const) {
    for (let bit = 0; bit < sealed[part].length * 8; bit++) {
      const changed = Buffer.from(sealed[part]);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => openRecord(vaultKey, place, { ...sealed, [part]: changed })).toThrow(corrupt);
    }
    expect(() => openRecord(vaultKey, place, { ...sealed, [part]: sealed[part].subarray(1) })).toThrow(corrupt);
    expect(() => openRecord(vaultKey, place, { ...sealed, [part]: Buffer.alloc(0) })).toThrow(corrupt);
  }
});

test.each([
  ["vault", { vault: "west" }],
  ["collection", { collection: "returns" }],
  ["position", { position: 8 }],
  ["record id", { recordId: "r-8" }],
  ["producer", { producer: `0x${"02".repeat(20)}` }],
  ["commitment", { commitment: sha256Hex("other") }],
] as const)("a record in another's place (%s) is detected [LAYR-09]", (_, moved) => {
  const sealed = sealRecord(vaultKey, placeOf(text), text, randomBytes(sealingBytes));
  expect(() => openRecord(vaultKey, placeOf(text, moved), sealed)).toThrow(corrupt);
});

test("a wrong key is detected, and the error repeats nothing of the record [LAYR-09]", () => {
  const sealed = sealRecord(vaultKey, placeOf(text), text, randomBytes(sealingBytes));
  const opening = (): unknown => openRecord(createSecretKey(randomBytes(keyBytes)), placeOf(text), sealed);
  expect(opening).toThrow(corrupt);
  expect(JSON.stringify(catchError(opening))).not.toMatch(/Ada|12\.50|r-7/);
});

test("bytes that the key seals but the commitment does not cover are detected [LAYR-09]", () => {
  const place = placeOf("something else");
  expect(() => openRecord(vaultKey, place, sealRecord(vaultKey, place, text, randomBytes(sealingBytes)))).toThrow(
    corrupt,
  );
});

test("a collection's key opens with the master key that wrapped it, for that collection alone [LAYR-09]", () => {
  const [master, other] = [randomBytes(keyBytes), randomBytes(keyBytes)];
  const place = { vault: "east", collection: "sales" };
  const wrapped = wrapVaultKey(master, place, vaultKeyBytes, randomBytes(wrappingBytes));
  expect(unwrapVaultKey(master, place, wrapped).export()).toEqual(vaultKeyBytes);
  expect(() => unwrapVaultKey(other, place, wrapped)).toThrow(corrupt);
  expect(() => unwrapVaultKey(master, { ...place, collection: "returns" }, wrapped)).toThrow(corrupt);
});

function catchError(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return { ...(error as object), text: String(error) };
  }
  return undefined;
}
