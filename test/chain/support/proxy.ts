// A JSON-RPC endpoint in front of a real one that can lie, lag, hang, lose answers and go away.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type RpcCall = { readonly id: unknown; readonly method: string; readonly params: readonly unknown[] };
export type RpcReply = {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
};

/** What to do with a call: answer it otherwise, break the connection, or leave it unanswered. */
export type Interference = (call: RpcCall, forward: () => Promise<RpcReply>) => Promise<RpcReply | "break" | "hang">;

export const honest: Interference = (_, forward) => forward();

export type Proxy = {
  readonly url: string;
  /** How this endpoint behaves from now on. */
  behave: Interference;
  readonly close: () => Promise<void>;
};

async function readCall(request: IncomingMessage): Promise<RpcCall> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const { id, method, params = [] } = JSON.parse(Buffer.concat(chunks).toString()) as Partial<RpcCall>;
  return { id, method: method ?? "", params };
}

async function forwardTo(target: string, call: RpcCall): Promise<RpcReply> {
  const response = await fetch(target, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", ...call }),
  });
  const { result, error } = (await response.json()) as RpcReply;
  return error === undefined ? { result } : { error };
}

export async function startProxy(target: string): Promise<Proxy> {
  const proxy = { url: "", behave: honest };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = await readCall(request);
    const reply = await proxy.behave(call, () => forwardTo(target, call));
    if (reply === "hang") return;
    if (reply === "break") {
      request.socket.destroy();
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id: call.id, ...reply }));
  };
  const server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return Object.assign(proxy, { close });
}

/** Answers one method with something else. */
export const lying =
  (method: string, result: unknown): Interference =>
  async (call, forward) =>
    call.method === method ? { result } : forward();

/** Takes one method's calls and breaks off before or after they reach the chain. */
export const losing =
  (method: string, when: "request" | "answer"): Interference =>
  async (call, forward) => {
    if (call.method !== method) return forward();
    if (when === "answer") await forward();
    return "break";
  };

/** Does not answer at all. */
export const away: Interference = () => Promise.resolve("break");

/** Knows nothing above a height. */
export const lagging =
  (height: bigint): Interference =>
  async (call, forward) => {
    const reply = await forward();
    if (call.method === "eth_blockNumber") return { result: `0x${height.toString(16)}` };
    const asked = call.params[0];
    const above = typeof asked === "string" && /^0x[0-9a-f]{1,16}$/.test(asked) && BigInt(asked) > height;
    if (call.method === "eth_getBlockByNumber" && above) return { result: null };
    const { blockNumber } = (reply.result ?? {}) as { blockNumber?: string };
    if (call.method === "eth_getTransactionReceipt" && BigInt(blockNumber ?? "0x0") > height) return { result: null };
    return reply;
  };
