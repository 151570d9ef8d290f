// Documents in files: strict JSON, held against the published schema before anything is done with it.
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { readFileSync, writeFileSync } from "node:fs";
import type { Static, TSchema } from "typebox";
import { parseJsonBody } from "#application/json-body.ts";
import { InvalidInput } from "#application/problems.ts";
import { invalidInput } from "#application/validation.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { jsonText } from "../output.ts";

/** How a command line names standard input. */
const standardInput = "-";

/** Reads the bytes of a file, or of standard input where the name is `-`. @throws ProtocolError INTERNAL_CONFIGURATION */
export function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file === standardInput ? 0 : file);
  } catch (error) {
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${file} cannot be read`] }, { cause: error });
  }
}

/**
 * Reads a document of a kind.
 * @throws ProtocolError SCHEMA_MALFORMED_JSON, SCHEMA_DUPLICATE_KEY, SCHEMA_NUMBER_RANGE; SCHEMA_INVALID with each place
 * that does not satisfy the schema; INTERNAL_CONFIGURATION when the file cannot be read
 */
export function readDocument<S extends TSchema>(file: string, schema: S): Static<S> {
  return checkDocument(parseNamed(file, readBytes(file)), file, schema);
}

const validators = new WeakMap<TSchema, ValidateFunction>();

/** Each schema has a validator of its own: schemas that hold one another by their ids do not get into each other's way. */
function validatorOf(schema: TSchema): ValidateFunction {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);
  validators.set(schema, validate);
  return validate;
}

/** Holds a value against a schema. @throws ProtocolError SCHEMA_INVALID with each place, and where the value is from */
export function checkDocument<S extends TSchema>(value: unknown, source: string, schema: S): Static<S> {
  const validate = validatorOf(schema);
  if (validate(value)) return value as Static<S>;
  const { detail, errors } = invalidInput(schema, "body", validate.errors ?? []);
  const places = errors.map(({ path, message }) => `${path.replace(/^\/body/, "") || "/"} ${message}`);
  throw new ProtocolError("SCHEMA_INVALID", { ...detail, file: source, errors: places });
}

/** Parses strict JSON; its errors name where it is from. */
export function parseNamed(source: string, bytes: Uint8Array): unknown {
  try {
    return parseJsonBody(bytes);
  } catch (error) {
    if (error instanceof InvalidInput || !(error instanceof ProtocolError)) throw error;
    throw new ProtocolError(error.code, { ...error.detail, file: source }, { cause: error });
  }
}

/** Writes a document as JSON that people can read. An existing file stays unless `replace` is set. */
export function writeDocument(file: string, value: unknown, replace: boolean): void {
  writeNew(file, `${jsonText(value, 2)}\n`, { replace });
}

/** Writes a text. @throws ProtocolError INTERNAL_CONFIGURATION when the file exists already, or cannot be written */
export function writeNew(
  file: string,
  text: string | Uint8Array,
  { replace = false, mode = 0o644 }: { readonly replace?: boolean; readonly mode?: number } = {},
): void {
  try {
    writeFileSync(file, text, { flag: replace ? "w" : "wx", mode });
  } catch (error) {
    const exists = error instanceof Error && "code" in error && error.code === "EEXIST";
    const problem = exists ? "exists already" : "cannot be written";
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${file} ${problem}`] }, { cause: error });
  }
}
