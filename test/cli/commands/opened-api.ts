// A real API on a port of this machine for tests of commands: actors with keys, tokens in files, a database of its own.
import type { AddressInfo } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TokenScope } from "#application/scopes.ts";
import type { Hex } from "#protocol/hash.ts";
import { provideKeyIn } from "#cli/keys.ts";
import { domain, openTestApplication, type Opened } from "#test/application/opened.ts";

export type OpenedApi = Opened & {
  readonly url: string;
  /** `--url` and `--token-file` of a fresh token. */
  readonly as: (subject: string, ...scopes: readonly TokenScope[]) => Promise<readonly string[]>;
  /** A key file, and the address behind it. */
  readonly key: (name: string) => { readonly file: string; readonly address: Hex };
  /** `--chain-id` and `--anchor` of the messages. */
  readonly domainArgs: readonly string[];
};

/** Opens the API; files go into the folder. Its clock shows the time of this machine: commands sign with that. */
export async function openApi(folder: string): Promise<OpenedApi> {
  const opened = await openTestApplication();
  opened.clock.now = new Date();
  await opened.app.listen({ host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(opened.app.server.address() as AddressInfo).port}`;
  let tokens = 0;
  return {
    ...opened,
    url,
    as: async (subject, ...scopes) => {
      const file = join(folder, `${tokens++}.token`);
      writeFileSync(file, `${await opened.token(subject, ...scopes)}\n`);
      return ["--url", url, "--token-file", file];
    },
    key: (name) => {
      const file = join(folder, `${name}.key`);
      return { file, address: provideKeyIn(file).address };
    },
    domainArgs: ["--chain-id", String(domain.chainId), "--anchor", domain.anchor],
  };
}
