// What is not even a request is answered as a problem where the peer still listens, and nothing of it is repeated.
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerClientError } from "#application/client-errors.ts";
import { openTestApplication, type Opened } from "./opened.ts";

const secret = "planted-secret-9902";
let opened: Opened;
let port = 0;

beforeAll(async () => {
  opened = await openTestApplication();
  port = Number(new URL(await opened.app.listen({ host: "127.0.0.1", port: 0 })).port);
});
afterAll(async () => await opened.close());

/** Everything that is answered to some bytes until the connection ends. */
async function answerTo(bytes: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.write(bytes);
  return await text(socket);
}

test.each([
  ["no HTTP at all", `${secret}\r\n\r\n`, 400, "SCHEMA_MALFORMED_JSON"],
  ["a header that is none", `GET /healthz HTTP/1.1\r\nhost: x\r\n${secret} : x\r\n\r\n`, 400, "SCHEMA_MALFORMED_JSON"],
  [
    "headers beyond the limit",
    `GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: ${secret.repeat(2_000)}\r\n\r\n`,
    413,
    "SCHEMA_BODY_TOO_LARGE",
  ],
] as const)("%s", async (_, bytes, status, code) => {
  const answer = await answerTo(bytes);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer).toContain("content-type: application/problem+json");
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  expect(JSON.parse(body)).toMatchObject({ code, status });
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
  expect(answer + opened.logged.join("")).not.toContain(secret);
});

test("nobody is answered who has gone", () => {
  for (const [code, writable] of [
    ["ECONNRESET", true],
    ["HPE_INVALID_METHOD", false],
  ] as const) {
    const done: string[] = [];
    const connection = { writable, end: () => done.push("answered"), destroy: () => done.push("destroyed") };
    answerClientError(Object.assign(new Error(""), { code }), connection);
    expect(done).toEqual(["destroyed"]);
  }
});
