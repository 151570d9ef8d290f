// The table of rules is whole, its words are short, and every id that a test claims exists.
import { expect, test } from "vitest";
import { listFiles, readSource } from "../architecture/repository.ts";
import { claimedIds } from "./report.ts";
import { rules } from "./rules.ts";

/** How many rules each family of the requirements has. */
const familySizes = {
  TASK: 8,
  CHAL: 7,
  SETL: 11,
  EPOC: 9,
  LAYR: 17,
  DOMN: 4,
  ATTR: 12,
  RWRD: 5,
  PAYO: 9,
  ANCH: 6,
  CONT: 4,
  ASSR: 4,
  OPER: 8,
  RUNR: 18,
  PILO: 8,
};

test("the table holds every id of the requirements once, in order", () => {
  const required = Object.entries(familySizes).flatMap(([family, size]) =>
    Array.from({ length: size }, (_, index) => `${family}-${String(index + 1).padStart(2, "0")}`),
  );
  expect(rules.map(({ id }) => id)).toEqual(required);
});

test("every rule is one short sentence, and no two are the same", () => {
  const long = rules.filter(({ rule }) => rule.length > 90 || !rule.endsWith("."));
  expect(long).toEqual([]);
  expect(new Set(rules.map(({ rule }) => rule)).size).toBe(rules.length);
});

test("every id named in a test exists, and every rule marked as built is named somewhere", () => {
  const known = new Set(rules.map(({ id }) => id));
  const named = listFiles()
    .filter((path) => path.startsWith("test/") && path.endsWith(".test.ts") && !path.startsWith("test/conformance/"))
    .flatMap((path) => claimedIds(readSource(path).text).map((id) => ({ id, path })));
  const isOurs = ({ id }: { readonly id: string }): boolean => Object.hasOwn(familySizes, id.slice(0, 4));
  expect(named.filter((claim) => isOurs(claim) && !known.has(claim.id))).toEqual([]);

  const ids = new Set(named.map(({ id }) => id));
  expect(rules.filter(({ id, status }) => status === "built" && !ids.has(id)).map(({ id }) => id)).toEqual([]);
});

test("nothing that is part of the house as it stands is open: what is, belongs to later work by name", () => {
  expect(rules.filter(({ owner, status }) => owner === "now" && status === "open").map(({ id }) => id)).toEqual([]);
});
