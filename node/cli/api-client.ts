// The REST API as the commands use it: one request, one answer, problems as errors with their codes.
import { readFileSync } from "node:fs";
import { errorTable, ProtocolError, type ErrorCode, type ErrorDetail } from "#protocol/errors.ts";
import { jsonText } from "./output.ts";

/** Where the API is, and who asks. */
export type ApiClient = { readonly url: string; readonly token: string | null };

/** A request that takes longer than this has no answer. */
const timeoutMilliseconds = 60_000;

/** Reads a bearer token from a file; without a file the caller is anonymous. */
export function tokenIn(file: string | undefined): string | null {
  if (file === undefined) return null;
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${file} cannot be read`] }, { cause: error });
  }
}

/**
 * Sends a request and answers its JSON.
 * @throws ProtocolError with the code of the problem that the node answered with; INTERNAL_API_UNREACHABLE that names the
 * address when nobody answered
 */
export async function request<T>(client: ApiClient, method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {};
  if (client.token !== null) headers["authorization"] = `Bearer ${client.token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const sent = body === undefined ? {} : { body: jsonText(body) };
  const { response, text } = await exchange(client.url, path, { method, headers, ...sent });
  const answer = answerIn(text, client.url);
  if (response.ok) return answer as T;
  throw problemError(answer, response.status);
}

async function exchange(
  url: string,
  path: string,
  init: RequestInit,
): Promise<{ readonly response: Response; readonly text: string }> {
  if (!URL.canParse(path, url)) {
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${url} is no address of an API`] });
  }
  try {
    const signal = AbortSignal.timeout(timeoutMilliseconds);
    const response = await fetch(new URL(path, url), { ...init, signal });
    return { response, text: await response.text() };
  } catch (error) {
    // Whatever the platform throws here, it is because there was no answer, or no whole one.
    throw unreachable(`no answer from ${url}`, error);
  }
}

function answerIn(text: string, url: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch (error) {
    throw unreachable(`${url} is answered by something that is not a node`, error);
  }
}

function unreachable(what: string, cause: unknown): ProtocolError {
  const reason = `${what}: start the node with "scs start", or name another address with --url`;
  return new ProtocolError("INTERNAL_API_UNREACHABLE", { reason }, { cause });
}

function problemError(answer: unknown, status: number): ProtocolError {
  const problem = (answer ?? {}) as {
    code?: string;
    detail?: ErrorDetail;
    errors?: { path: string; message: string }[];
  };
  const known = problem.code !== undefined && Object.hasOwn(errorTable, problem.code);
  if (!known) return new ProtocolError("INTERNAL_UNEXPECTED", { status });
  const errors = problem.errors?.map(({ path, message }) => `${path} ${message}`);
  return new ProtocolError(problem.code as ErrorCode, { ...problem.detail, ...(errors ? { errors } : {}) });
}
