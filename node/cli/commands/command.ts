// How every command is made: help with an example, --json, one way to answer, to fail, and to end with an exit code.
import type { Argument, Command, Option } from "commander";
import { loadConfiguration } from "../config/load.ts";
import type { Configuration } from "../config/schema.ts";
import { exitCodes, openOutput, reportError, type Output } from "../output.ts";

/** What the run of a command is given: validated arguments and options, and where to answer. */
export type Invocation<A extends readonly unknown[], O> = {
  readonly args: A;
  readonly options: O;
  readonly output: Output;
  /** The configuration of this process, read when it is first asked for: strangers' commands need none. */
  readonly configuration: () => Configuration;
};

/** One command as data. `A` are its arguments, `O` its options, as their parsers leave them. */
export type CommandDefinition<A extends readonly unknown[], O> = {
  readonly name: string;
  readonly summary: string;
  /** A command line that a person could type. */
  readonly example: string;
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  /** Answers through the output; its exit code, if that is not 0. */
  readonly run: (invocation: Invocation<A, O>) => Promise<number | void> | number | void;
};

type Shared = { readonly json?: boolean; readonly settings?: string };

/** The command that others stand below, made when the first of them asks for it. */
export function group(program: Command, name: string, summary: string): Command {
  const known = program.commands.find((command) => command.name() === name);
  return known ?? program.command(name).description(summary);
}

/**
 * Adds a command. Whatever its run throws is reported with code and remedy; with --json that report is the one value on
 * stdout.
 */
export function define<A extends readonly unknown[] = readonly [], O extends object = object>(
  parent: Command,
  definition: CommandDefinition<A, O>,
): void {
  const { name, summary, example, run } = definition;
  const command = parent.command(name).description(summary);
  for (const argument of definition.arguments ?? []) command.addArgument(argument);
  for (const option of definition.options ?? []) command.addOption(option);
  command.option("--json", "one JSON value on stdout, everything for people on stderr");
  command.option("--settings <file>", "settings file; the environment stands above it");
  command.addHelpText("after", `\nExample:\n  $ ${example}`);
  command.action(async () => {
    const options = command.opts<O & Shared>();
    const isJson = options.json === true;
    try {
      const configuration = () => loadConfiguration(process.env, options.settings);
      const args = command.processedArgs as readonly unknown[] as A;
      const code = await run({ args, options, output: openOutput(isJson), configuration });
      process.exitCode = code ?? exitCodes.done;
    } catch (error) {
      process.exitCode = reportError(error, isJson);
    }
  });
}
