// A data folder for each test of an embedded PostgreSQL; servers and processes of the test end with it.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { removeEmbedded, startEmbedded, type EmbeddedDatabase, type EmbeddedOptions } from "#storage/embedded.ts";
import { startChild, type Child } from "./child.ts";

/** Whether the tests run as root, where the server needs another account. */
export const isRoot = process.getuid?.() === 0;

/** What a process that holds a server says of it. */
export type Held = { readonly child: Child; readonly adminUrl: string; readonly adopted: boolean };

export type DataFolder = {
  /** The current test's data folder; not made yet. */
  readonly folder: () => string;
  /** Starts or adopts its server in this process. */
  readonly start: (options?: Partial<EmbeddedOptions>) => Promise<EmbeddedDatabase>;
  /** Starts or adopts its server in another process, which stays until it is killed. */
  readonly hold: () => Promise<Held>;
};

/** Gives every test of a file a data folder of its own. */
export function useDataFolder(): DataFolder {
  let root = "";
  let counter = 0;
  const children: Child[] = [];
  const folder = (): string => join(root, String(counter), "data");
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "scs-embedded-"));
    // The server of root runs under another account.
    await chmod(root, 0o755);
  });
  beforeEach(() => {
    counter++;
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
    await removeEmbedded(folder());
  });
  afterAll(async () => {
    await rm(root, { recursive: true });
  });
  return {
    folder,
    start: async (options = {}) => await startEmbedded({ dataDir: folder(), log: () => undefined, ...options }),
    hold: async () => {
      const child = startChild("embedded-holder.ts", [folder()]);
      children.push(child);
      await child.printed(1);
      const { adminUrl, adopted } = JSON.parse(child.lines[0] ?? "{}") as Omit<Held, "child">;
      return { child, adminUrl, adopted };
    },
  };
}
