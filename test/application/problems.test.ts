// Errors as problem+json: the table's own words, hints to wait, and nothing of the request or of the fault.
import { expect, test } from "vitest";
import { Ajv2020 } from "ajv/dist/2020.js";
import { errorFamilies, errorTable, ProtocolError, type ErrorCode } from "#protocol/errors.ts";
import { Problem } from "#protocol/schemas/problem.ts";
import { asProtocolError, InvalidInput, problemAnswer, problemMediaType, traceOf } from "#application/problems.ts";

const codes = Object.keys(errorTable) as ErrorCode[];
const isProblem = new Ajv2020({ strict: true }).compile(Problem);
const secret = "planted-secret-4417";

test("every code of the table becomes a problem of its family, with its meaning and what to do [CONT-03] [CONT-04]", () => {
  for (const code of codes) {
    const { status, headers, body } = problemAnswer(new ProtocolError(code, { fact: "x" }), "request-1");
    const { meaning, remedy, retry, status: listed } = errorTable[code];
    expect(isProblem(body), JSON.stringify(isProblem.errors)).toBe(true);
    expect(body).toMatchObject({ code, title: meaning, remedy, retry, status: listed, requestId: "request-1" });
    expect(status).toBe(listed);
    expect(headers["content-type"]).toBe(problemMediaType);
    expect(errorFamilies.filter((family) => code.startsWith(family))).toHaveLength(1);
    expect(headers["retry-after"] !== undefined).toBe(retry);
    expect(headers["www-authenticate"] !== undefined).toBe(status === 401);
  }
});

test("a hint to wait in the detail is the header's", () => {
  const { headers } = problemAnswer(new ProtocolError("POLICY_RATE_LIMITED", { retryAfterSeconds: 77 }), "");
  expect(headers["retry-after"]).toBe("77");
  const { headers: none } = problemAnswer(new ProtocolError("AUTH_ROLE", { retryAfterSeconds: 77 }), "");
  expect(none["retry-after"]).toBeUndefined();
});

test("invalid input lists its places", () => {
  const places = [{ path: "/body/envelope", message: "must be object" }];
  const { body } = problemAnswer(new InvalidInput({ schema: "task-submission" }, places), "");
  expect(body).toMatchObject({ code: "SCHEMA_INVALID", detail: { schema: "task-submission" }, errors: places });
});

test("errors of the web framework that are the caller's get their codes, all others tell nothing", () => {
  const framework = (code: string): Error => Object.assign(new Error(secret), { code });
  expect(asProtocolError(framework("FST_ERR_CTP_BODY_TOO_LARGE"), 99)).toMatchObject({
    code: "SCHEMA_BODY_TOO_LARGE",
    detail: { limitBytes: 99 },
  });
  expect(asProtocolError(framework("FST_ERR_CTP_INVALID_MEDIA_TYPE"), 99).code).toBe("SCHEMA_MEDIA_TYPE");
  expect(asProtocolError(framework("FST_ERR_BAD_URL"), 99).code).toBe("SCHEMA_NOT_FOUND");
  for (const thrown of [framework("toString"), framework("23505"), new Error(secret), secret, undefined, { code: 1 }]) {
    const error = asProtocolError(thrown, 99);
    expect(error.code).toBe("INTERNAL_UNEXPECTED");
    expect(JSON.stringify(problemAnswer(error, ""))).not.toContain(secret);
  }
  const known = new ProtocolError("AUTH_ROLE");
  expect(asProtocolError(known, 99)).toBe(known);
});

test("what is logged of a fault has its place and its kind and no message [LAYR-01]", () => {
  const cause = Object.assign(new Error(`Key (name)=(${secret}) already exists`), {
    code: "23505",
    constraint: "task_pkey",
    detail: secret,
  });
  const trace = traceOf(new Error(`line one ${secret}\n    and ${secret}`, { cause }));
  expect(JSON.stringify(trace)).not.toContain(secret);
  expect(trace).toMatchObject({ name: "Error", cause: { code: "23505", constraint: "task_pkey" } });
  expect(JSON.stringify(trace["stack"])).toContain("problems.test.ts");
  expect(traceOf(secret)).toEqual({ thrown: "string" });
});
