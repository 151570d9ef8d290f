// The catalogue of errors is reachable: every published code is answered by the node somewhere, and a test drives it there.
import ts from "typescript";
import { expect, test } from "vitest";
import { errorTable } from "#protocol/errors.ts";
import { descend, listFiles, parse, readSource } from "./repository.ts";

/** The texts that files hold as string literals, or inside of them. */
function literalsIn(paths: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const path of paths) {
    for (const node of descend(parse(readSource(path)))) {
      const isText =
        ts.isStringLiteralLike(node) ||
        ts.isRegularExpressionLiteral(node) ||
        ts.isTemplateHead(node) ||
        ts.isTemplateMiddleOrTemplateTail(node);
      if (isText) for (const code of node.text.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? []) found.add(code);
    }
  }
  return found;
}

const sources = listFiles().filter((path) => path.endsWith(".ts"));
const published = Object.keys(errorTable);

test("every published code is answered somewhere in the node (CONT-04)", () => {
  const answered = literalsIn(
    sources.filter((path) => path.startsWith("node/") && !path.startsWith("node/protocol/error-table/")),
  );
  expect(published.filter((code) => !answered.has(code))).toEqual([]);
});

test("a test drives every published code (CONT-03, CONT-04)", () => {
  const driven = literalsIn(
    sources.filter((path) => path.startsWith("test/") && path !== "test/protocol/errors.test.ts"),
  );
  expect(published.filter((code) => !driven.has(code))).toEqual([]);
});
