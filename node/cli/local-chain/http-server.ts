// JSON-RPC over HTTP on the loopback address, for programs of this machine and not for web pages.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers one method; rejects with an error that may carry `code` and `data`. */
export type RpcHandler = (method: string, params: readonly unknown[]) => Promise<unknown>;

/** A listening server. `close` ends open connections too. */
export type RpcServer = { readonly port: number; readonly close: () => Promise<void> };

/** One request body; a batch of the largest contract deployments fits many times. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** Calls in one batch. */
const MAX_BATCH = 1_000;

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

type RpcAnswer = { readonly jsonrpc: "2.0"; readonly id: unknown } & (
  { readonly result: unknown } | { readonly error: { code: number; message: string; data?: unknown } }
);

/**
 * Why a request is turned away before it is read, as an HTTP status; undefined when it is welcome. A web page can send
 * requests to the loopback address: it cannot set this content type without asking first, nor name this host.
 */
export function refusalStatus(request: Pick<IncomingMessage, "method" | "headers">): number | undefined {
  const host = (request.headers.host ?? "").replace(/:\d+$/, "");
  if (!LOOPBACK_HOSTS.has(host)) return 403;
  if (request.method !== "POST") return 405;
  if (!(request.headers["content-type"] ?? "").startsWith("application/json")) return 415;
  return undefined;
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function describeError(error: unknown): { code: number; message: string; data?: unknown } {
  if (!(error instanceof Error)) return { code: -32603, message: "internal error" };
  const code = "code" in error && typeof error.code === "number" ? error.code : -32603;
  const data = "data" in error ? error.data : undefined;
  // Clients look for the bare return data of a revert (code 3), which the engine wraps.
  const returned = typeof data === "object" && data !== null && "data" in data ? data.data : data;
  return returned === undefined ? { code, message: error.message } : { code, message: error.message, data: returned };
}

async function answer(call: unknown, handle: RpcHandler): Promise<RpcAnswer> {
  const fields = typeof call === "object" && call !== null ? call : {};
  const id = "id" in fields ? fields.id : null;
  const params = "params" in fields ? fields.params : [];
  if (!("method" in fields) || typeof fields.method !== "string" || !Array.isArray(params)) {
    return { jsonrpc: "2.0", id, error: { code: -32600, message: "not a JSON-RPC request" } };
  }
  try {
    return { jsonrpc: "2.0", id, result: await handle(fields.method, params as unknown[]) };
  } catch (error) {
    return { jsonrpc: "2.0", id, error: describeError(error) };
  }
}

async function answerBody(body: string, handle: RpcHandler): Promise<RpcAnswer | readonly RpcAnswer[]> {
  const invalid = (code: number, message: string): RpcAnswer => ({
    jsonrpc: "2.0",
    id: null,
    error: { code, message },
  });
  let calls: unknown;
  try {
    calls = JSON.parse(body);
  } catch {
    return invalid(-32700, "not JSON");
  }
  if (!Array.isArray(calls)) return answer(calls, handle);
  if (calls.length === 0 || calls.length > MAX_BATCH) return invalid(-32600, `a batch has 1 to ${MAX_BATCH} calls`);
  const answers: RpcAnswer[] = [];
  // In order: a batch that mines and then reads must see what it mined.
  for (const call of calls as unknown[]) answers.push(await answer(call, handle));
  return answers;
}

async function serve(request: IncomingMessage, response: ServerResponse, handle: RpcHandler): Promise<void> {
  const status = refusalStatus(request);
  if (status !== undefined) {
    response.writeHead(status, { connection: "close" }).end();
    return;
  }
  const body = await readBody(request);
  if (body === undefined) {
    response.writeHead(413, { connection: "close" }).end();
    return;
  }
  const text = JSON.stringify(await answerBody(body, handle));
  response.writeHead(200, { "content-type": "application/json" }).end(text);
}

/** Listens on 127.0.0.1. `port` 0 takes a free one. Rejects when the port is taken. */
export function listenRpc(port: number, handle: RpcHandler): Promise<RpcServer> {
  const server = createServer((request, response) => {
    // A connection that breaks off mid-request has nobody to answer.
    serve(request, response, handle).catch(() => response.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      const close = (): Promise<void> =>
        new Promise((closed) => {
          server.close(() => closed());
          server.closeAllConnections();
        });
      resolve({ port: (server.address() as AddressInfo).port, close });
    });
  });
}
