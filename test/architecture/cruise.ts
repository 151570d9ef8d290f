// Runs dependency-cruiser with this repository's rules over any tree that has a `node/` folder.
import { resolve } from "node:path";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import extractTsConfig from "dependency-cruiser/config-utl/extract-ts-config";
import extractDepcruiseOptions from "dependency-cruiser/config-utl/extract-depcruise-options";

/** What one run saw. `violations` read "rule: from → to", sorted. */
export type Cruise = { readonly moduleCount: number; readonly violations: readonly string[] };

const repository = resolve(import.meta.dirname, "../..");

/**
 * Cruises `<root>/node`. The module count is part of the answer because dependency-cruiser, when it cannot read the
 * sources, reports no modules and no violations, and that must not pass for a clean tree.
 */
export async function cruiseTree(root: string): Promise<Cruise> {
  const options = await extractDepcruiseOptions(resolve(repository, ".dependency-cruiser.mjs"));
  const tsConfig: unknown = extractTsConfig(resolve(repository, "tsconfig.json"));
  const { output } = await cruise(["node"], { ...options, baseDir: root }, {}, { tsConfig });
  const { modules, summary } = output as ICruiseResult;
  return {
    moduleCount: modules.filter(({ source }) => source.startsWith("node/")).length,
    violations: summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`).toSorted(),
  };
}
