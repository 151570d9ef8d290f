// The ABIs that the node reads are those of the compiled contracts.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generateAbiFiles } from "../../scripts/generate-abi.ts";

test("node/chain/abi is what the compiled contracts say", () => {
  const files = generateAbiFiles();
  expect(files.size).toBe(3);
  for (const [path, text] of files) {
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"), path).toBe(text);
  }
});
