// The node's REST API as a command reaches it: address and token from options, then configuration.
import { existsSync } from "node:fs";
import { ProtocolError } from "#protocol/errors.ts";
import { request, tokenIn, type ApiClient } from "../api-client.ts";
import type { Configuration } from "../config/schema.ts";
import { operatorTokenFile } from "../wiring/surroundings.ts";
import type { Invocation } from "./command.ts";

/** Options of every command over REST; see `apiOptions`. */
export type ApiOptions = { readonly url?: string; readonly tokenFile?: string };
export type PageOptions = { readonly after?: string; readonly limit?: number };

/** A page of a list as the API answers it. */
export type PageAnswer<T> = { readonly items: readonly T[]; readonly next: string | null };

/** The API a command talks to. */
function openApi({ options, configuration }: ApiInvocation, isSigned: boolean): ApiClient {
  const { url, tokenFile } = options;
  if (url !== undefined && (tokenFile !== undefined || isSigned)) return { url, token: tokenIn(tokenFile) };
  const settings = configuration();
  const file = tokenFile ?? (isSigned ? undefined : operatorToken(settings.SCS_DATA_DIR));
  return { url: url ?? configuredUrl(settings), token: tokenIn(file) };
}

function operatorToken(dataDir: string): string | undefined {
  const file = operatorTokenFile(dataDir);
  return existsSync(file) ? file : undefined;
}

function configuredUrl({ SCS_API_HOST: host, SCS_API_PORT: port }: Configuration): string {
  if (port === 0) {
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: ["SCS_API_PORT is 0: name the API with --url"] });
  }
  // What a server listens on everywhere is reached on the own machine.
  const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

/** What a command over REST needs of its invocation. */
type ApiInvocation = Pick<Invocation<readonly unknown[], ApiOptions>, "options" | "configuration">;

/**
 * Sends a request to the API of an invocation. What is signed speaks for its signer: the operator's own token does not go
 * with it unless it is named.
 * @throws ProtocolError as `request`
 */
export async function ask<T>(invocation: ApiInvocation, method: string, path: string, body?: unknown): Promise<T> {
  const isSigned = typeof body === "object" && body !== null && "signature" in body;
  return await request<T>(openApi(invocation, isSigned), method, path, body);
}

/** The query part of an address; what is undefined is left out. */
export function queryText(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? "" : `?${query.toString()}`;
}

/** Asks for one page of a list and shows it as a table. */
export async function showPage<T>(
  invocation: Pick<Invocation<readonly unknown[], ApiOptions & PageOptions>, "options" | "configuration" | "output">,
  list: {
    readonly path: string;
    readonly query?: Readonly<Record<string, string | number | undefined>>;
    readonly headings: readonly string[];
    readonly row: (item: T) => readonly string[];
  },
): Promise<void> {
  const { options, output } = invocation;
  const { after, limit } = options;
  const query = queryText({ ...list.query, after, limit });
  const page = await ask<PageAnswer<T>>(invocation, "GET", `${list.path}${query}`);
  output.answer(page, () => {
    output.table(list.headings, page.items.map(list.row));
    if (page.next !== null) output.say(`more: --after ${page.next}`);
  });
}
