// The page of the import law: the table and its diagram.
import { folders, vocabulary } from "#node/architecture.ts";
import { banner, mermaid, table, type Page } from "./page.ts";

/** docs/reference/imports.md. */
export const importsPage: Page = {
  path: "docs/reference/imports.md",
  render: () => {
    const rows = Object.entries(folders).map(([name, { rank, purpose, imports, packages }]) => [
      String(rank),
      `\`${name}/\``,
      purpose,
      imports.map(named).join(", ") || "nothing",
      packages.map(named).join(", "),
    ]);
    return `${banner("node/architecture.ts")}
# Import map

What each folder of \`node/\` is for and what it may import; what is not listed is refused by dependency-cruiser and by
test/architecture. An import goes only to a lower rank, \`node:\` modules and packages included in the list.

${mermaid(diagram())}
${table(["Rank", "Folder", "Purpose", "May import of ours", "Packages"], rows)}
Inside \`protocol/\`, the shared vocabulary (${vocabulary.map(named).join(", ")}) imports nothing of ours but itself.
`;
  },
};

const named = (name: string): string => (name === "*" ? "everything" : `\`${name}\``);

/**
 * A box for each set of folders with one rank and one list of imports, and an arrow for each thing imported; none from `cli`,
 * which may import everything.
 */
function diagram(): readonly string[] {
  const boxes = Map.groupBy(Object.entries(folders), ([, { rank, imports }]) => `${String(rank)} ${imports.join()}`);
  return [
    "flowchart TB",
    ...[...boxes.values()].flatMap((members, index) => {
      const [, { rank, imports }] = members[0] ?? ["", { rank: 0, imports: [] }];
      const box = `box${String(index)}`;
      return [
        `  subgraph ${box}["rank ${String(rank)}"]`,
        ...members.map(([name]) => `    ${name}`),
        "  end",
        ...imports.filter((target) => target !== "*").map((target) => `  ${box} ${arrow(target)}`),
      ];
    }),
  ];
}

/** An arrow to a folder, dotted and named where only a part of it may be imported. */
function arrow(target: string): string {
  const [folder = target, part] = target.split("/");
  return part === undefined ? `--> ${folder}` : `-. "${part}/ only" .-> ${folder}`;
}
