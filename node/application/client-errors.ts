// Answers to what is not even a request: malformed HTTP, headers too large, or a request that never ended.
import { ProtocolError } from "#protocol/errors.ts";
import { problemAnswer } from "./problems.ts";

/** What is needed of a socket. */
type Connection = {
  readonly writable: boolean;
  readonly end: (text: string) => unknown;
  readonly destroy: () => unknown;
};

/** Tells the peer what was wrong, as far as it still listens, and closes the connection. Nothing it sent is repeated. */
export function answerClientError(error: Error & { readonly code?: string }, connection: Connection): void {
  if (error.code === "ECONNRESET" || !connection.writable) {
    connection.destroy();
    return;
  }
  const isTooLarge = error.code === "HPE_HEADER_OVERFLOW";
  const { status, headers, body } = problemAnswer(
    new ProtocolError(isTooLarge ? "SCHEMA_BODY_TOO_LARGE" : "SCHEMA_MALFORMED_JSON"),
    "",
  );
  const text = JSON.stringify(body);
  const lines = Object.entries({ ...headers, "content-length": String(Buffer.byteLength(text)), connection: "close" });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  connection.end(`HTTP/1.1 ${status} ${isTooLarge ? "Content Too Large" : "Bad Request"}\r\n${head}\r\n${text}`);
}
