// The log: JSON lines without secrets or plaintext, and a sink that may be slow or broken without anybody noticing.
import fc from "fast-check";
import { expect, test } from "vitest";
import { openLog, type LogSink } from "#observability/log.ts";
import { ProtocolError } from "#protocol/errors.ts";

function openSink(more: Partial<LogSink> = {}): {
  readonly sink: LogSink;
  readonly lines: () => readonly Record<string, unknown>[];
} {
  const lines: string[] = [];
  return {
    sink: { write: (line) => lines.push(line), pendingBytes: () => 0, ...more },
    lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

test("a line is one JSON object with level, time and what was said", () => {
  const { sink, lines } = openSink();
  openLog({ level: "info", destination: sink }).info({ step: "execute", taken: 3 }, "done");
  expect(lines()).toEqual([{ level: 30, time: expect.any(String) as string, step: "execute", taken: 3, msg: "done" }]);
});

test("secrets and plaintext are not shown, however they are nested [LAYR-01]", () => {
  const { sink, lines } = openSink();
  const log = openLog({ level: "debug", destination: sink });
  const names = [
    "privateKey",
    "password",
    "token",
    "authorization",
    "plaintext",
    "record",
    "records",
    "masterKey",
    "secret",
  ];
  for (const name of names) {
    log.info({ [name]: "hidden", a: { [name]: "hidden", b: { [name]: "hidden" } } }, "said");
    log.child({ [name]: "hidden" }).debug("said");
  }
  expect(lines()).toHaveLength(2 * names.length);
  expect(JSON.stringify(lines())).not.toContain("hidden");
});

test("an error shows code, place and public detail, not the values that a database repeats", () => {
  const { sink, lines } = openSink();
  const log = openLog({ level: "info", destination: sink });
  const refused = Object.assign(new Error("duplicate key"), {
    code: "23505",
    constraint: "record_pkey",
    detail: "Key (name)=(Ada) exists",
  });
  log.error({ err: new ProtocolError("INTERNAL_UNEXPECTED", { where: "here" }, { cause: refused }) }, "failed");
  log.error({ err: "a bare text that may be anything" }, "failed");
  expect(JSON.stringify(lines())).not.toMatch(/Ada|bare text/);
  expect(lines()[0]).toMatchObject({
    err: {
      type: "ProtocolError",
      code: "INTERNAL_UNEXPECTED",
      detail: { where: "here" },
      cause: { code: "23505", constraint: "record_pkey" },
    },
  });
});

test("a sink that throws, always or at times, never throws into who logs, and its losses are counted [OPER-06]", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (broken) => {
      const dropped = { debug: 0, other: 0 };
      let at = 0;
      const write = (): void => {
        if (broken[at++] === true) throw new Error("disk full");
      };
      const log = openLog({
        level: "debug",
        destination: { write, pendingBytes: () => 0 },
        onDropped: (level) => dropped[level]++,
      });
      for (const _ of broken) log.info("line");
      expect(dropped.other).toBe(broken.filter(Boolean).length);
    }),
  );
});

test("a slow sink loses debug lines first, then the rest, and takes them again once it is free [OPER-06]", () => {
  let pending = 0;
  const dropped = { debug: 0, other: 0 };
  const { sink, lines } = openSink({ pendingBytes: () => pending });
  const log = openLog({ level: "debug", destination: sink, onDropped: (level) => dropped[level]++ });
  const say = (): void => {
    log.debug("debug");
    log.error("error");
  };
  const messages: unknown[] = [];
  for (const bytes of [0, 2 * 1024 * 1024, 8 * 1024 * 1024, 0]) {
    pending = bytes;
    say();
  }
  for (const { msg } of lines()) messages.push(msg);
  expect(messages).toEqual(["debug", "error", "error", "debug", "error"]);
  expect(dropped).toEqual({ debug: 2, other: 1 });
});

test("a closed descriptor does not end the process [OPER-06]", async () => {
  const log = openLog({ level: "info", destination: 9_999 });
  for (let line = 0; line < 100; line++) log.info({ line }, "into nothing");
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(() => {
    log.info("still here");
  }).not.toThrow();
});
