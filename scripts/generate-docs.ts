// Writes docs/reference from the sources it describes; with --check it writes nothing and fails when a page is stale.
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "./docs/page.ts";
import { pages } from "./docs/pages.ts";

/** A page that differs from what its source says now. */
type Stale = { readonly path: string; readonly want: string | undefined };

/** Compares pages with the files under `root`; a file in docs/reference that no page writes is stale as well. */
async function findStale(root: string, pages: readonly Page[]): Promise<readonly Stale[]> {
  const rendered = await Promise.all(pages.map(async (page) => ({ path: page.path, want: await page.render() })));
  const differing = rendered.filter(({ path, want }) => {
    const file = resolve(root, path);
    return !existsSync(file) || readFileSync(file, "utf8") !== want;
  });
  const known = new Set(rendered.map(({ path }) => path));
  const orphans = globSync("docs/reference/**/*.*", { cwd: root }).filter((path) => !known.has(path));
  return [...differing, ...orphans.map((path) => ({ path, want: undefined }))];
}

function write(root: string, { path, want }: Stale): void {
  const file = resolve(root, path);
  if (want === undefined) {
    rmSync(file);
    return;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, want);
}

const { check, root } = parseArgs({
  options: { check: { type: "boolean", default: false }, root: { type: "string", default: process.cwd() } },
}).values;
const stale = await findStale(root, pages);
for (const each of stale) {
  const isOrphan = each.want === undefined;
  const word = check ? (isOrphan ? "no longer generated" : "stale") : isOrphan ? "removed" : "written";
  console.error(`${word}: ${each.path}`);
  if (!check) write(root, each);
}
if (check && stale.length > 0) {
  console.error("Run: npm run docs");
  process.exitCode = 1;
} else {
  console.error(`${String(pages.length)} generated pages are fresh.`);
}
