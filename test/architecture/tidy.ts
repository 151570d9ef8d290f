// The rules of style that a machine can keep: sizes, openings, names, and words that do not belong in the repository.
import ts from "typescript";
import { descend, parse, place, type SourceFile } from "./repository.ts";

const fileLinesMax = 300;
const functionLinesMax = 70;

/** Names that say nothing about what is inside. */
const emptyNames = new Set(["util", "utils", "helper", "helpers", "common", "manager", "misc", "base"]);

/** The same words at the end of a name: `TaskManager`, `hash_utils`. */
const emptySuffix = /(?:[a-z0-9]|_|^)(?:Utils?|Helpers?|Manager|Misc)$/;

/** Words and places that never belong in the repository, with what each gives away. */
const strays: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/\b(TO[D]O|FIX[M]E|X[X]X)\b/, "something left undone"],
  [/(^|[\s"'`=(])\/(work|home|root|Users)\/[\w.-]/m, "a path of somebody's machine"],
  [
    /\b(registry\.(npmjs|yarnpkg)\.(org|com)|npm\.pkg\.github\.com|\/artifactory\/|"resolved": "http)/,
    "a registry host",
  ],
];

/** Violations of the rules for any text file. */
export function textViolations({ path, text }: SourceFile): readonly string[] {
  const found = strays.flatMap(([pattern, meaning]) => {
    const match = pattern.exec(text);
    return match === null ? [] : [`${path}:${String(lineOf(text, match.index + 1))} ${meaning}: ${match[0].trim()}`];
  });
  const segments = path.split("/").flatMap((segment) => segment.split(".")[0] ?? []);
  const named = segments.filter((segment) => emptyNames.has(segment.split("-").at(-1) ?? ""));
  return [...found, ...named.map((segment) => `${path} a name that says little: ${segment}`)];
}

/** Violations of the rules for TypeScript written by hand. */
export function codeViolations(source: SourceFile): readonly string[] {
  const file = parse(source);
  const lines = source.text.split("\n").length - 1;
  const found =
    lines > fileLinesMax ? [`${source.path} has ${String(lines)} lines, more than ${String(fileLinesMax)}`] : [];
  if (!opensWithSentence(source.text)) found.push(`${source.path}:1 does not open with a sentence on what it is for`);
  for (const node of descend(file)) {
    const violation = typeGivenUp(node) ?? emptyName(node) ?? longFunction(file, node);
    if (violation !== undefined) found.push(`${place(file, node)} ${violation}`);
  }
  return found;
}

/** True when a file exports something that can be called. */
export function exportsFunctions(source: SourceFile): boolean {
  return parse(source).statements.some((statement) => {
    if (!ts.canHaveModifiers(statement)) return false;
    if (!ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return false;
    if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) return true;
    return (
      ts.isVariableStatement(statement) &&
      statement.declarationList.declarations.some(
        ({ initializer }) => initializer !== undefined && isFunction(initializer),
      )
    );
  });
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length;

const isFunction = (node: ts.Node): boolean => ts.isArrowFunction(node) || ts.isFunctionExpression(node);

/** A `//` block or a docstring, after an optional #! line, whose text ends as a sentence does. */
function opensWithSentence(text: string): boolean {
  const opening = /^(?:#!.*\n)?((?:\/\/ .*\n)+|\/\*\*[^]*?\*\/)/.exec(text)?.[1];
  if (opening === undefined) return false;
  const words = opening.replaceAll(/^\/\/ |^\/?\*+\/?| \*\/?/gm, "").trim();
  return words.split(/\s+/).length >= 3 && /[.!?:]\)?$/.test(words);
}

function typeGivenUp(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return "a type given up: any";
  if (!ts.isAsExpression(node) || !ts.isAsExpression(node.expression)) return undefined;
  return node.expression.type.kind === ts.SyntaxKind.UnknownKeyword ? "a type given up: as unknown as" : undefined;
}

function emptyName(node: ts.Node): string | undefined {
  const isDeclared =
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isVariableDeclaration(node);
  const name = isDeclared && node.name !== undefined && ts.isIdentifier(node.name) ? node.name.text : "";
  return emptyNames.has(name) || emptySuffix.test(name) ? `a name that says little: ${name}` : undefined;
}

function longFunction(file: ts.SourceFile, node: ts.Node): string | undefined {
  const hasBody =
    isFunction(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node);
  if (!hasBody || isSuite(node)) return undefined;
  const start = file.getLineAndCharacterOfPosition(node.getStart(file)).line;
  const lines = file.getLineAndCharacterOfPosition(node.end).line - start + 1;
  return lines > functionLinesMax
    ? `a function of ${String(lines)} lines, more than ${String(functionLinesMax)}`
    : undefined;
}

/** The callback of `describe` is a list of tests, not a function that does something. */
const isSuite = ({ parent }: ts.Node): boolean =>
  ts.isCallExpression(parent) && /^describe\b/.test(parent.expression.getText());
