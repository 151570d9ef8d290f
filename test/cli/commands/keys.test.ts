// `scs keys`: keys and keystores are made, and no private key is ever shown.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import { openKeystore } from "#payout/keystore.ts";
import { run, runJson, scratchFile, scratchFolder } from "../running.ts";

const folder = scratchFolder();

test("keys new, address and keystore: the key itself is never shown (PAYO-09)", async () => {
  const [file, keystore] = [join(folder, "a.key"), join(folder, "a.json")];
  const made = await runJson<{ address: Hex }>(["keys", "new", file]);
  const privateKey = readFileSync(file, "utf8").trim();
  expect(made).toMatchObject({ code: 0, value: { file } });
  expect((await run(["keys", "address", file])).stdout).toBe(`${made.value.address}\n`);

  const password = scratchFile(folder, "password", "correct horse\n");
  const sealed = await runJson(["keys", "keystore", file, keystore, "--password-file", password]);
  expect(sealed.value).toEqual({ file: keystore, address: made.value.address });
  expect(statSync(keystore).mode & 0o777).toBe(0o600);
  expect(await openKeystore(readFileSync(keystore, "utf8"), "correct horse")).toBe(privateKey);
  for (const { stdout, stderr } of [made, sealed]) expect(stdout + stderr).not.toContain(privateKey.slice(2));
});

test("a key is neither made over another nor by asking for its address", async () => {
  const file = join(folder, "b.key");
  const absent = await run(["keys", "address", file]);
  expect(absent).toMatchObject({ code: 2, stderr: expect.stringContaining("does not exist") as string });
  expect(() => statSync(file)).toThrow("ENOENT");
  const { stdout } = await run(["keys", "new", file]);
  expect(await run(["keys", "new", file])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("exists already") as string,
  });
  expect((await run(["keys", "address", file])).stdout).toBe(stdout);
});
