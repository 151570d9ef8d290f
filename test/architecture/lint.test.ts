// The linter really has type information: what only types can show is refused in a planted file.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "./repository.ts";

const planted = `// Breaks what only types can show.
import { readFile } from "node:fs/promises";
export function breaks(verdict: "valid" | "unknown"): unknown {
  readFile("x");
  [1].forEach(async (n) => readFile(String(n)));
  const parsed = JSON.parse("1");
  switch (verdict) {
    case "valid":
      return parsed.field;
  }
  return verdict;
}
`;

test("the linter refuses floating promises, unsafe values and unfinished switches", { timeout: 60_000 }, () => {
  const root = mkdtempSync(join(tmpdir(), "planted-"));
  try {
    for (const file of [".oxlintrc.json", "package.json"]) cpSync(join(repository, file), join(root, file));
    symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
    writeFileSync(join(root, "tsconfig.json"), JSON.stringify({ compilerOptions: { strict: true, types: ["node"] } }));
    writeFileSync(join(root, "planted.ts"), planted);
    const oxlint = join(repository, "node_modules/oxlint/bin/oxlint");
    const { status, stdout } = spawnSync(process.execPath, [oxlint, "--format", "unix"], {
      cwd: root,
      encoding: "utf8",
    });
    const rules = [...stdout.matchAll(/typescript\(([a-z-]+)\)/g)].map(([, rule]) => rule);
    expect(new Set(rules)).toEqual(
      new Set([
        "no-floating-promises",
        "no-misused-promises",
        "no-unsafe-assignment",
        "no-unsafe-member-access",
        "switch-exhaustiveness-check",
      ]),
    );
    expect(status).toBe(1);
  } finally {
    rmSync(root, { recursive: true });
  }
});
