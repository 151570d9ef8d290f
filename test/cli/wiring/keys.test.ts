// The keys of a node: made in the data folder where none are configured, and never in the place of one that is.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseConfiguration } from "#cli/config/load.ts";
import type { Configuration } from "#cli/config/schema.ts";
import { nodeKeys, payerAddress } from "#cli/wiring/keys.ts";

const folder = mkdtempSync(join(tmpdir(), "scs-keys-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function configurationOf(settings: Readonly<Record<string, string>> = {}): Configuration {
  const parsed = parseConfiguration({ SCS_DATA_DIR: join(folder, "data"), ...settings });
  if ("configuration" in parsed) return parsed.configuration;
  throw new Error(JSON.stringify(parsed.problems));
}

test("keys that are not configured are made once", () => {
  const made = nodeKeys(configurationOf());
  expect(made.verifiers).toHaveLength(1);
  expect(nodeKeys(configurationOf())).toEqual(made);
});

test.each(["SCS_PROPOSER_KEY_FILE", "SCS_EXECUTOR_KEY_FILE", "SCS_VERIFIER_KEY_FILES", "SCS_MASTER_KEY_FILE"])(
  "a configured key that is not there is named, and none is made in its place: %s",
  (setting) => {
    const file = join(folder, `${setting}.key`);
    expect(() => nodeKeys(configurationOf({ [setting]: file }))).toThrow(
      expect.objectContaining({
        code: "INTERNAL_CONFIGURATION",
        detail: { settings: [expect.stringContaining(`${file} does not exist`)] },
      }),
    );
    expect(existsSync(file)).toBe(false);
  },
);

test("a configured keystore that is not there is named, and none is made in its place", async () => {
  const file = join(folder, "payer.json");
  await expect(payerAddress(configurationOf({ SCS_PAYER_KEYSTORE_FILE: file }))).rejects.toMatchObject({
    code: "INTERNAL_CONFIGURATION",
    detail: { settings: [expect.stringContaining(`${file} does not exist`)] },
  });
  expect(existsSync(file)).toBe(false);
});
