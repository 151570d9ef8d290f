// A generated page that differs from its source, is missing, or has no source any more is found, and named.
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "./repository.ts";

function generate(
  root: string,
  ...options: readonly string[]
): { readonly status: number | null; readonly said: string } {
  const script = join(repository, "scripts/generate-docs.ts");
  const { status, stderr } = spawnSync(process.execPath, [script, "--root", root, ...options], { encoding: "utf8" });
  return { status, said: stderr };
}

test("--check names each stale page and fails; writing mends them (CONT-04)", { timeout: 60_000 }, () => {
  const root = mkdtempSync(join(tmpdir(), "pages-"));
  try {
    expect(generate(root).status).toBe(0);
    expect(generate(root, "--check").status).toBe(0);

    appendFileSync(join(root, "docs/reference/errors.md"), "A code nobody knows.\n");
    rmSync(join(root, ".env.example"));
    writeFileSync(join(root, "docs/reference/gone.md"), "Nobody writes this.\n");
    const { status, said } = generate(root, "--check");
    expect(status).toBe(1);
    expect(said).toContain("stale: docs/reference/errors.md\n");
    expect(said).toContain("stale: .env.example\n");
    expect(said).toContain("no longer generated: docs/reference/gone.md\n");

    expect(generate(root).status).toBe(0);
    expect(generate(root, "--check").status).toBe(0);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("the committed pages are fresh (CONT-04)", { timeout: 60_000 }, () => {
  const { status, said } = generate(repository, "--check");
  expect(said).toMatch(/generated pages are fresh/);
  expect(status).toBe(0);
});
