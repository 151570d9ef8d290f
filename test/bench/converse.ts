// A load's own HTTP client over a plain socket: a few microseconds a request, so that the machine is the server's.
import { once } from "node:events";
import { connect } from "node:net";

/** Sends requests over one connection, each after the answer to the one before. */
export async function converse(
  port: number,
  take: () => Buffer | undefined,
  onAnswer: (head: string, sentAt: number) => void,
): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  let sentAt = 0;
  let received = "";
  const send = (): void => {
    const request = take();
    sentAt = performance.now();
    if (request === undefined) socket.end();
    else socket.write(request);
  };
  socket.on("connect", send);
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
    const [head = "", body] = received.split("\r\n\r\n");
    if (body === undefined || body.length < Number(/content-length: (\d+)/.exec(head)?.[1])) return;
    received = "";
    onAnswer(head, sentAt);
    send();
  });
  await once(socket, "close");
}
