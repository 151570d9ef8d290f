// `scs migrate`: brings the database to this version's schema.
import type { Command } from "commander";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { databaseFiles } from "../wiring/database.ts";
import { define } from "./command.ts";
import { migrateDatabase } from "./operator-database.ts";

export function register(program: Command): void {
  define(program, {
    name: "migrate",
    summary: "Make the database and its roles where they are missing, and apply the migrations it lacks.",
    example: "SCS_DATABASE_URL=postgres://owner@db/scs scs migrate",
    run: async ({ configuration, output }) => {
      const settings = configuration();
      const { applied, urls } = await migrateDatabase(settings, (line) => output.say(line));
      const file = databaseFiles.signerUrl(settings.SCS_DATA_DIR);
      mkdirSync(join(settings.SCS_DATA_DIR, "keys"), { recursive: true, mode: 0o700 });
      writeFileSync(file, urls.signer, { mode: 0o600 });
      // The mode of a file that existed before is not changed by writing.
      chmodSync(file, 0o600);
      output.answer({ applied }, () => {
        output.say(applied.length === 0 ? "The database is up to date." : `Applied: ${applied.join(", ")}`);
      });
    },
  });
}
