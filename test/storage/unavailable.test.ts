// A server that cannot serve is told apart from one that refuses, whatever the error looks like.
import pg from "pg";
import { expect, test } from "vitest";
import { translated, translatedCommit, unavailableReason } from "#storage/unavailable.ts";

const withCode = (code: string): Error => Object.assign(new Error("no matter what it says"), { code });

test.each(["57P01", "57014", "25006", "08006", "53300", "ECONNRESET", "ENOTFOUND"])("%s means unavailable", (code) => {
  expect(unavailableReason(withCode(code))).toBe(code);
});

test.each([
  "Connection terminated unexpectedly",
  "timeout exceeded when trying to connect",
  "Client was closed and is not queryable",
])("without a code, %j means that the connection is lost", (message) => {
  expect(unavailableReason(new Error(message))).toBe("connection_lost");
});

test("a host with several addresses is unavailable when any of them says so", () => {
  expect(unavailableReason(new AggregateError([new Error("odd"), withCode("ECONNREFUSED")]))).toBe("ECONNREFUSED");
  expect(unavailableReason(new AggregateError([new Error("odd")]))).toBeUndefined();
});

test("what is refused, and what is no error, stays as it is", () => {
  const refused = Object.assign(new pg.DatabaseError("duplicate key", 13, "error"), { code: "23505" });
  for (const each of [refused, new Error("odd"), "text", undefined]) {
    expect(translated(each)).toBe(each);
    expect(translatedCommit(each)).toBe(each);
  }
});

test("only during a commit is the outcome unknown; the cause is kept", () => {
  const cause = withCode("57P01");
  expect(translated(cause)).toMatchObject({
    code: "INTERNAL_DATABASE_UNAVAILABLE",
    detail: { reason: "57P01" },
    cause,
  });
  expect(translated(cause)).not.toHaveProperty("detail.commit");
  expect(translatedCommit(cause)).toMatchObject({ detail: { reason: "57P01", commit: "unknown" }, cause });
});
