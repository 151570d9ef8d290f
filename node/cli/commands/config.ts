// `scs config`: whether the configuration holds, and what it comes to, with secrets masked.
import type { Command } from "commander";
import { settings, type Configuration } from "../config/schema.ts";
import { define, group } from "./command.ts";

/** What stands for a secret that is set: its value is shown to nobody. */
const mask = "(set)";

/** One setting as it may be shown. */
type ShownSetting = { readonly setting: string; readonly value: unknown; readonly group: string };

/** Every setting with its value; secrets only say whether they are set. */
export function shownSettings(configuration: Configuration): readonly ShownSetting[] {
  return Object.entries(settings).map(([setting, schema]) => {
    const value: unknown = configuration[setting as keyof Configuration];
    const isSecret = "secret" in schema && schema.secret;
    return { setting, group: schema.group, value: isSecret && value !== "" ? mask : value };
  });
}

export function register(program: Command): void {
  const config = group(program, "config", "Check and show the configuration.");
  define(config, {
    name: "check",
    summary: "Check the environment and the settings file; names every unknown or wrong setting.",
    example: "scs config check --settings node.env",
    run: ({ configuration, output }) => {
      configuration();
      output.answer({ valid: true }, () => output.say("The configuration is valid."));
    },
  });
  define(config, {
    name: "print",
    summary: "Print every setting with the value that holds; secrets are masked.",
    example: "scs config print --json",
    run: ({ configuration, output }) => {
      const shown = shownSettings(configuration());
      output.answer(Object.fromEntries(shown.map(({ setting, value }) => [setting, value])), () =>
        output.table(
          ["setting", "value", "group"],
          shown.map(({ setting, value, group: of }) => [setting, String(value), of]),
        ),
      );
    },
  });
}
