// What people and machines see of a command: tables and progress on the terminal, one JSON value with --json.
import { MultiBar, Presets, type SingleBar } from "cli-progress";
import Table from "cli-table3";
import { errorTable, ProtocolError } from "#protocol/errors.ts";

/** How a command answers. With `json`, stdout carries exactly one JSON value and everything for people goes to stderr. */
export type Output = {
  readonly json: boolean;
  /** A line for people. */
  say(line: string): void;
  /** Rows for people; the first are the headings. */
  table(headings: readonly string[], rows: readonly (readonly string[])[]): void;
  /** The command's answer: printed as JSON with --json, otherwise by `show`. */
  answer(value: unknown, show: () => void): void;
};

/** JSON text in which amounts (bigint) are decimal strings and times are ISO texts. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each), indent);
}

/** Characters in one line of a cell: a hash fits, and what is longer goes on below. */
const cellWidth = 80;

function broken(cell: string): string {
  return cell.replace(new RegExp(`[^\\n]{${cellWidth}}(?=[^\\n])`, "g"), "$&\n");
}

/** Opens the output of a command. */
export function openOutput(json: boolean): Output {
  const stream = json ? process.stderr : process.stdout;
  const say = (line: string) => void stream.write(`${line}\n`);
  return {
    json,
    say,
    table(headings, rows) {
      const table = new Table({ head: [...headings], style: { head: [], border: [] } });
      for (const row of rows) table.push(row.map(broken));
      say(table.toString());
    },
    answer(value, show) {
      if (json) process.stdout.write(`${jsonText(value)}\n`);
      else show();
    },
  };
}

/** Progress of long work on stderr: a bar on a terminal, a line per tenth elsewhere. */
export class Progress {
  readonly #bars: MultiBar | undefined;

  constructor() {
    if (!process.stderr.isTTY) return;
    const format = "  {name} [{bar}] {value}/{total}";
    this.#bars = new MultiBar(
      { format, stream: process.stderr, clearOnComplete: false, hideCursor: true },
      Presets.shades_grey,
    );
  }

  /** Starts a bar and answers how to move it. */
  start(name: string, total: number): (value: number) => void {
    const bar: SingleBar | undefined = this.#bars?.create(total, 0, { name: name.padEnd(28) });
    if (bar) {
      return (value) => {
        bar.update(value);
        if (value >= total) bar.stop();
      };
    }
    let tenth = -1;
    return (value) => {
      const now = total === 0 ? 10 : Math.floor((value * 10) / total);
      if (now === tenth) return;
      tenth = now;
      process.stderr.write(`  ${name}: ${value}/${total}\n`);
    };
  }

  stop(): void {
    this.#bars?.stop();
  }
}

/** Exit codes: 0 done, 1 the answer is "no" (a proof or a replay that does not hold), 2 refused or failed, 64 wrong usage. */
export const exitCodes = { done: 0, disproved: 1, failed: 2, usage: 64 } as const;

/** Prints an error as people read it, or as one JSON object; answers the exit code. */
export function reportError(error: unknown, json: boolean): number {
  const code = error instanceof ProtocolError ? error.code : "INTERNAL_UNEXPECTED";
  const detail =
    error instanceof ProtocolError ? error.detail : { reason: error instanceof Error ? error.message : "unknown" };
  const { meaning, remedy, retry } = errorTable[code];
  if (json) process.stdout.write(`${jsonText({ error: { code, meaning, remedy, retry, detail } })}\n`);
  process.stderr.write(`${code}: ${meaning}\n`);
  for (const [name, value] of Object.entries(detail)) process.stderr.write(`  ${name}: ${String(value)}\n`);
  process.stderr.write(`  ${remedy}\n`);
  return exitCodes.failed;
}
