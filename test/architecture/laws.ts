// The laws of `node/` that an import graph cannot show: no barrels, no default exports, no environment, no clock, no chance.
import ts from "typescript";
import { descend, parse, place, type SourceFile } from "./repository.ts";

/** Calls and reads that give another answer each time, or another answer elsewhere. */
const impureMembers = new Set([
  "Date.now",
  "Math.random",
  "performance.now",
  "crypto.getRandomValues",
  "crypto.randomUUID",
  "process.hrtime",
]);

/** Globals that do I/O, wait, or read the machine; `protocol/` names none of them. */
const impureGlobals = new Set([
  "console",
  "fetch",
  "process",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
  "Promise",
]);

/** All that `protocol/` takes from node:crypto: hashing, nothing with chance in it. */
const hashingOnly = new Set(["createHash", "hash", "timingSafeEqual", "type Hash"]);

/** Violations in one file of `node/`, each as "path:line law". */
export function lawViolations(source: SourceFile): readonly string[] {
  const file = parse(source);
  const folder = /^node\/([^/]+)\//.exec(source.path)?.[1] ?? "";
  const found: string[] = [];
  for (const node of descend(file)) {
    const law =
      exportLaw(node) ??
      (folder === "cli" ? undefined : (environmentLaw(node) ?? chanceLaw(node))) ??
      (folder === "protocol" ? purityLaw(node) : undefined);
    if (law !== undefined) found.push(`${place(file, node)} ${law}`);
  }
  return found;
}

function exportLaw(node: ts.Node): string | undefined {
  if (ts.isExportAssignment(node)) return "default export";
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined)
    return "barrel: exports what another file wrote";
  if (node.kind === ts.SyntaxKind.DefaultKeyword && ts.canHaveModifiers(node.parent)) return "default export";
  if (ts.isExportSpecifier(node) && node.name.text === "default") return "default export";
  return undefined;
}

function environmentLaw(node: ts.Node): string | undefined {
  if (ts.isVariableDeclaration(node) && node.initializer?.getText() === "process")
    return "only cli/ reads the environment";
  if (!ts.isPropertyAccessExpression(node) && !ts.isElementAccessExpression(node)) return undefined;
  return /^(globalThis\.)?process(\.env$|\[.env.\]$)/.test(node.getText())
    ? "only cli/ reads the environment"
    : undefined;
}

function chanceLaw(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && impureMembers.has(node.getText())) {
    return `${node.getText()}: time and chance are inputs`;
  }
  const isDate = (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === "Date";
  return isDate && (node.arguments ?? []).length === 0 ? "the current time: time and chance are inputs" : undefined;
}

function purityLaw(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node)) return "protocol is synchronous";
  if (ts.isIdentifier(node) && impureGlobals.has(node.text) && isGlobalUse(node))
    return `protocol is pure: ${node.text}`;
  if (ts.isImportDeclaration(node)) return cryptoLaw(node);
  return undefined;
}

/** True when an identifier stands for a value or type of that name, not for a property or a declared name. */
function isGlobalUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent) || ts.isVariableDeclaration(parent)) return parent.initializer === node;
  return !ts.isPropertySignature(parent) && !ts.isParameter(parent);
}

function cryptoLaw(node: ts.ImportDeclaration): string | undefined {
  if (!ts.isStringLiteral(node.moduleSpecifier) || node.moduleSpecifier.text !== "node:crypto") return undefined;
  const bindings = node.importClause?.namedBindings;
  const names =
    bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements.map((e) => e.getText()) : ["*"];
  const refused = names.filter((name) => !hashingOnly.has(name));
  return refused.length === 0 ? undefined : `protocol uses node:crypto for hashing only: ${refused.join(", ")}`;
}
