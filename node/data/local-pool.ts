// Counting a batch for a vault's pool of local attributes: names, kinds and numbers, never values.
import { localFields, type LocalField } from "#protocol/local-attributes.ts";
import type { CanonicalRecord, CollectionDefinition } from "#protocol/schemas/vault.ts";

/** How many records of a batch have a local attribute. */
export type LocalCount = LocalField & { readonly occurrences: number };

/** What a batch adds to its collection's pool: each local attribute once, ascending by name and kind (ATTR-09). */
export function countLocalAttributes(
  records: readonly CanonicalRecord[],
  mapped: CollectionDefinition["fields"],
): readonly LocalCount[] {
  const counts = new Map<string, LocalField & { occurrences: number }>();
  for (const record of records) {
    for (const { name, valueKind } of localFields(record, mapped)) {
      // Names have no blanks.
      const key = `${name} ${valueKind}`;
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { name, valueKind, occurrences: 1 });
      else known.occurrences++;
    }
  }
  return [...counts].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, count]) => count);
}
