// The API client: one request, one answer, and every problem an error with its code.
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { request, tokenIn } from "#cli/api-client.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { scratchFile, scratchFolder } from "./running.ts";

type Asked = Pick<IncomingMessage, "method" | "url" | "headers"> & { readonly body: string };

const folder = scratchFolder();
const asked: Asked[] = [];
let answer = { status: 200, text: "{}" };
const server = createServer((incoming, outgoing) => {
  void text(incoming).then((body) => {
    asked.push({ method: incoming.method, url: incoming.url, headers: incoming.headers, body });
    outgoing.writeHead(answer.status).end(answer.text);
  });
});
let url = "";
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

async function refusal(): Promise<ProtocolError> {
  const error: unknown = await request({ url, token: null }, "GET", "/x").catch((thrown: unknown) => thrown);
  if (error instanceof ProtocolError) return error;
  throw new Error("no protocol error");
}

test("a request carries the token, the media type and the body, amounts as decimal strings", async () => {
  answer = { status: 201, text: '{"taskId":"0x1"}' };
  expect(await request({ url, token: "scs_t" }, "POST", "/v1/tasks?a=b", { fee: 7n })).toEqual({ taskId: "0x1" });
  expect(asked.at(-1)).toMatchObject({
    method: "POST",
    url: "/v1/tasks?a=b",
    headers: { authorization: "Bearer scs_t", "content-type": "application/json" },
    body: '{"fee":"7"}',
  });
});

test("without a token and a body neither is sent; no content is null", async () => {
  answer = { status: 204, text: "" };
  expect(await request({ url, token: null }, "DELETE", "/v1/grants/1")).toBeNull();
  const { headers } = asked.at(-1) ?? { headers: {} };
  expect(headers).not.toHaveProperty("authorization");
  expect(headers).not.toHaveProperty("content-type");
});

test("a problem becomes an error with its code, its facts and the places in the input", async () => {
  const errors = [{ path: "/body/scope", message: "must be string" }];
  answer = {
    status: 422,
    text: JSON.stringify({ code: "SCHEMA_INVALID", detail: { schema: "task-envelope" }, errors }),
  };
  const { code, detail } = await refusal();
  expect({ code, detail }).toEqual({
    code: "SCHEMA_INVALID",
    detail: { schema: "task-envelope", errors: ["/body/scope must be string"] },
  });
});

test("a code that is not of the table is not taken over", async () => {
  answer = { status: 500, text: '{"code":"toString"}' };
  expect(await refusal()).toMatchObject({ code: "INTERNAL_UNEXPECTED", detail: { status: 500 } });
});

test("nobody there, and somebody who is no node, are one sentence with the address and what to do", async () => {
  const nowhere = "http://127.0.0.1:1";
  const refused = request({ url: nowhere, token: null }, "GET", "/x");
  await expect(refused).rejects.toMatchObject({
    code: "INTERNAL_API_UNREACHABLE",
    detail: {
      reason: `no answer from ${nowhere}: start the node with "scs start", or name another address with --url`,
    },
  });
  answer = { status: 200, text: "<html>" };
  expect((await refusal()).detail["reason"]).toContain(`${url} is answered by something that is not a node`);
  await expect(request({ url: "nowhere", token: null }, "GET", "/x")).rejects.toMatchObject({
    code: "INTERNAL_CONFIGURATION",
    detail: { settings: ["nowhere is no address of an API"] },
  });
});

test("a token is read from its file without the line break; a missing file is named", () => {
  expect(tokenIn(undefined)).toBeNull();
  expect(tokenIn(scratchFile(folder, "token", "scs_secret\n"))).toBe("scs_secret");
  const missing = join(folder, "none");
  expect(() => tokenIn(missing)).toThrow(
    expect.objectContaining({ detail: { settings: [`${missing} cannot be read`] } }),
  );
});
