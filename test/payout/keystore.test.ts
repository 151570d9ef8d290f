// The payer's keystore: what goes in comes out, with the password alone, and nothing secret is ever said.
import { beforeAll, expect, test } from "vitest";
import { openKeystore, sealKeystore } from "#payout/keystore.ts";
import type { Hex } from "#protocol/hash.ts";
import { ProtocolError } from "#protocol/errors.ts";

const privateKey: Hex = `0x${"5e".repeat(32)}`;
const password = "a password of the test";
let text = "";
beforeAll(async () => {
  text = await sealKeystore(privateKey, password);
});

async function refusalOf(opening: Promise<unknown>): Promise<ProtocolError> {
  const error = await opening.catch((thrown: unknown) => thrown);
  if (!(error instanceof ProtocolError)) throw new Error("it was opened");
  return error;
}

/** All that a log could print of an error. */
function saidBy(error: Error & { readonly detail?: unknown }): string {
  return JSON.stringify([error.message, error.stack, error.detail, error.cause, Object.entries(error)]);
}

test("a sealed key opens with its password, and neither is in the file", async () => {
  expect(await openKeystore(text, password)).toBe(privateKey);
  expect(text).not.toContain(privateKey.slice(2));
  expect(text).not.toContain(password);
  expect(JSON.parse(text)).toMatchObject({ version: 3, crypto: { kdf: "scrypt" } });
});

test("another password is refused, and neither password, key nor file is in the error", async () => {
  const wrong = "another password";
  const error = await refusalOf(openKeystore(text, wrong));
  expect(error.code).toBe("INTERNAL_CONFIGURATION");
  const said = saidBy(error);
  const { ciphertext } = (JSON.parse(text) as { crypto: { ciphertext: string } }).crypto;
  for (const secret of [wrong, password, privateKey.slice(2), ciphertext]) expect(said).not.toContain(secret);
});

test("what is not a keystore, or was altered, is refused without being repeated", async () => {
  const altered = text.replace(
    /"ciphertext":"(..)/,
    (_, byte: string) => `"ciphertext":"${byte === "00" ? "01" : "00"}`,
  );
  for (const bad of ["", "{", "a secret that is no keystore", '{"version":3}', altered]) {
    const error = await refusalOf(openKeystore(bad, password));
    expect(error.code).toBe("INTERNAL_CONFIGURATION");
    if (bad.length > 1) expect(saidBy(error)).not.toContain(bad);
    expect(saidBy(error)).not.toContain(password);
  }
});
