// The repository keeps its own rules of style, and each rule is seen to refuse what breaks it.
import { expect, test } from "vitest";
import { isHandWritten, listFiles, readSource } from "./repository.ts";
import { codeViolations, exportsFunctions, textViolations } from "./tidy.ts";
import { elsewhereOf, testedElsewhere } from "./tested-elsewhere.ts";

const textFile =
  /(\.(ts|mjs|js|json|md|sol|sql|ya?ml|sh|txt|html|css|example)|^\.[a-z]+rc|^\.ci\/run|Dockerfile|LICENSE)$/;
const paths = listFiles();
const texts = paths
  .filter((path) => textFile.test(path))
  .map(readSource)
  .filter(isHandWritten);
const code = texts.filter(({ path }) => /\.(ts|mjs)$/.test(path));

test("no file holds strays: things left undone, machine paths, registry hosts, names that say little", () => {
  expect(texts.length).toBeGreaterThan(20);
  expect(texts.flatMap(textViolations)).toEqual([]);
});

test("every source file opens with a sentence, stays short, and gives up no type", () => {
  expect(code.length).toBeGreaterThan(10);
  expect(code.flatMap(codeViolations)).toEqual([]);
});

test("every file of node/ that exports functions has its test where it is looked for, or says where else", () => {
  const present = new Set(paths);
  const mirror = (path: string): string => path.replace(/^node\//, "test/").replace(/\.ts$/, ".test.ts");
  const untested = code
    .filter((source) => source.path.startsWith("node/") && exportsFunctions(source))
    .filter(({ path }) => !present.has(mirror(path)) && elsewhereOf(path) === undefined);
  expect(untested.map(({ path }) => `${path} wants ${mirror(path)}`)).toEqual([]);

  const stale = Object.entries(testedElsewhere).filter(
    ([path, { by }]) => !paths.some((each) => each.startsWith(path)) || !present.has(by) || present.has(mirror(path)),
  );
  expect(stale.map(([path]) => path)).toEqual([]);
});

const opening = "// Says what the file is for.\n";

test.each([
  ["does not open with a sentence", `const a = 1;\n`],
  ["does not open with a sentence", `// a\nconst a = 1;\n`],
  ["given up: any", `${opening}const a = 1 as any;\n`],
  ["given up: as unknown as", `${opening}const a = 1 as unknown as string;\n`],
  ["says little: TaskManager", `${opening}class TaskManager {}\n`],
  ["says little: helpers", `${opening}const helpers = {};\n`],
  ["a function of 72 lines", `${opening}function f() {${"\n".repeat(71)}}\n`],
  ["a function of 72 lines", `${opening}test("t", () => {${"\n".repeat(71)}});\n`],
  ["has 301 lines", `${opening}${"\n".repeat(300)}`],
])("code is refused for: %s (case %#)", (expected, text) => {
  expect(codeViolations({ path: "node/data/a.ts", text }).join("\n")).toContain(expected);
});

/** Written in parts, so that this file itself holds no strays. */
const join = (...parts: readonly string[]): string => `${parts.join("")}\n`;

test.each([
  ["left undone", "docs/a.md", join("later: TO", "DO")],
  ["somebody's machine", "docs/a.md", join("see /ho", "me/somebody/x")],
  ["registry host", "a.json", join('"https://registry.', 'npmjs.org/x"')],
  ["says little: utils", "node/data/utils.ts", opening],
  ["says little: common", "node/common/a.ts", opening],
  ["says little: task-helper", "node/data/task-helper.ts", opening],
])("text is refused for: %s (%s)", (expected, path, text) => {
  expect(textViolations({ path, text }).join("\n")).toContain(expected);
});

test("what keeps the rules passes", () => {
  const text = `${opening}export const baseUnits = 1n;\ndescribe("d", () => {${"\n".repeat(99)}});\nexport const f = () => 1;\n`;
  const source = { path: "node/data/base64url.ts", text };
  expect([...codeViolations(source), ...textViolations(source)]).toEqual([]);
  expect(exportsFunctions(source)).toBe(true);
  expect(exportsFunctions({ path: "a.ts", text: `${opening}export const a = 1;\nexport type B = 1;\n` })).toBe(false);
});
