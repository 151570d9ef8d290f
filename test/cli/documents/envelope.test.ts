// Envelopes from files and flags: the same parts give the same envelope.
import { expect, test } from "vitest";
import { envelopeOf, type EnvelopeParts } from "#cli/documents/envelope.ts";
import { scratchFile, scratchFolder } from "../running.ts";

const folder = scratchFolder();
const account = `0x${"12".repeat(20)}` as const;
const chance = { nowSeconds: 1_000, seed: `0x${"5e".repeat(32)}`, idempotencyKey: "made" } as const;
const program = { kind: "protected_query", domain: "global", measure: { function: "count" } };
const parts: EnvelopeParts = {
  program: JSON.stringify(program),
  source: ["east/strikes", "west/strikes"],
  scope: "main",
  schemaVersion: "1.0",
  semanticVersion: "2026.1",
  policyVersion: "1",
  feeLimit: "5",
  expiresInSeconds: 60,
};

test("an envelope is put together from options; what is left open is made", () => {
  const envelope = envelopeOf(parts, account, chance);
  expect(envelope).toEqual({
    schemaVersion: "1.0",
    semanticVersion: "2026.1",
    policyVersion: "1",
    scope: "main",
    submitter: account,
    program,
    inputs: {
      sources: [
        { vault: "east", collection: "strikes" },
        { vault: "west", collection: "strikes" },
      ],
    },
    seed: chance.seed,
    feeLimit: "5",
    idempotencyKey: "made",
    expiresAtSeconds: 1_060,
  });
  const file = scratchFile(folder, "envelope.json", envelope);
  expect(envelopeOf({ ...parts, envelope: file }, undefined, chance)).toEqual(envelope);
  const programFile = scratchFile(folder, "program.json", program);
  expect(envelopeOf({ ...parts, program: programFile }, account, chance)).toEqual(envelope);
});

test.each([
  [{ source: ["east"] }, "SCHEMA_INVALID"],
  [{ source: ["east/strikes/more"] }, "SCHEMA_INVALID"],
  [{ program: '{"kind":"shell"}' }, "SCHEMA_INVALID"],
  [{ program: "{" }, "SCHEMA_MALFORMED_JSON"],
  [{ idempotencyKey: "two words" }, "SCHEMA_INVALID"],
])("%j is refused with %s", (wrong, code) => {
  expect(() => envelopeOf({ ...parts, ...wrong }, account, chance)).toThrow(expect.objectContaining({ code }));
});
