// The import law holds here, and both of its enforcers are seen to refuse what it forbids.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { folders, vocabulary } from "#node/architecture.ts";
import { cruiseTree } from "./cruise.ts";
import { lawViolations } from "./laws.ts";
import { listFiles, readSource, repository } from "./repository.ts";

const nodeFiles = listFiles().filter((path) => path.startsWith("node/") && path.endsWith(".ts"));

test("every import of this repository is one the table allows", { timeout: 60_000 }, async () => {
  const { moduleCount, violations } = await cruiseTree(repository);
  expect(violations).toEqual([]);
  expect(moduleCount).toBe(nodeFiles.length);
});

test("no file of node/ breaks a law that imports do not show", () => {
  expect(nodeFiles.length).toBeGreaterThan(0);
  expect(nodeFiles.flatMap((path) => lawViolations(readSource(path)))).toEqual([]);
});

test("every folder of node/ stands in the table, and the table imports downward only", () => {
  const onDisk = readdirSync(join(repository, "node"), { withFileTypes: true });
  const unknown = onDisk.filter((entry) => entry.isDirectory() && folders[entry.name] === undefined);
  expect(unknown.map((entry) => entry.name)).toEqual([]);

  const upward = Object.entries(folders).flatMap(([name, { rank, imports }]) =>
    imports
      .filter((target) => target !== "*" && (folders[target.split("/")[0] ?? ""]?.rank ?? 9) >= rank)
      .map((target) => `${name} → ${target}`),
  );
  expect(upward).toEqual([]);
  expect(vocabulary.every((path) => path.startsWith("protocol/"))).toBe(true);
});

/** A tree that breaks each rule once: path → source. */
const planted: Readonly<Record<string, string>> = {
  "node/application/intake.ts": `import { pay } from "#payout/pay.ts";\nexport const intake = pay;\n`,
  "node/payout/pay.ts": `export const pay = 1;\n`,
  "node/protocol/hash.ts": `import { readFileSync } from "node:fs";\nexport const hash = readFileSync;\n`,
  "node/protocol/schemas/task.ts": `import { hash } from "../hash.ts";\nexport const task = hash;\n`,
  "node/protocol/limits.ts": `import { createHash } from "node:crypto";\nexport const limits = createHash;\n`,
  "node/audit/root.ts": `import { hash } from "#protocol/hash.ts";\nexport const root = hash;\n`,
  "node/audit/typed.ts": `import type { hash } from "#protocol/hash.ts";\nexport type Typed = typeof hash;\n`,
  "node/audit/allowed.ts": `import { task } from "#protocol/schemas/task.ts";\nexport const allowed = task;\n`,
  "node/storage/query.ts": `import { root } from "../audit/root.ts";\nexport const query = root;\n`,
  "node/storage/alias.ts": `import { other } from "#storage/other.ts";\nexport const alias = other;\n`,
  "node/storage/other.ts": `import fastify from "fastify";\nexport const other = fastify;\n`,
  "node/chain/one.ts": `import { two } from "./two.ts";\nexport const one = (): number => two();\n`,
  "node/chain/two.ts": `import { one } from "./one.ts";\nexport const two = (): number => one();\n`,
  "node/chain/lazy.ts": `export const lazy = (): Promise<unknown> => import("pg");\n`,
  "node/cli/demo.ts": `import fc from "fast-check";\nimport { x } from "../../test/x.ts";\nexport const demo = [fc, x];\n`,
  "node/cli/gone.ts": `import { gone } from "./nowhere.ts";\nexport const there = gone;\n`,
  "test/x.ts": `export const x = 1;\n`,
};

/** What dependency-cruiser has to say of it. */
const expectedOfPlanted = [
  "application-imports: node/application/intake.ts → node/payout/pay.ts",
  "audit-imports: node/audit/root.ts → node/protocol/hash.ts",
  "audit-imports: node/audit/typed.ts → node/protocol/hash.ts",
  "chain-packages: node/chain/lazy.ts → pg/esm/index.mjs",
  "crossing-shows: node/storage/query.ts → node/audit/root.ts",
  "inside-is-relative: node/storage/alias.ts → node/storage/other.ts",
  "no-cycle: node/chain/one.ts → node/chain/two.ts",
  "no-development-packages: node/cli/demo.ts → fast-check/lib/fast-check.d.ts",
  "no-unresolvable: node/cli/gone.ts → ./nowhere.ts",
  "node-stands-alone: node/cli/demo.ts → test/x.ts",
  "protocol-packages: node/protocol/hash.ts → fs",
  "storage-imports: node/storage/query.ts → node/audit/root.ts",
  "storage-packages: node/storage/other.ts → fastify/fastify.js",
  "vocabulary-imports: node/protocol/schemas/task.ts → node/protocol/hash.ts",
  "vocabulary-packages: node/protocol/limits.ts → crypto",
];

test("dependency-cruiser refuses each planted violation, and nothing else", { timeout: 60_000 }, async () => {
  const root = mkdtempSync(join(tmpdir(), "planted-"));
  try {
    cpSync(join(repository, "package.json"), join(root, "package.json"));
    symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
    for (const [path, text] of Object.entries(planted)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const { moduleCount, violations } = await cruiseTree(root);
    expect(moduleCount).toBe(Object.keys(planted).filter((path) => path.startsWith("node/")).length);
    expect(violations.map((line) => line.replace(/ → .*node_modules\//, " → "))).toEqual(expectedOfPlanted);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test.each([
  ["node/data/a.ts", `export default 1;`, "default export"],
  ["node/data/a.ts", `export default function f() {}`, "default export"],
  ["node/data/a.ts", `const a = 1;\nexport { a as default };`, "default export"],
  ["node/data/a.ts", `export * from "./b.ts";`, "barrel"],
  ["node/data/a.ts", `export { b } from "./b.ts";`, "barrel"],
  ["node/data/a.ts", `const url = process.env["URL"];`, "environment"],
  ["node/data/a.ts", `const { env } = process;`, "environment"],
  ["node/data/a.ts", `const e = process["env"];`, "environment"],
  ["node/data/a.ts", `const now = Date.now();`, "Date.now"],
  ["node/data/a.ts", `const now = new Date();`, "current time"],
  ["node/data/a.ts", `const id = crypto.randomUUID();`, "crypto.randomUUID"],
  ["node/protocol/a.ts", `const luck = Math.random();`, "Math.random"],
  ["node/protocol/a.ts", `export async function f() {}`, "synchronous"],
  ["node/protocol/a.ts", `export const f = (): Promise<void> => g();`, "Promise"],
  ["node/protocol/a.ts", `setTimeout(f, 1);`, "setTimeout"],
  ["node/protocol/a.ts", `console.log(1);`, "console"],
  ["node/protocol/a.ts", `import { randomBytes } from "node:crypto";`, "randomBytes"],
  ["node/protocol/a.ts", `import * as crypto from "node:crypto";`, "hashing only"],
])("in %s %j is refused", (path, text, expected) => {
  expect(lawViolations({ path, text: `${text}\n` }).join("\n")).toContain(expected);
});

test.each([
  ["node/cli/a.ts", `const url = process.env["URL"];\nconst now = Date.now();`],
  ["node/data/a.ts", `const later = new Date(now + 1000);\nexport const a = later;`],
  [
    "node/protocol/a.ts",
    `import { createHash } from "node:crypto";\nexport const f = (clock: { now: number }) => clock.now;`,
  ],
])("in %s %j is allowed", (path, text) => {
  expect(lawViolations({ path, text: `${text}\n` })).toEqual([]);
});
