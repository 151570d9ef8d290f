// Every schema that is published, by name: those of the protocol and those that only the REST surface has.
import type { TSchema } from "typebox";
import * as challenge from "#protocol/schemas/challenge.ts";
import * as execution from "#protocol/schemas/execution.ts";
import * as explanation from "#protocol/schemas/explanation.ts";
import * as governance from "#protocol/schemas/governance.ts";
import * as localAttribute from "#protocol/schemas/local-attribute.ts";
import * as policy from "#protocol/schemas/policy.ts";
import * as problem from "#protocol/schemas/problem.ts";
import * as registry from "#protocol/schemas/registry.ts";
import * as settlement from "#protocol/schemas/settlement.ts";
import * as task from "#protocol/schemas/task.ts";
import * as vault from "#protocol/schemas/vault.ts";
import * as messages from "./messages.ts";

const modules: readonly Readonly<Record<string, unknown>>[] = [
  challenge,
  execution,
  explanation,
  governance,
  localAttribute,
  policy,
  problem,
  registry,
  settlement,
  task,
  vault,
  messages,
];

const dialect = "https://json-schema.org/draft/2020-12/schema";

/** A schema that has a name of its own. */
export type PublishedSchema = TSchema & { readonly $id: string };

/** Whether a schema is published under a name of its own. */
export function isPublished(schema: unknown): schema is PublishedSchema {
  return typeof schema === "object" && schema !== null && "$id" in schema && typeof schema.$id === "string";
}

/** The schemas themselves, by name (CONT-01). */
export const namedSchemas: ReadonlyMap<string, PublishedSchema> = new Map(
  modules.flatMap((each) => Object.values(each).filter(isPublished)).map((schema) => [schema.$id, schema]),
);

/** As they are handed out: with the dialect they are written in. */
export const publishedSchemas: ReadonlyMap<string, object> = new Map(
  [...namedSchemas].map(([name, schema]) => [name, { $schema: dialect, ...schema }]),
);
