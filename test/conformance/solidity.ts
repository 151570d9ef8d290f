// Reads Solidity tests: which there are, from their sources, and how they ended, from what Hardhat prints.

/** A test function of a `.t.sol` file; `title` is its name with the rule ids that its comment names. */
export type SolidityTest = { readonly file: string; readonly name: string; readonly title: string };

const functionWithComment = /((?:^[ \t]*\/\/.*\n)*)^[ \t]*function ((?:test|invariant)\w*)\(/gm;
const ruleId = /\b[A-Z]{4}-\d\d\b/g;

/** The tests that a source declares, in its order. */
export function declaredTests(file: string, source: string): readonly SolidityTest[] {
  return [...source.matchAll(functionWithComment)].map(([, comment = "", name = ""]) => {
    const ids = comment.match(ruleId) ?? [];
    return { file, name, title: ids.length === 0 ? name : `${name} (${ids.join(", ")})` };
  });
}

/** How each test ended: "file name" → "passed" or "failed"; a test that Hardhat did not print did not run. */
export function printedResults(output: string): ReadonlyMap<string, "passed" | "failed"> {
  const results = new Map<string, "passed" | "failed">();
  let file = "";
  for (const line of output.split("\n")) {
    file = /^ {2}(\S+\.t\.sol):\w+$/.exec(line)?.[1] ?? file;
    const [, mark, name] = /^ {4}(✔|\d+\)) (\w+)\(/.exec(line) ?? [];
    if (mark === undefined || name === undefined) continue;
    const key = `${file} ${name}`;
    results.set(key, mark === "✔" && results.get(key) !== "failed" ? "passed" : "failed");
  }
  return results;
}
