// Arguments and options that several commands share, each defined and parsed in one way.
import { Argument, InvalidArgumentError, Option } from "commander";
import type { Hex } from "#protocol/hash.ts";

function matching<T extends string>(pattern: RegExp, wanted: string): (text: string) => T {
  return (text) => {
    const lower = text.startsWith("0x") ? text.toLowerCase() : text;
    if (!pattern.test(lower)) throw new InvalidArgumentError(`Wanted: ${wanted}.`);
    return lower as T;
  };
}

/** An EVM address, taken in any case and kept in lower case. */
export const parseAddress = matching<Hex>(/^0x[0-9a-f]{40}$/, "an address, 0x and 40 hexadecimal digits");
/** An id or a hash. */
export const parseHash = matching<Hex>(/^0x[0-9a-f]{64}$/, "an id, 0x and 64 hexadecimal digits");
/** An amount in base units. */
export const parseAmount = matching<string>(/^(0|[1-9][0-9]{0,37})$/, "a whole number of base units");
/** The name of a scope, a vault or a collection. */
export const parseName = matching<string>(/^[a-z0-9][a-z0-9-]{0,63}$/, "a name of a-z, 0-9 and -");

/** A parser of whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Wanted: a whole number from ${least} to ${most}.`);
  };
}

/** A parser for an option that may be given several times. */
export function several<T>(parse: (text: string) => T): (text: string, before?: readonly T[]) => readonly T[] {
  return (text, before = []) => [...before, parse(text)];
}

export const accountArgument = () => new Argument("<account>", "address of an account").argParser(parseAddress);
export const scopeArgument = () => new Argument("<scope>", "name of a scope").argParser(parseName);
export const epochArgument = () => new Argument("<epoch>", "number of an epoch").argParser(wholeNumber(1));
export const taskArgument = () => new Argument("<task-id>", "id of a task").argParser(parseHash);
export const challengeArgument = () => new Argument("<challenge-id>", "id of a challenge").argParser(parseHash);
export const fileArgument = (name: string, description: string) => new Argument(`<${name}>`, description);

/** Where the REST API is and who asks. */
export const apiOptions = () => [
  new Option("--url <url>", "REST API of a node (default: the configured host and port)"),
  new Option("--token-file <file>", "file with a bearer token (default: the operator's, if the data folder has one)"),
];

/** Which page of a list. */
export const pageOptions = () => [
  new Option("--after <cursor>", "what the page before answered as `next`"),
  new Option("--limit <rows>", "most rows of the page").argParser(wholeNumber(1, 500)),
];

/** A chain to ask, where a command must not depend on configuration. */
export const endpointOption = () =>
  new Option("--endpoint <url>", "JSON-RPC endpoint of the chain; several are asked and must agree").argParser(
    several((text: string) => {
      if (/^https?:\/\//.test(text)) return text;
      throw new InvalidArgumentError("Wanted: an http or https address.");
    }),
  );

export const bySetting = () =>
  new Option("--by <name>", "who orders this; it goes into the journal").default("operator");
