// The OpenAPI document: made from the schemas that validate, complete, and without anything that leads nowhere.
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { errorTable } from "#protocol/errors.ts";
import { openApiDocument } from "#application/openapi.ts";
import { namedSchemas, publishedSchemas } from "#application/published-schemas.ts";
import { refusalsOf } from "#application/route.ts";
import { document, routes } from "#application/routes.ts";

const text = JSON.stringify(document);

/** Every value of a key anywhere in the document. */
function valuesOf(wanted: string, node: unknown = document): readonly unknown[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries<unknown>({ ...node }).flatMap(([key, value]) => [
    ...(key === wanted ? [value] : []),
    ...valuesOf(wanted, value),
  ]);
}

test("the document is a pure function of the routes", () => {
  expect(JSON.stringify(openApiDocument(routes))).toBe(text);
});

test("[CONT-01] every published schema compiles under JSON Schema 2020-12 in strict mode, and names its dialect", () => {
  expect(publishedSchemas.size).toBeGreaterThan(30);
  for (const [name, schema] of publishedSchemas) {
    const ajv = new Ajv2020({ strict: true, allErrors: true });
    expect(() => ajv.compile(schema), name).not.toThrow();
    expect(schema).toMatchObject({ $id: name, $schema: "https://json-schema.org/draft/2020-12/schema" });
  }
});

test("[CONT-01] an operation's schemas are the very objects that are published under their names", () => {
  const bodies = routes.flatMap(({ body }) => (body === undefined ? [] : [body]));
  expect(bodies.length).toBeGreaterThan(5);
  for (const body of bodies) {
    const { $id } = body as { $id?: string };
    expect(namedSchemas.get($id ?? "")).toBe(body);
  }
});

test("[CONT-02] every reference leads to a component that is there, and every schema with a name is one", () => {
  const { schemas } = document["components"] as { schemas: Record<string, unknown> };
  const references = valuesOf("$ref") as string[];
  expect(references.length).toBeGreaterThan(50);
  for (const reference of references) {
    expect(reference).toMatch(/^#\/components\/schemas\/\w+$/);
    expect(schemas).toHaveProperty([reference.slice("#/components/schemas/".length)]);
  }
  expect(Object.keys(schemas)).toHaveLength(namedSchemas.size);
  expect(valuesOf("$id")).toEqual([]);
});

test("[CONT-02] every operation is described once, under its own id, with a success and a summary", () => {
  const ids = valuesOf("operationId");
  expect(ids).toHaveLength(routes.length);
  expect(new Set(ids).size).toBe(routes.length);
  for (const { summary, description, successes } of routes) {
    expect(summary.length * description.length).toBeGreaterThan(0);
    expect(
      Object.keys(successes)
        .map(Number)
        .every((status) => status < 300),
    ).toBe(true);
  }
});

test("[CONT-04] every code that an operation documents is in the error table, under the status it is listed with", () => {
  for (const route of routes) {
    for (const code of refusalsOf(route)) expect(errorTable).toHaveProperty(code);
  }
  const statuses = Object.entries(
    document["paths"] as Record<string, Record<string, { responses: Record<string, unknown> }>>,
  )
    .flatMap(([, methods]) => Object.values(methods))
    .flatMap(
      ({ responses }) => Object.entries(responses) as [string, { "x-error-codes"?: (keyof typeof errorTable)[] }][],
    );
  for (const [status, { "x-error-codes": codes }] of statuses) {
    for (const code of codes ?? []) expect(String(errorTable[code].status)).toBe(status);
  }
});

test("who may call what stands in the document: scopes, and nothing else, behind the token", () => {
  const scoped = routes.filter(({ access }) => access.kind === "token");
  expect(scoped.length).toBeGreaterThan(5);
  const paths = document["paths"] as Record<string, Record<string, { security: unknown }>>;
  for (const { path, method, access } of scoped) {
    const operation = paths[path.replaceAll(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
    expect(operation?.security).toEqual([{ token: access.kind === "token" ? access.scopes : [] }]);
  }
});

type Parameter = { readonly name: string; readonly in: string; readonly required: boolean; readonly schema: object };
type Media = { readonly schema: object };
type Operation = {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Record<string, Media> }>
  >;
};

/** Every operation with its address. */
const operations = Object.entries(document["paths"] as Record<string, Record<string, Operation>>).flatMap(
  ([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

test("the document has the form of OpenAPI 3.1: addresses, their parameters, responses by status [CONT-02]", () => {
  expect(document["openapi"]).toMatch(/^3\.1\.\d+$/);
  expect(Object.keys(document["info"] as object)).toEqual(expect.arrayContaining(["title", "version"]));
  const allowed = ["openapi", "info", "tags", "paths", "components", "servers", "security", "externalDocs"];
  expect(allowed).toEqual(expect.arrayContaining(Object.keys(document)));
  for (const { path, method, operation } of operations) {
    expect(path).toMatch(/^\//);
    expect(["get", "post", "delete"]).toContain(method);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
    const parameters = operation.parameters ?? [];
    const inPath = parameters.filter((each) => each.in === "path");
    expect(inPath.map(({ name }) => name).toSorted(), path).toEqual(named.toSorted());
    expect(inPath.every(({ required }) => required)).toBe(true);
    expect(new Set(parameters.map((each) => `${each.in} ${each.name}`)).size).toBe(parameters.length);
    for (const [status, { description }] of Object.entries(operation.responses)) {
      expect(status).toMatch(/^[2-5]\d\d$/);
      expect(description.length, `${path} ${status}`).toBeGreaterThan(0);
    }
  }
});

test("every schema of the document compiles under JSON Schema 2020-12, where it stands [CONT-01]", () => {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  ajv.addVocabulary(Object.keys(document));
  ajv.addSchema({ $id: "openapi", ...document });
  const pointers = operations.flatMap(({ path, method, operation }) => {
    const media = Object.keys(operation.requestBody?.content ?? {}).map((type) => ["requestBody", "content", type]);
    const answers = Object.entries(operation.responses).flatMap(([status, { content = {} }]) =>
      Object.keys(content).map((type) => ["responses", status, "content", type]),
    );
    const parameters = (operation.parameters ?? []).map((_, at) => ["parameters", String(at)]);
    return [...media, ...answers, ...parameters].map((steps) => ["paths", path, method, ...steps, "schema"]);
  });
  const components = document["components"] as { readonly schemas: object };
  const named = Object.keys(components.schemas).map((name) => ["components", "schemas", name]);
  expect(pointers.length).toBeGreaterThan(100);
  for (const steps of [...pointers, ...named]) {
    const escaped = steps.map((step) => encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1")));
    expect(() => ajv.compile({ $ref: `openapi#/${escaped.join("/")}` }), steps.join(" ")).not.toThrow();
  }
});
