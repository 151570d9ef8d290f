// Validation with the published schemas themselves, compiled once; what is wrong is told by place and rule, never by value.
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { TSchema } from "typebox";
import { InvalidInput, type InputError } from "./problems.ts";

/** Places listed in one refusal: enough to mend a message, too few to make the answer larger than the question. */
const listedErrorsMax = 32;

/** Bodies are taken as they are; parts of an address are text, so digits may stand for a number. */
const bodies = new Ajv2020({ strict: true, allErrors: true });
const addresses = new Ajv2020({ strict: true, allErrors: true, coerceTypes: true });

/** A part of a request that a schema describes. */
export type InputPart = "body" | "params" | "query";

const compiled = new Map<TSchema, ValidateFunction>();

/** Compiles a schema for a part of requests; each schema once. */
export function compileSchema(schema: TSchema, part: InputPart): ValidateFunction {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const validate = (part === "body" ? bodies : addresses).compile(schema);
  compiled.set(schema, validate);
  return validate;
}

/** The refusal of input: each place that does not satisfy the schema, by JSON Pointer. */
export function invalidInput(schema: TSchema, part: InputPart, errors: readonly ErrorObject[]): InvalidInput {
  const names = namesOf(schema);
  const listed = errors.slice(0, listedErrorsMax).map((error) => describe(error, part, names));
  const { $id } = schema as { $id?: string };
  return new InvalidInput($id === undefined ? {} : { schema: $id }, listed);
}

/**
 * A place may lead through keys that the caller chose: those are not repeated, since they may hold what is private.
 * Neither are the names of properties that are too many.
 */
function describe(error: ErrorObject, part: InputPart, names: ReadonlySet<string>): InputError {
  const steps = error.instancePath.split("/").slice(1);
  const known = steps.map((step) => (names.has(step) || /^\d{1,6}$/.test(step) ? step : "*"));
  return { path: `/${[part, ...known].join("/")}`, message: error.message ?? "does not satisfy the schema" };
}

const knownNames = new WeakMap<TSchema, ReadonlySet<string>>();

/** Every property name that a schema itself writes down. */
function namesOf(schema: TSchema): ReadonlySet<string> {
  const known = knownNames.get(schema);
  if (known !== undefined) return known;
  const names = new Set<string>();
  const collect = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, value] of Object.entries(node as Readonly<Record<string, unknown>>)) {
      if (key === "properties" && typeof value === "object" && value !== null) {
        for (const name of Object.keys(value)) names.add(name);
      }
      collect(value);
    }
  };
  collect(schema);
  knownNames.set(schema, names);
  return names;
}
