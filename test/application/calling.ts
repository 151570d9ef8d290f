// Calls to the application under test; every answer is held against the published OpenAPI document.
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "vitest";
import type { Problem } from "#protocol/schemas/problem.ts";
import { document, routes } from "#application/routes.ts";
import type { Opened } from "./opened.ts";

/** What is looked at of an answer, wherever it comes from. */
export type Answered = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  json<T>(): T;
};

type Operation = {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { content?: Record<string, { schema: object }>; "x-error-codes"?: readonly string[] }>
  >;
};

const paths = document["paths"] as Readonly<Record<string, Readonly<Record<string, Operation>>>>;
const ajv = new Ajv2020({ strict: true, allErrors: true });
ajv.addVocabulary(Object.keys(document));
ajv.addSchema({ $id: "openapi", ...document });

/** The operation that an address and a method belong to; undefined where the document has none. */
function operationFor(
  method: string,
  url: string,
): { readonly path: string; readonly operation: Operation } | undefined {
  const steps = url.split("?")[0]?.split("/") ?? [];
  for (const [path, methods] of Object.entries(paths)) {
    const pattern = path.split("/");
    const isSame = pattern.length === steps.length && pattern.every((step, at) => matches(step, steps[at] ?? ""));
    const operation = methods[method.toLowerCase()];
    if (isSame && operation !== undefined) return { path, operation };
  }
  return undefined;
}

const matches = (pattern: string, step: string): boolean =>
  new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, ".+")}$`).test(step);

/** Statuses that operations answered with in this test file, by operation. */
const answered = new Map<string, Set<number>>();

/** Tags whose operations have a test file of their own in `routes/`; the others are answered in `answers.test.ts`. */
const ownFiles: ReadonlySet<string> = new Set(["challenges", "governance", "local attributes"]);

/** Expects that this file called every operation of a tag, or of all tags without a file of their own, in every way it succeeds. */
export function expectEveryAnswer(tag?: string): void {
  const wanted = routes.filter((each) => (tag === undefined ? !ownFiles.has(each.tag) : each.tag === tag));
  expect(wanted.length).toBeGreaterThan(0);
  for (const { operationId, successes } of wanted) {
    const statuses = [...(answered.get(operationId) ?? [])].filter((status) => status < 300);
    expect(new Set(statuses), operationId).toEqual(new Set(Object.keys(successes).map(Number)));
  }
}

/** What every answer of a described operation keeps to (CONT-02, CONT-03). */
export function expectDescribed(method: string, url: string, response: Answered): void {
  const found = operationFor(method, url);
  if (found === undefined) return;
  const { operationId } = found.operation;
  answered.set(operationId, (answered.get(operationId) ?? new Set()).add(response.statusCode));
  const described = found.operation.responses[String(response.statusCode)];
  expect(described, `${method} ${found.path} describes ${response.statusCode}: ${response.body}`).toBeDefined();
  const content = Object.entries(described?.content ?? {});
  const [mediaType, media] = content[0] ?? [];
  if (mediaType === undefined || media === undefined) {
    expect(response.body).toBe("");
    return;
  }
  expect(response.headers["content-type"]).toContain(mediaType.split(";")[0]);
  const pointer = `#/paths/${escape(found.path)}/${method.toLowerCase()}/responses/${response.statusCode}/content/${escape(mediaType)}/schema`;
  const validate = ajv.compile({ $ref: `openapi${pointer}` });
  const value = mediaType.includes("json") ? response.json<unknown>() : response.body;
  expect(validate(value), `${JSON.stringify(validate.errors)} ${response.body}`).toBe(true);
  if (response.statusCode >= 400) expect(described?.["x-error-codes"]).toContain((value as Problem).code);
}

const escape = (part: string): string => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));

export type Request = {
  readonly token?: string;
  readonly body?: unknown;
  /** The body as it is to be sent, instead of a value. */
  readonly text?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
};

const headersOf = ({ token, headers }: Request, payload: string | Buffer | undefined): Record<string, string> => ({
  ...(payload === undefined ? {} : { "content-type": "application/json" }),
  ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  ...headers,
});

const payloadOf = ({ text, body }: Request): string | Buffer | undefined =>
  text ?? (body === undefined ? undefined : JSON.stringify(body));

/** Sends a request over HTTP to a server that listens, and holds its answer against the document. */
export async function send(origin: string, method: string, url: string, request: Request = {}): Promise<Answered> {
  const payload = payloadOf(request);
  const answer = await fetch(new URL(url, origin), {
    method,
    headers: headersOf(request, payload),
    ...(payload === undefined ? {} : { body: typeof payload === "string" ? payload : new Uint8Array(payload) }),
  });
  const text = await answer.text();
  const response: Answered = {
    statusCode: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: text,
    json: <T>() => JSON.parse(text) as T,
  };
  expectDescribed(method, url, response);
  return response;
}

/** Sends a request and holds its answer against the document. */
export async function call(
  { app }: Pick<Opened, "app">,
  method: "GET" | "POST" | "DELETE" | "PUT",
  url: string,
  request: Request = {},
): Promise<Answered> {
  const payload = payloadOf(request);
  const response = await app.inject({
    method,
    url,
    headers: headersOf(request, payload),
    ...(payload === undefined ? {} : { payload }),
  });
  expectDescribed(method, url, response);
  return response;
}

/** Expects a refusal by its code; answers the problem. */
export function expectProblem(response: Answered, code: string): Problem {
  expect(response.headers["content-type"]).toContain("application/problem+json");
  const problem = response.json<Problem>();
  expect(problem.code).toBe(code);
  expect(response.statusCode).toBe(problem.status);
  return problem;
}
