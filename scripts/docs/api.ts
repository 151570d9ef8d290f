// The published side of the REST API: its OpenAPI document, and each message as a JSON Schema file of its own.
import { publishedSchemas } from "#application/published-schemas.ts";
import { document } from "#application/routes.ts";
import { json, type Page } from "./page.ts";

/** docs/reference/openapi.json: the very document that the node answers with (CONT-02). */
export const openApiPage: Page = { path: "docs/reference/openapi.json", render: () => json(document) };

/** docs/reference/schemas/<id>.json: the very schemas that the node validates with (CONT-01). */
export const schemaPages: readonly Page[] = [...publishedSchemas].map(([id, schema]) => ({
  path: `docs/reference/schemas/${id}.json`,
  render: () => json(schema),
}));
