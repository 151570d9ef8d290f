// How the tests run: which need services and which do not, and where the machine-readable result goes.
import { defineConfig } from "vitest/config";

/** Folders whose tests need neither a database nor a chain; they start at once. */
const pure = ["architecture", "audit", "conformance", "protocol"].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    reporters: ["default", "json"],
    outputFile: { json: "coverage/test-results.json" },
    projects: [
      { extends: true, test: { name: "pure", include: pure } },
      {
        extends: true,
        test: {
          name: "services",
          include: ["test/**/*.test.ts"],
          exclude: pure,
          globalSetup: ["test/setup/global.ts"],
        },
      },
    ],
  },
});
