// Gives the tests a PostgreSQL: the server that SCS_TEST_DATABASE_URL names, or an embedded one; leaves nothing behind in it.
import type { TestProject } from "vitest/node";
import { startChild } from "./child.ts";
import type { TestServer } from "./janitor.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Address of the administrator of the tests' PostgreSQL. */
    databaseAdminUrl: string;
    /** What the names of this run's databases begin with. */
    databasePrefix: string;
  }
}

/** Starts the janitor of a run; answers what ends the run. A run that is interrupted or killed ends it as well. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const janitor = startChild("janitor.ts", [], { detached: true });
  await janitor.printed(1);
  const [line] = janitor.lines;
  if (line === undefined) throw new Error("the tests found no PostgreSQL");
  const { adminUrl, version, embedded, prefix } = JSON.parse(line) as TestServer;
  console.error(`[tests] PostgreSQL ${version} (${embedded ? "embedded" : "SCS_TEST_DATABASE_URL"})`);
  project.provide("databaseAdminUrl", adminUrl);
  project.provide("databasePrefix", prefix);
  return async () => {
    janitor.process.stdin?.end("done");
    await janitor.ended;
  };
}
