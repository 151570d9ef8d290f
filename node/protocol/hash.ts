// Off-chain ids and commitments (SHA-256 over canonical bytes), and hexadecimal text for bytes.
import assert from "node:assert";
import { hash } from "node:crypto";
import { canonicalText, type Json } from "./canonical.ts";
import type { Hex } from "./schemas/primitives.ts";

export type { Hex };

/** SHA-256 of bytes, or of a string's UTF-8 bytes. */
export function sha256(data: Uint8Array | string): Uint8Array {
  return hash("sha256", data, "buffer");
}

/** {@link sha256} as text. */
export function sha256Hex(data: Uint8Array | string): Hex {
  return `0x${hash("sha256", data, "hex")}`;
}

/**
 * The id of a protocol object: SHA-256(utf8(tag) ‖ 0x00 ‖ JCS(value)). The tag says what kind of object it is, so that
 * two kinds never share an id.
 * @throws TypeError if the value has no canonical form.
 */
export function contentId(tag: string, value: Json): Hex {
  assert(tag.isWellFormed() && !tag.includes("\0"), "a tag is well-formed text without NUL");
  return sha256Hex(`${tag}\0${canonicalText(value)}`);
}

/**
 * LAYR-08: the commitment to a canonical record, SHA-256 of its canonical serialization, without a tag.
 * @throws TypeError if the record has no canonical form.
 */
export function commitment(record: Json): Hex {
  return sha256Hex(canonicalText(record));
}

/** Bytes as {@link Hex}. */
export function bytesToHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex")}`;
}

/**
 * The bytes of a hexadecimal text, either case.
 * @param length bytes expected; any number if left out.
 * @throws TypeError if the text is not 0x and whole bytes of hexadecimal digits; the text itself is not repeated,
 * since it may be a key.
 */
export function hexToBytes(hex: string, length = (hex.length - 2) / 2): Uint8Array {
  const bytes = Buffer.from(hex.slice(2), "hex");
  // Node's decoder stops at the first character that is no digit.
  if (!hex.startsWith("0x") || bytes.length !== length || hex.length !== 2 + 2 * length) {
    throw new TypeError(`not ${Number.isInteger(length) ? length : "whole"} bytes in hexadecimal`);
  }
  return bytes;
}
