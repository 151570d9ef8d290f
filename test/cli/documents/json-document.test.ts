// JSON documents: read strictly against their schema, written whole or not at all.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Type } from "typebox";
import { expect, test } from "vitest";
import { readDocument, writeDocument, writeNew } from "#cli/documents/json-document.ts";
import { scratchFile, scratchFolder } from "../running.ts";

const folder = scratchFolder();
const schema = Type.Object(
  { name: Type.String(), count: Type.Integer() },
  { additionalProperties: false, $id: "thing" },
);

test("a document is read and held against its schema", () => {
  const file = scratchFile(folder, "good.json", { name: "a", count: 1 });
  expect(readDocument(file, schema)).toEqual({ name: "a", count: 1 });
});

test.each([
  ['{"name":"a","name":"b","count":1}', "SCHEMA_DUPLICATE_KEY"],
  ['{"name":"a","count":9007199254740993}', "SCHEMA_NUMBER_RANGE"],
  ["{", "SCHEMA_MALFORMED_JSON"],
  ['{"name":1,"count":"1","more":true}', "SCHEMA_INVALID"],
])("%s is refused with %s, naming the file", (text, code) => {
  const file = scratchFile(folder, "bad.json", text);
  expect(() => readDocument(file, schema)).toThrow(
    expect.objectContaining({ code, detail: expect.objectContaining({ file }) as object }),
  );
});

test("every place is named", () => {
  const file = scratchFile(folder, "places.json", { name: 1, count: "secret" });
  try {
    readDocument(file, schema);
    expect.unreachable();
  } catch (error) {
    const text = JSON.stringify((error as { detail: unknown }).detail);
    expect(text).toMatch(/\/name must be string.*\/count must be integer/);
    expect(text).not.toContain("secret");
  }
});

test("a file is not written over unless that is asked for", () => {
  const file = join(folder, "out.json");
  writeDocument(file, { amount: 1n }, false);
  expect(() => writeDocument(file, { amount: 2n }, false)).toThrow("INTERNAL_CONFIGURATION");
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ amount: "1" });
  writeDocument(file, { amount: 2n }, true);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ amount: "2" });
  expect(() => writeNew(join(folder, "no", "such", "folder"), "")).toThrow(
    expect.objectContaining({ detail: { settings: [expect.stringContaining("cannot be written")] } }),
  );
});
