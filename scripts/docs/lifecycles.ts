// The page of every lifecycle: a diagram, the states, and each allowed move with who makes it and why.
import { lifecycles, terminalStates } from "#protocol/lifecycles.ts";
import type { Lifecycle } from "#protocol/lifecycles/table.ts";
import { banner, mermaid, table, type Page } from "./page.ts";

/** docs/reference/lifecycles.md. */
export const lifecyclesPage: Page = {
  path: "docs/reference/lifecycles.md",
  render: () =>
    `${banner("node/protocol/lifecycles.ts")}
# Lifecycles

A move that is not listed is refused and leaves no trace in the state.
${Object.values<Lifecycle>(lifecycles).map(lifecycle).join("")}`,
};

function lifecycle(each: Lifecycle): string {
  const { name, states, initial, transitions } = each;
  const arrows = transitions.map(({ from, to }) => `  ${from} --> ${to}`);
  const ends = terminalStates(each).map((state) => `  ${state} --> [*]`);
  const moves = transitions.map(({ from, to, by, why }) => [`\`${from}\``, `\`${to}\``, by, why]);
  return `\n## ${name}

${mermaid(["stateDiagram-v2", `  [*] --> ${initial}`, ...arrows, ...ends])}
${table(
  ["State", "Meaning"],
  Object.entries(states).map(([state, meaning]) => [`\`${state}\``, meaning]),
)}
${table(["From", "To", "By", "Why"], moves)}`;
}
