// Records in a file of JSON lines, read in batches that fit into one request.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { ProtocolError } from "#protocol/errors.ts";
import { bodyLimitBytes } from "#protocol/limits.ts";
import { RecordBatch } from "#protocol/schemas/vault.ts";
import { checkDocument, parseNamed } from "./json-document.ts";

type LineRecord = RecordBatch["records"][number];

/** Records of one request, and how many bytes of the file have been read with them. */
export type RecordLines = { readonly records: readonly LineRecord[]; readonly bytesRead: number };

/** Most records that the API takes at once; its schema says so. */
const batchRecords = 5_000;
/** Room for the producer and the brackets around the records. */
const frameBytes = 1_024;
/** Around each record stand its id's name, braces and a comma. */
const recordFrameBytes = 160;

/**
 * Reads a file of JSON lines. A line is `{"recordId": …, "record": {…}}`, or with `idField` the record itself, one of whose
 * fields is its id.
 * @throws ProtocolError SCHEMA_* that names the line; INTERNAL_CONFIGURATION when the file cannot be read
 */
export async function* recordLines(file: string, idField: string | undefined): AsyncGenerator<RecordLines> {
  const source = createReadStream(file);
  let records: LineRecord[] = [];
  let batchBytes = frameBytes;
  let bytesRead = 0;
  let lineNo = 0;
  try {
    for await (const line of createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY })) {
      lineNo++;
      const lineBytes = Buffer.byteLength(line) + 1;
      if (line.trim() !== "") {
        const record = recordOf(line, `${file}:${lineNo}`, idField);
        const isFull = records.length === batchRecords || batchBytes + lineBytes + recordFrameBytes > bodyLimitBytes;
        if (isFull && records.length > 0) {
          yield { records, bytesRead };
          records = [];
          batchBytes = frameBytes;
        }
        records.push(record);
        batchBytes += lineBytes + recordFrameBytes;
      }
      bytesRead += lineBytes;
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && "syscall" in error)) throw error;
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${file} cannot be read`] }, { cause: error });
  } finally {
    source.destroy();
  }
  if (records.length > 0) yield { records, bytesRead };
}

const oneRecord = RecordBatch.properties.records.items;

function recordOf(line: string, place: string, idField: string | undefined): LineRecord {
  const value = parseNamed(place, Buffer.from(line, "utf8"));
  if (idField === undefined) return checkDocument(value, place, oneRecord);
  const id = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[idField] : undefined;
  const recordId = typeof id === "number" ? String(id) : id;
  return checkDocument({ recordId, record: value }, place, oneRecord);
}
