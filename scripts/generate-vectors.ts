// Writes the golden vectors that other implementations make (viem, merkletreejs, OpenZeppelin); with --check, compares.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { eip712Vectors } from "#test/vectors/make/eip712.ts";
import { openzeppelinVectors } from "#test/vectors/make/openzeppelin-tree.ts";
import { settlementVectors } from "#test/vectors/make/settlement-tree.ts";

/** JSON with bigint as decimal strings. */
const write = (value: unknown): string =>
  `${JSON.stringify(value, (_key, member: unknown) => (typeof member === "bigint" ? member.toString() : member), 2)}\n`;

const files = {
  "settlement-tree.json": settlementVectors(),
  "openzeppelin-tree.json": openzeppelinVectors(),
  "eip712.json": await eip712Vectors(),
};
for (const [name, content] of Object.entries(files)) {
  const path = fileURLToPath(new URL(`../test/vectors/${name}`, import.meta.url));
  if (!process.argv.includes("--check")) {
    writeFileSync(path, write(content));
  } else if (readFileSync(path, "utf8") !== write(content)) {
    console.error(`test/vectors/${name} is not what scripts/generate-vectors.ts gives`);
    process.exitCode = 1;
  }
}
