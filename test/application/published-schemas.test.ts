// Published schemas: every one that has a name, under it, once.
import { Type } from "typebox";
import { expect, test } from "vitest";
import { TaskEnvelope } from "#protocol/schemas/task.ts";
import { TaskPage } from "#application/messages.ts";
import { isPublished, namedSchemas, publishedSchemas } from "#application/published-schemas.ts";

test("what has a name is published, what has none is not", () => {
  expect([isPublished(TaskEnvelope), isPublished(Type.String()), isPublished(null), isPublished("task")]).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect(namedSchemas.get("task-envelope")).toBe(TaskEnvelope);
  expect(namedSchemas.get("task-page")).toBe(TaskPage);
});

test("[CONT-01] the messages of every path of the protocol have their schemas", () => {
  const names = ["task-submission", "semantic-resolution-result", "execution-result-bundle", "verification-decision"];
  const more = [
    "settlement-view",
    "reward-record",
    "payout-instruction",
    "inclusion-proof",
    "problem",
    "archive-manifest",
  ];
  for (const name of [...names, ...more])
    expect(publishedSchemas.get(name), name).toMatchObject({ $id: name, type: "object" });
});
