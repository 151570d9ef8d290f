// The list of every generated page; a new one is a module of its own and one line here.
import { openApiPage, schemaPages } from "./api.ts";
import { configPage, exampleFile } from "./config.ts";
import { schemaPage } from "./database.ts";
import { errorsPage } from "./errors.ts";
import { importsPage } from "./imports.ts";
import { lifecyclesPage } from "./lifecycles.ts";
import type { Page } from "./page.ts";

/** Every page that scripts/generate-docs.ts writes or checks. */
export const pages: readonly Page[] = [
  errorsPage,
  lifecyclesPage,
  importsPage,
  configPage,
  exampleFile,
  schemaPage,
  openApiPage,
  ...schemaPages,
];
