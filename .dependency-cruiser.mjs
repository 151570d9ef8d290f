// The import law as dependency-cruiser rules, derived from the one table in node/architecture.ts.
import { folders, vocabulary, vocabularyPackages } from "./node/architecture.ts";

const npmTypes = ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-bundled", "npm-no-pkg", "npm-unknown"];
const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Path pattern of an npm package (`@scope/*` for a scope) or of a `node:` module with its sub-modules. */
function packagePattern(name) {
  if (name === "*") return ".";
  if (name.startsWith("node:")) return `^(node:)?${escape(name.slice(5))}(/|$)`;
  const stem = name.endsWith("/*") ? escape(name.slice(0, -1)) : `${escape(name)}/`;
  return `(^|/)node_modules/(@types/)?${stem}`;
}

/** Path pattern of a folder of `node/`, of a part of one, or of all of them. */
const folderPattern = (name) => (name === "*" ? "^node/" : `^node/${escape(name)}/`);

const perFolder = Object.entries(folders).flatMap(([name, { imports, packages }]) => [
  {
    name: `${name}-imports`,
    comment: `node/${name}/ may import of ours only: itself${imports.map((folder) => `, ${folder}`).join("")}`,
    severity: "error",
    from: { path: folderPattern(name) },
    to: { path: "^node/", pathNot: [name, ...imports].map(folderPattern) },
  },
  {
    name: `${name}-packages`,
    comment: `node/${name}/ may import only these packages: ${packages.join(", ")}`,
    severity: "error",
    from: { path: folderPattern(name) },
    to: { dependencyTypes: ["core", ...npmTypes], pathNot: packages.map(packagePattern) },
  },
]);

const vocabularyPatterns = vocabulary.map((path) => `^node/${escape(path)}`);

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...perFolder,
    {
      name: "vocabulary-imports",
      comment: "the protocol's vocabulary imports nothing of ours but itself",
      severity: "error",
      from: { path: vocabularyPatterns },
      to: { path: "^node/", pathNot: vocabularyPatterns },
    },
    {
      name: "vocabulary-packages",
      comment: `the protocol's vocabulary may import only: ${vocabularyPackages.join(", ")}`,
      severity: "error",
      from: { path: vocabularyPatterns },
      to: { dependencyTypes: ["core", ...npmTypes], pathNot: vocabularyPackages.map(packagePattern) },
    },
    {
      name: "crossing-shows",
      comment: "across folders the import says #folder/file.ts",
      severity: "error",
      from: { path: "^node/([^/]+)/" },
      to: { path: "^node/", pathNot: "^node/$1/", dependencyTypesNot: ["aliased-subpath-import"] },
    },
    {
      name: "inside-is-relative",
      comment: "inside a folder the import says ./file.ts",
      severity: "error",
      from: { path: "^node/([^/]+)/" },
      to: { path: "^node/$1/", dependencyTypes: ["aliased-subpath-import"] },
    },
    {
      name: "node-stands-alone",
      comment: "what runs imports nothing from test/, scripts/, deploy/ or contracts/",
      severity: "error",
      from: { path: "^node/", pathNot: "^node/cli/" },
      to: { pathNot: "^node/", dependencyTypes: ["local", "localmodule", "aliased", "undetermined"] },
    },
    {
      name: "node-stands-alone",
      comment: "… but for the one function that deploys the contracts, which the command line calls",
      severity: "error",
      from: { path: "^node/cli/" },
      to: {
        pathNot: ["^node/", "^deploy/chain/deploy\\.ts$"],
        dependencyTypes: ["local", "localmodule", "aliased", "undetermined"],
      },
    },
    {
      name: "no-development-packages",
      comment: "what runs imports only what package.json names under dependencies",
      severity: "error",
      from: { path: "^node/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
    { name: "no-cycle", comment: "no import cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-unresolvable",
      comment: "every import leads somewhere",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "node", "default"] },
  },
};
