// Reads PostgreSQL's values exactly: no digit, byte or time zone is lost on the way.
import assert from "node:assert/strict";
import pg from "pg";

/** Exact amounts only: a fraction would lose digits somewhere, so it has to be cast to text in the statement. */
function integer(text: string): bigint {
  assert(/^-?\d+$/.test(text), `numeric value ${text} is not an integer: cast it to text in the statement`);
  return BigInt(text);
}

const asText = (text: string): string => text;
const oidOf = pg.types.builtins;
/** A one-dimensional array of integers, e.g. `{1,NULL,2}`. */
const integers = (text: string): readonly (bigint | null)[] =>
  text === "{}"
    ? []
    : text
        .slice(1, -1)
        .split(",")
        .map((item) => (item === "NULL" ? null : integer(item)));

/** Types by oid whose built-in reading would lose digits (int8, numeric), bytes (json) or a time zone (date, timestamp). */
const parsers: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [oidOf.INT8, integer],
  [oidOf.NUMERIC, integer],
  [1016, integers],
  [1231, integers],
  [oidOf.JSON, asText],
  [oidOf.JSONB, asText],
  [oidOf.DATE, asText],
  [oidOf.TIMESTAMP, asText],
]);

const parserOf = (oid: number, format?: "text"): ((text: string) => unknown) => {
  const builtIn = pg.types.getTypeParser(oid, format) as (text: string) => unknown;
  return parsers.get(oid) ?? builtIn;
};

/** How values of PostgreSQL are read: exactly, or as the text they came as. Given to every connection. */
export const exactTypes: pg.CustomTypesConfig = { getTypeParser: parserOf as typeof pg.types.getTypeParser };
