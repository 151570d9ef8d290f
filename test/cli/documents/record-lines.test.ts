// Record lines: batches that fit a request, and the line of whatever does not.
import { expect, test } from "vitest";
import { recordLines, type RecordLines } from "#cli/documents/record-lines.ts";
import { bodyLimitBytes } from "#protocol/limits.ts";
import { scratchFile, scratchFolder } from "../running.ts";

const folder = scratchFolder();

async function batchesOf(file: string, idField?: string): Promise<readonly RecordLines[]> {
  const batches: RecordLines[] = [];
  for await (const batch of recordLines(file, idField)) batches.push(batch);
  return batches;
}

const producer = `0x${"12".repeat(20)}`;

test("records come in order, in batches that fit a request, whatever their size", async () => {
  // 64 fields of up to 200 characters: about 14 kB a record, so that bytes and not their number end a batch.
  const wide = (at: number) =>
    Object.fromEntries(Array.from({ length: 64 }, (_, f) => [`f${f}`, "é".repeat(at % 100)]));
  const lines = Array.from({ length: 1_200 }, (_, at) => ({ recordId: `r${at}`, record: wide(at) }));
  const text = lines.map((line) => JSON.stringify(line)).join("\n\n");
  const file = scratchFile(folder, "wide.jsonl", text);
  const batches = await batchesOf(file, undefined);
  expect(batches.length).toBeGreaterThan(1);
  for (const { records } of batches) {
    expect(Buffer.byteLength(JSON.stringify({ producer, records }))).toBeLessThanOrEqual(bodyLimitBytes);
  }
  expect(batches.flatMap(({ records }) => records)).toEqual(lines);
  expect(batches.at(-1)?.bytesRead).toBe(Buffer.byteLength(text) + 1);
});

test("no batch holds more records than the API takes", async () => {
  const lines = Array.from({ length: 5_001 }, (_, at) => `{"recordId":"${at}","record":{}}`);
  const file = scratchFile(folder, "many.jsonl", lines.join("\r\n"));
  const batches = await batchesOf(file, undefined);
  expect(batches.map(({ records }) => records.length)).toEqual([5_000, 1]);
});

test("with an id field each line is the record", async () => {
  const file = scratchFile(folder, "bare.jsonl", '{"id":7,"a":"x"}\n{"id":"b","a":null}\n');
  const [batch] = await batchesOf(file, "id");
  expect(batch?.records).toEqual([
    { recordId: "7", record: { id: 7, a: "x" } },
    { recordId: "b", record: { id: "b", a: null } },
  ]);
});

test.each([
  ["{", "SCHEMA_MALFORMED_JSON"],
  ['{"recordId":"1"}', "SCHEMA_INVALID"],
  ['{"recordId":"1","record":{"a":1.5}}', "SCHEMA_INVALID"],
  ['{"recordId":"a b","record":{}}', "SCHEMA_INVALID"],
])("the line %s is refused with %s and named", async (line, code) => {
  const file = scratchFile(folder, "bad.jsonl", `{"recordId":"0","record":{}}\n${line}\n`);
  await expect(batchesOf(file, undefined)).rejects.toMatchObject({
    code,
    detail: { file: `${file}:2` },
  });
});

test("a file that is not there is named", async () => {
  await expect(batchesOf(`${folder}/none`, undefined)).rejects.toMatchObject({
    code: "INTERNAL_CONFIGURATION",
  });
});
