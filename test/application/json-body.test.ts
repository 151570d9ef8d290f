// Strict JSON: everything that two readers could take for different things is refused, each with its own code.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ProtocolError } from "#protocol/errors.ts";
import { parseJsonBody } from "#application/json-body.ts";

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text, "utf8"));

/** The code that a text or bytes are refused with. */
function codeOf(body: string | Uint8Array): string | undefined {
  try {
    parseJsonBody(typeof body === "string" ? Buffer.from(body, "utf8") : body);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return error instanceof ProtocolError ? error.code : undefined;
  }
}

test.each([
  "",
  "{",
  '{"a":1,}',
  "[1 2]",
  "nul",
  "'a'",
  '"\u0001"',
  "\ufeff{}",
  "01",
  '{"a":"\\ud800"}',
  '{"\\udc00":1}',
  "NaN",
  "{} {}",
])("%j is malformed", (text) => {
  expect(codeOf(text)).toBe("SCHEMA_MALFORMED_JSON");
});

test("bytes that are not UTF-8 are malformed, whatever they would decode to", () => {
  expect(codeOf(Buffer.from([0x22, 0xff, 0x22]))).toBe("SCHEMA_MALFORMED_JSON");
  expect(codeOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe("SCHEMA_MALFORMED_JSON");
  expect(codeOf(Buffer.from('"é"', "latin1"))).toBe("SCHEMA_MALFORMED_JSON");
});

test.each([
  '{"a":1,"a":1}',
  '{"a":1,"a":2}',
  '{"a":{"b":1,"c":2,"b":3}}',
  '[{"a":1},{"a":1,"\\u0061":2}]',
  '{"":1,"":1}',
  '{"a\\"":1,"x":":","a\\u0022":2}',
])("%s names a key twice", (text) => {
  expect(codeOf(text)).toBe("SCHEMA_DUPLICATE_KEY");
});

test.each(["9007199254740992", "-9007199254740993", "[1e16]", "1e400", "-1E+999", "0.10000000000000000001", "1e-400"])(
  "%s is out of range",
  (text) => {
    expect(codeOf(text)).toBe("SCHEMA_NUMBER_RANGE");
  },
);

test.each([
  "9007199254740991",
  "-9007199254740991",
  "0.1",
  "1e3",
  "-0",
  "123456789012345",
  "1.50",
  '"9007199254740992"',
])("%s is exact", (text) => {
  expect(parse(text)).toBe(JSON.parse(text));
});

test("nesting has a bound, also far beyond any stack", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  expect(codeOf(nested(32))).toBeUndefined();
  expect(codeOf(nested(33))).toBe("SCHEMA_INVALID");
  expect(codeOf(nested(500_000))).toBe("SCHEMA_INVALID");
});

test("a name that would reach the prototype is refused", () => {
  expect(codeOf('{"__proto__":{"polluted":true}}')).toBe("SCHEMA_INVALID");
  expect(codeOf('{"a":[{"\\u005f_proto__":1}]}')).toBe("SCHEMA_INVALID");
});

test("whatever JSON.stringify writes is read back as it was", () => {
  const value = fc.jsonValue({ stringUnit: "binary", maxDepth: 8 });
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 1, 4), (written, indent) => {
      const text = JSON.stringify(written, null, indent);
      fc.pre(!text.includes("__proto__"));
      const code = codeOf(text);
      if (code === undefined) expect(parse(text)).toEqual(JSON.parse(text));
      else expect(["SCHEMA_NUMBER_RANGE", "SCHEMA_MALFORMED_JSON"]).toContain(code);
    }),
    { numRuns: 500 },
  );
});

test("a key repeated anywhere in an object is found, whatever stands around it", () => {
  const object = fc.dictionary(
    fc.string({ unit: "binary" }),
    fc.oneof(fc.string(), fc.integer(), fc.constant({ "a:b": [":"] })),
    {
      minKeys: 1,
      maxKeys: 8,
      noNullPrototype: true,
    },
  );
  fc.assert(
    fc.property(object, fc.nat(), fc.boolean(), (written, at, isNested) => {
      const members = Object.entries(written).map(([key, each]) => `${JSON.stringify(key)}:${JSON.stringify(each)}`);
      const repeated = members[at % members.length] ?? "";
      const text = `{${[...members, repeated].join(" , ")}}`;
      fc.pre(!text.includes("__proto__") && text.isWellFormed());
      expect(codeOf(isNested ? `[0,{"x":${text}}]` : text)).toBe("SCHEMA_DUPLICATE_KEY");
    }),
    { numRuns: 500 },
  );
});

test("no refusal repeats what was sent", () => {
  const secret = "planted-4711";
  for (const text of [
    `{"${secret}"`,
    `{"${secret}":1,"${secret}":2}`,
    `["${secret}",1e400]`,
    `{"${secret}":"\\ud800"}`,
  ]) {
    try {
      parse(text);
      expect.unreachable();
    } catch (error) {
      expect(String(error) + JSON.stringify(error)).not.toContain(secret);
    }
  }
});
