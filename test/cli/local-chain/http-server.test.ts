// JSON-RPC over loopback HTTP: calls, batches, errors, and whom it turns away.
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listenRpc, type RpcServer } from "#cli/local-chain/http-server.ts";

let server: RpcServer;
beforeAll(async () => {
  server = await listenRpc(0, (method, params) => {
    if (method === "revert") {
      return Promise.reject(Object.assign(new Error("reverted"), { code: 3, data: { data: "0xdead", message: "x" } }));
    }
    return Promise.resolve({ method, params });
  });
});
afterAll(() => server.close());

type Answer = { readonly status: number; readonly body: string };

function post(body: string, headers: Record<string, string> = {}, method = "POST"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: "127.0.0.1",
        port: server.port,
        method,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

const rpc = (method: string, id: unknown = 1): object => ({ jsonrpc: "2.0", id, method, params: [] });

test("answers one call and a batch in order", async () => {
  expect(JSON.parse((await post(JSON.stringify(rpc("a", "x")))).body)).toEqual({
    jsonrpc: "2.0",
    id: "x",
    result: { method: "a", params: [] },
  });
  const batch = JSON.parse((await post(JSON.stringify([rpc("a", 1), rpc("revert", 2), 7]))).body) as unknown[];
  expect(batch).toMatchObject([{ id: 1 }, { id: 2, error: { code: 3, data: "0xdead" } }, { error: { code: -32600 } }]);
});

test.each([
  ["a web page's host", { host: "attacker.example" }, "POST", 403],
  ["a form's content type", { "content-type": "text/plain" }, "POST", 415],
  ["another method", {}, "OPTIONS", 405],
])("turns away %s", async (_, headers, method, status) => {
  expect((await post(method === "POST" ? JSON.stringify(rpc("a")) : "", headers, method)).status).toBe(status);
});

test.each([
  ["no JSON", "{", -32700],
  ["an empty batch", "[]", -32600],
  ["a batch beyond its limit", JSON.stringify(Array.from({ length: 1_001 }, () => 1)), -32600],
])("names the error of %s", async (_, body, code) => {
  expect(JSON.parse((await post(body)).body)).toMatchObject({ error: { code } });
});

test("a port that is taken is an error, not a second server", async () => {
  await expect(listenRpc(server.port, () => Promise.resolve(null))).rejects.toMatchObject({ code: "EADDRINUSE" });
});
