// What no id commits to is held against the published shape: nothing can be added to an item, and nobody credited out of nothing.
import { expect, test } from "vitest";
import { checkArchive } from "#audit/recompute.ts";
import { canonicalText, type Json } from "#protocol/canonical.ts";
import type { ArchivedItem } from "#protocol/schemas/settlement.ts";
import { archiveOf, settledItems } from "#test/settlement/archived-epoch.ts";
import { finishedTask } from "#test/settlement/finished-tasks.ts";

const items = settledItems([0, 1, 2].map((number) => finishedTask(number)));
const place = "parts[0].items[1]";

/** The first field that an archive is refused for, whose second item says something else and whose digests all fit. */
async function refusedFor(change: (item: ArchivedItem) => object): Promise<string | undefined> {
  const [first, second, third] = items;
  if (first === undefined || second === undefined || third === undefined) throw new Error("no items");
  const changed = change(JSON.parse(second.line) as ArchivedItem);
  const verdict = await checkArchive(archiveOf([first, { ...second, line: canonicalText(changed as Json) }, third]));
  return verdict.kind === "invalid" ? verdict.difference.field.replace(`${place}.`, "") : undefined;
}

type Contribution = ArchivedItem["contributions"][number];

const withContribution = (change: (contribution: Contribution) => object) => (item: ArchivedItem) => ({
  ...item,
  contributions: item.contributions.map((each, at) => (at === 0 ? change(each) : each)),
});

const withProducers = (change: (producers: Contribution["producers"]) => readonly object[]) =>
  withContribution((each) => ({ ...each, producers: change(each.producers) }));

const lies: Readonly<Record<string, (item: ArchivedItem) => object>> = {
  "assignment has.length": (item) => ({ ...item, assignment: { ...item.assignment, zzz: 1 } }),
  "decisions[0] has.length": (item) => ({ ...item, decisions: item.decisions.map((each) => ({ ...each, zzz: 1 })) }),
  "contributions[0] has.length": withContribution((each) => ({ ...each, zzz: 1 })),
  "contributions[0].operator": withContribution((each) => ({ ...each, operator: `${each.operator} ` })),
  "contributions[0].producers[0] has.length": withProducers(([first, ...rest]) => [{ ...first, zzz: 1 }, ...rest]),
  "contributions[0].producers[0].account": withProducers(([first, ...rest]) => [{ ...first, account: "0x" }, ...rest]),
  "contributions[0].producers[0].records": withProducers(([first, second, ...rest]) => [
    { ...first, records: -100 },
    { ...second, records: (first?.records ?? 0) + (second?.records ?? 0) + 100 },
    ...rest,
  ]),
  "contributions[0].producers[1].records": withProducers(([first, second, ...rest]) => [
    { ...first, records: (first?.records ?? 0) + (second?.records ?? 0) },
    { ...second, records: 0.5 },
    ...rest,
  ]),
};

test("an archive as it should be is not refused", async () => {
  expect(await refusedFor((item) => item)).toBeUndefined();
});

test.each(Object.entries(lies))("%s", async (field, change) => {
  expect(await refusedFor(change)).toBe(field);
});
