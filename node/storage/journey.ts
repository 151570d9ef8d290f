// Statements that travel to PostgreSQL together: one transaction, one journey there and back, however many they are.
import pg from "pg";
import { translated, translatedCommit } from "./unavailable.ts";

/** A prepared statement and its parameters in PostgreSQL's own text form. One name always means one text. */
export type Errand = { readonly name: string; readonly text: string; readonly values: readonly string[] };

const begin: Errand = { name: "begin", text: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", values: [] };
const commit: Errand = { name: "commit", text: "COMMIT", values: [] };

/** The statements that each connection has prepared for journeys, by name. */
const preparedOn = new WeakMap<pg.Connection, Set<string>>();

/**
 * A query of the driver's, which calls the methods as answers arrive. PostgreSQL runs one statement after the other, each seeing
 * what was committed before it began, also while an earlier one waited for a lock; after an error it skips the others.
 */
class Journey implements pg.Submittable {
  readonly #errands: readonly Errand[];
  readonly #resolve: (counts: readonly number[]) => void;
  readonly #reject: (error: unknown) => void;
  readonly #counts: number[] = [];

  constructor(
    errands: readonly Errand[],
    resolve: (counts: readonly number[]) => void,
    reject: (error: unknown) => void,
  ) {
    this.#errands = errands;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: pg.Connection): void {
    // Written at once: the server is woken once.
    connection.stream.cork();
    try {
      this.#send(connection, preparedOn.get(connection));
    } finally {
      connection.stream.uncork();
    }
  }

  #send(connection: pg.Connection, prepared: ReadonlySet<string> | undefined): void {
    for (const { name, text, values } of this.#errands) {
      // The driver's own statements have names of their own.
      const statement = `journey ${name}`;
      if (prepared?.has(name) !== true) {
        // An earlier journey may have failed after it had prepared this; closing what is not there is no error.
        connection.close({ type: "S", name: statement }, true);
        connection.parse({ name: statement, text, types: [] }, true);
      }
      connection.bind({ statement, values: [...values] }, true);
      connection.execute(null, true);
    }
    connection.sync();
  }

  handleDataRow(): void {
    // How many there are is told at the end; what is in them is not asked for.
  }

  /** "INSERT 0 3", "SELECT 3": the number of rows comes last. */
  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#counts.push(Number(text.slice(text.lastIndexOf(" ") + 1)));
  }

  /** An error that the server reports of a statement before COMMIT says that nothing was committed; any other may come too late. */
  handleError(error: unknown): void {
    const isBeforeCommit = error instanceof pg.DatabaseError && this.#counts.length < this.#errands.length - 1;
    this.#reject(isBeforeCommit ? translated(error) : translatedCommit(error));
  }

  handleReadyForQuery(connection: pg.Connection): void {
    const prepared = preparedOn.get(connection) ?? new Set();
    for (const { name } of this.#errands) prepared.add(name);
    preparedOn.set(connection, prepared);
    this.#resolve(this.#counts.slice(1, -1));
  }
}

/**
 * Runs statements on a connection as one transaction and answers how many rows each found or changed. After an error the
 * transaction has to be rolled back.
 * @throws ProtocolError INTERNAL_DATABASE_UNAVAILABLE; with `commit: "unknown"` when the connection broke and it may be committed
 */
export async function travel(client: pg.ClientBase, errands: readonly Errand[]): Promise<readonly number[]> {
  return await new Promise((resolve, reject) => {
    client.query(new Journey([begin, ...errands, commit], resolve, reject));
  });
}
