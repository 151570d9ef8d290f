// The page of every error a caller can see.
import { errorFamilies, errorTable } from "#protocol/errors.ts";
import { banner, table, type Page } from "./page.ts";

/** docs/reference/errors.md, a table for each family (CONT-04). */
export const errorsPage: Page = {
  path: "docs/reference/errors.md",
  render: () =>
    `${banner("node/protocol/errors.ts")}
# Errors

Every refusal is \`application/problem+json\` with one of these codes in \`code\`. *Retry* says whether the same request may
succeed later without being changed.
${errorFamilies.map(family).join("")}`,
};

function family(prefix: string): string {
  const rows = Object.entries(errorTable)
    .filter(([code]) => code.startsWith(prefix))
    .map(([code, { status, retry, meaning, remedy }]) => [
      `\`${code}\``,
      String(status),
      retry ? "yes" : "no",
      meaning,
      remedy,
    ]);
  return `\n## ${prefix}\n\n${table(["Code", "HTTP status", "Retry", "Meaning", "What to do"], rows)}`;
}
