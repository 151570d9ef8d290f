// Key files: made once whoever asks, readable by their owner alone.
import { fork } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { provideKeyIn, provideSecretIn, readKeyIn, readSecretIn } from "#cli/keys.ts";
import type { ProtocolError } from "#protocol/errors.ts";
import { addressOf } from "#protocol/signature.ts";
import { scratchFile, scratchFolder } from "./running.ts";

const folder = scratchFolder();

test("a key is made once, in a file that only its owner can read (PAYO-09)", () => {
  const file = join(folder, "deep", "a.key");
  const made = provideKeyIn(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "deep")).mode & 0o777).toBe(0o700);
  expect(readFileSync(file, "utf8")).toBe(`${made.privateKey}\n`);
  expect(made.address).toBe(addressOf(made.privateKey));
  expect(provideKeyIn(file)).toEqual(made);
  expect(readKeyIn(file)).toEqual(made);
});

test("reading a key that is not there makes none and says what to do", () => {
  const file = join(folder, "absent", "a.key");
  const settings = [`${file} does not exist: make it with "scs keys new", or correct the path`];
  for (const read of [readKeyIn, readSecretIn]) {
    expect(() => read(file)).toThrow(expect.objectContaining({ code: "INTERNAL_CONFIGURATION", detail: { settings } }));
  }
  expect(existsSync(join(folder, "absent"))).toBe(false);
});

test.each([0o640, 0o604, 0o660])(
  "a key that others can read (mode %o) is refused, and not repeated (PAYO-09)",
  (mode) => {
    const file = join(folder, `open-${mode}.key`);
    const secret = provideSecretIn(file);
    chmodSync(file, mode);
    const message = (): string => {
      try {
        return readSecretIn(file);
      } catch (error) {
        return JSON.stringify({ text: String(error), ...(error as ProtocolError).detail });
      }
    };
    expect(message()).toMatch(/INTERNAL_CONFIGURATION.*must be readable by its owner alone/);
    expect(message()).not.toContain(secret);
  },
);

test.each(["", "0x12", `0x${"AB".repeat(32)}`, `0x${"ab".repeat(33)}`, "a password"])(
  "a file that holds %j is no key and its content is not repeated",
  (content) => {
    const file = join(folder, "bad.key");
    writeFileSync(file, content, { mode: 0o600 });
    try {
      readSecretIn(file);
      expect.unreachable();
    } catch (error) {
      const detail = { settings: [`${file} does not hold a key`] };
      expect(error).toMatchObject({ code: "INTERNAL_CONFIGURATION", detail });
    }
  },
);

test("processes that make the same key at once end with the same one, and leave no drafts", async () => {
  const keys = new URL("../../node/cli/keys.ts", import.meta.url).href;
  const maker = scratchFile(
    folder,
    "maker.mjs",
    `import { provideSecretIn } from ${JSON.stringify(keys)};
process.on("message", (file) => { process.send(provideSecretIn(file)); });
process.send("ready");`,
  );
  const makers = Array.from({ length: 4 }, () => fork(maker, { execPath: process.execPath }));
  try {
    await Promise.all(makers.map((child) => once(child, "message")));
    for (let round = 0; round < 20; round++) {
      const file = join(folder, "race", `${round}.key`);
      const answers = makers.map(async (child) => ((await once(child, "message")) as [string])[0]);
      for (const child of makers) child.send(file);
      const made = new Set(await Promise.all(answers));
      expect(made).toEqual(new Set([readSecretIn(file)]));
    }
  } finally {
    for (const child of makers) child.disconnect();
  }
  expect(readdirSync(join(folder, "race")).filter((name) => !name.endsWith(".key"))).toEqual([]);
});
