// Reading the configuration: environment over settings file over defaults, validated as a whole, or a start that stops.
import { Ajv2020 } from "ajv/dist/2020.js";
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { ProtocolError } from "#protocol/errors.ts";
import { Configuration, settings } from "./schema.ts";

const prefix = "SCS_";

/** Names with the product's prefix that are not settings: they steer the test suite. */
const testPrefix = "SCS_TEST_";

/** What is wrong with a configuration: the setting and why, without its value, which may be a secret. */
export type ConfigurationProblem = { readonly setting: string; readonly problem: string };

/**
 * Validates named texts against the schema (OPER-01). Lists are comma-separated. Every problem is named, not only the first.
 */
export function parseConfiguration(
  texts: Readonly<Record<string, string | undefined>>,
): { readonly configuration: Configuration } | { readonly problems: readonly ConfigurationProblem[] } {
  const values: Record<string, unknown> = {};
  const problems: ConfigurationProblem[] = [];
  for (const [name, raw] of Object.entries(texts)) {
    if (raw === undefined || !name.startsWith(prefix) || name.startsWith(testPrefix)) continue;
    if (!Object.hasOwn(settings, name)) {
      problems.push({ setting: name, problem: "is not a setting; see docs/reference/config.md" });
      continue;
    }
    const isList = (settings as Record<string, { type?: unknown }>)[name]?.type === "array";
    values[name] = isList
      ? raw
          .split(",")
          .map((each) => each.trim())
          .filter((each) => each !== "")
      : raw;
  }
  const ajv = new Ajv2020({ allErrors: true, coerceTypes: true, useDefaults: true, strict: false });
  const validate = ajv.compile<Configuration>(Configuration);
  if (!validate(values)) {
    for (const error of validate.errors ?? []) {
      problems.push({ setting: error.instancePath.split("/")[1] ?? "", problem: error.message ?? "is wrong" });
    }
  }
  if (problems.length > 0) return { problems };
  return { configuration: values as Configuration };
}

/**
 * The configuration of this process: the environment, over the settings file if one is named, over the defaults.
 * @throws ProtocolError INTERNAL_CONFIGURATION that names every unknown or wrong setting
 */
export function loadConfiguration(environment: NodeJS.ProcessEnv, settingsFile?: string): Configuration {
  const fromFile = settingsFile === undefined ? {} : parseEnv(readSettings(settingsFile));
  const parsed = parseConfiguration({ ...fromFile, ...environment });
  if ("configuration" in parsed) return parsed.configuration;
  throw new ProtocolError("INTERNAL_CONFIGURATION", {
    settings: parsed.problems.map(({ setting, problem }) => `${setting} ${problem}`),
  });
}

function readSettings(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${file} cannot be read`] }, { cause: error });
  }
}
