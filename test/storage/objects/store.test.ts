// Keys and sizes that every driver can keep; all others are refused.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { requireKey, requireSize } from "#storage/objects/store.ts";

const refused = expect.objectContaining({ code: "INTERNAL_UNEXPECTED" }) as Error;

test("names separated by slashes are keys", () => {
  const name = fc.stringMatching(/^[a-z0-9_][a-z0-9._-]{0,40}$/);
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 8 }), (names) => {
      expect(() => requireKey(names.join("/"))).not.toThrow();
    }),
  );
});

test.for(["", "/a", "a/", "a//b", "..", "a/../b", ".hidden", "a/.b", "A", "ä", "a b", "-a", "a\0", "a".repeat(201)])(
  "%j is no key",
  (key) => {
    expect(() => requireKey(key)).toThrow(refused);
  },
);

test("a key of more than 512 characters is refused", () => {
  expect(() => requireKey("abc/".repeat(127) + "abcd")).not.toThrow();
  expect(() => requireKey("abc/".repeat(128) + "a")).toThrow(refused);
});

test("an object holds up to 128 MiB", () => {
  expect(() => requireSize(new Uint8Array(128 * 1024 * 1024))).not.toThrow();
  expect(() => requireSize(new Uint8Array(128 * 1024 * 1024 + 1))).toThrow(refused);
});
