// Validation: what is wrong is told by place and rule, with the published schema, and never by value.
import { expect, test } from "vitest";
import { Type } from "typebox";
import { closed } from "#protocol/schemas/primitives.ts";
import { TaskSubmission } from "#protocol/schemas/task.ts";
import { CollectionDefinition, RecordBatch } from "#protocol/schemas/vault.ts";
import { compileSchema, invalidInput, type InputPart } from "#application/validation.ts";
import { envelopeOf } from "./envelopes.ts";

const secret = "planted-4711";
const alice = `0x${"aa".repeat(20)}` as const;

/** The refusal of an input; undefined when the schema is satisfied. */
function refusalOf(schema: Parameters<typeof compileSchema>[0], input: unknown, part: InputPart = "body") {
  const validate = compileSchema(schema, part);
  return validate(input) ? undefined : invalidInput(schema, part, validate.errors ?? []);
}

test("a schema is compiled once", () => {
  expect(compileSchema(TaskSubmission, "body")).toBe(compileSchema(TaskSubmission, "body"));
});

test("[LAYR-01] the refusal lists the places that are wrong, and names the schema", () => {
  const envelope = { ...envelopeOf(alice), feeLimit: 5, seed: secret };
  const refusal = refusalOf(TaskSubmission, { envelope });
  expect(refusal?.detail).toEqual({ schema: "task-submission" });
  expect(refusal?.errors.map(({ path }) => path)).toEqual(["/body/envelope/seed", "/body/envelope/feeLimit"]);
  expect(JSON.stringify(refusal?.errors)).not.toContain(secret);
});

test.each([
  ["an unknown field", TaskSubmission, { envelope: { ...envelopeOf(alice), [secret]: secret } }],
  ["a value", RecordBatch, { producer: alice, records: [{ recordId: "1", record: { name: { [secret]: secret } } }] }],
  [
    "a name that the caller chose",
    RecordBatch,
    { producer: alice, records: [{ recordId: "1", record: { [secret]: [secret] } }] },
  ],
  [
    "a name inside a map",
    CollectionDefinition,
    { vault: "v", collection: "c", operator: alice, fields: { [secret]: secret } },
  ],
] as const)("[LAYR-01] nothing of the input is repeated: %s", (_, schema, input) => {
  const refusal = refusalOf(schema, input);
  expect(refusal?.errors.length).toBeGreaterThan(0);
  expect(JSON.stringify([refusal?.errors, refusal?.detail, refusal?.message])).not.toContain(secret);
});

test("a refusal stays short, however much is wrong", () => {
  const records = Array.from({ length: 500 }, () => ({ recordId: 7, record: 7 }));
  expect(refusalOf(RecordBatch, { producer: alice, records })?.errors).toHaveLength(32);
});

test("[LAYR-02] an envelope without any part of its replay tuple is refused", () => {
  for (const part of ["schemaVersion", "semanticVersion", "policyVersion", "program", "inputs", "seed"] as const) {
    const { [part]: _, ...envelope } = envelopeOf(alice);
    expect(refusalOf(TaskSubmission, { envelope })?.errors).toEqual([
      { path: "/body/envelope", message: `must have required property '${part}'` },
    ]);
  }
});

test("digits stand for a number in an address, and never in a body", () => {
  const schema = closed({ epoch: Type.Integer({ minimum: 1 }) });
  expect(refusalOf(schema, { epoch: "7" }, "params")).toBeUndefined();
  expect(refusalOf(schema, { epoch: "seven" }, "params")?.errors[0]?.path).toBe("/params/epoch");
  expect(refusalOf(closed({ epoch: Type.Integer() }), { epoch: "7" })?.errors[0]?.path).toBe("/body/epoch");
});
