// The one way to PostgreSQL: exact types, transactions with bounded retries, notifications, typed loss of the connection.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { ProtocolError } from "#protocol/errors.ts";
import { travel, type Errand } from "./journey.ts";
import { exactTypes } from "./sql-types.ts";
import { translated, translatedCommit } from "./unavailable.ts";

/** A value that goes to PostgreSQL. bigint becomes numeric or int8, bytes become bytea, arrays serve `unnest`. */
export type SqlValue = string | number | bigint | boolean | Date | Uint8Array | null | readonly SqlValue[];

/** SQL text. With a name it is prepared once per connection: for hot statements; one name always means one text. */
export type Statement = string | { readonly name: string; readonly text: string };

/** One row as it comes back: int8 and numeric are bigint, bytea is Buffer, json and date are text, timestamptz is Date. */
export type Row = Readonly<Record<string, unknown>>;

/** What a statement answered; `rowCount` counts rows returned or changed. */
export type Rows<R> = { readonly rows: readonly R[]; readonly rowCount: number };

/** Anything that runs statements: the database (each on its own) or an open transaction (one at a time, in order). */
export interface Queryable {
  query<R extends Row = Row>(statement: Statement, values?: readonly SqlValue[]): Promise<Rows<R>>;
}

export type Isolation = "read committed" | "repeatable read" | "serializable";

export type DatabaseOptions = {
  readonly url: string;
  /** A role to act as, for a login that is a member of several. */
  readonly role?: string;
  /** Shown in pg_stat_activity: which process this is. */
  readonly applicationName: string;
  readonly maxConnections: number;
  /** A statement, and a wait for a lock, that takes longer is given up. */
  readonly statementTimeoutMs: number;
  /** Told when an idle connection breaks; the next statement makes a new one by itself. */
  readonly onConnectionLost?: (error: Error) => void;
};

/** A transaction is tried this often when PostgreSQL asks for it (serialization failure, deadlock): past five it is contention. */
const maxAttempts = 5;
/** Pause before the second attempt; doubles from there, so that five attempts span about 75 ms. */
const firstPauseMs = 5;
/** Waiting longer for a connection helps no caller: an HTTP request has ended by then. */
const connectTimeoutMs = 10_000;
/** Idle connections are kept a minute: making one costs as much as dozens of statements. */
const idleTimeoutMs = 60_000;
/** Pause before a listener connects again: a second is soon enough for a hint that polling backs up. */
const relistenPauseMs = 1_000;

const retriableStates: ReadonlySet<string> = new Set(["40001", "40P01"]);

/** The SQLSTATE of an error that PostgreSQL reported, e.g. "23505", or undefined. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** The name of the constraint that refused a change, or undefined. */
export function violatedConstraint(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.constraint : undefined;
}

/** Connection settings shared by the pool, listeners and the migration runner. Reads values exactly, see {@link Row}. */
export function clientConfig(options: Pick<DatabaseOptions, "url" | "role" | "applicationName">): pg.ClientConfig {
  const role = options.role === undefined ? "" : ` -c role=${options.role.replaceAll(/[\\ ]/g, "\\$&")}`;
  return {
    connectionString: options.url,
    application_name: options.applicationName,
    options: `-c TimeZone=UTC -c DateStyle=ISO${role}`,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    types: exactTypes,
  };
}

async function run<R extends Row>(
  target: pg.Pool | pg.PoolClient,
  statement: Statement,
  values: readonly SqlValue[],
): Promise<Rows<R>> {
  const named = typeof statement === "string" ? { text: statement } : statement;
  try {
    const answer = await target.query<R>({ ...named, values: [...values] });
    assert(!Array.isArray(answer), "one statement at a time");
    const { rows, rowCount } = answer;
    return { rows, rowCount: rowCount ?? rows.length };
  } catch (error) {
    throw translated(error);
  }
}

async function commit(client: pg.PoolClient): Promise<void> {
  let command: string;
  try {
    ({ command } = await client.query("COMMIT"));
  } catch (error) {
    throw translatedCommit(error);
  }
  // PostgreSQL answers COMMIT with ROLLBACK when a statement before it had failed and the failure was caught.
  assert.equal(command, "COMMIT", "a failed statement was swallowed inside its transaction");
}

/** Makes attempts, up to five, while PostgreSQL asks for another. */
async function retrying<T>(attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      const reason = sqlState(error);
      if (reason === undefined || !retriableStates.has(reason)) throw error;
      if (attempts === maxAttempts) {
        throw new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE", { reason, attempts }, { cause: error });
      }
      await pause(firstPauseMs * 2 ** (attempts - 1));
    }
  }
}

/** One listening connection; `ended` settles when it is gone. */
async function listenOnce(
  options: DatabaseOptions,
  channel: string,
  onNotify: (payload: string) => void,
  signal: AbortSignal,
): Promise<{ readonly ended: Promise<unknown> }> {
  const client = new pg.Client(clientConfig(options));
  const ended = new Promise((resolve) => client.once("end", resolve));
  client.on("error", (error) => options.onConnectionLost?.(error));
  client.on("notification", ({ payload }) => onNotify(payload ?? ""));
  const end = (): void => void client.end();
  try {
    await client.connect();
    await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
  } catch (error) {
    end();
    throw translated(error);
  }
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  void ended.then(() => signal.removeEventListener("abort", end));
  return { ended };
}

/**
 * One connection for one piece of administration, raw: several statements in one text are possible.
 * @throws ProtocolError INTERNAL_DATABASE_UNAVAILABLE when the server does not serve
 */
export async function withClient<T>(config: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(config);
  // A connection that breaks while idle: the next statement says so.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw translated(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A pool of connections under one role. Made by {@link openDatabase}. */
export class Database implements Queryable {
  readonly #options: DatabaseOptions;
  readonly #pool: pg.Pool;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<Promise<void>>();

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#pool = new pg.Pool({
      ...clientConfig(options),
      max: options.maxConnections,
      idleTimeoutMillis: idleTimeoutMs,
      statement_timeout: options.statementTimeoutMs,
      lock_timeout: options.statementTimeoutMs,
      // A transaction that waits for its own process this long has been forgotten; its locks would stop everyone else.
      idle_in_transaction_session_timeout: Math.max(options.statementTimeoutMs, connectTimeoutMs) * 2,
    });
    this.#pool.on("error", (error) => options.onConnectionLost?.(error));
  }

  /**
   * Runs one statement on its own.
   * @throws ProtocolError INTERNAL_DATABASE_UNAVAILABLE when the server does not serve; pg.DatabaseError for all else it refuses
   */
  async query<R extends Row = Row>(statement: Statement, values: readonly SqlValue[] = []): Promise<Rows<R>> {
    return await run<R>(this.#pool, statement, values);
  }

  /**
   * Runs `work` in one transaction: all of it is committed, or nothing. `work` is run again, up to five times, when PostgreSQL
   * reports a serialization failure or a deadlock, so it may have no effect but through the transaction.
   * @throws ProtocolError INTERNAL_DATABASE_UNAVAILABLE; with `commit: "unknown"` when the connection broke during COMMIT
   */
  async transaction<T>(
    work: (transaction: Queryable) => Promise<T>,
    options: { readonly isolation?: Isolation; readonly readOnly?: boolean } = {},
  ): Promise<T> {
    const begin = `BEGIN ISOLATION LEVEL ${options.isolation ?? "read committed"} READ ${options.readOnly === true ? "ONLY" : "WRITE"}`;
    return await retrying(async () => await this.#attempt(begin, work));
  }

  async #attempt<T>(begin: string, work: (transaction: Queryable) => Promise<T>): Promise<T> {
    return await this.#lend(async (client) => {
      let isOpen = true;
      try {
        await run(client, begin, []);
        const result = await work({
          query: async (statement, values = []) => {
            assert(isOpen, "a statement came after the end of its transaction");
            return await run(client, statement, values);
          },
        });
        isOpen = false;
        await commit(client);
        return result;
      } finally {
        isOpen = false;
      }
    });
  }

  /**
   * Runs statements in one transaction that takes one journey to the server: nothing can be decided on the way. Answers how many
   * rows each found or changed. Tried again, and refused, like {@link Database.transaction}.
   */
  async journey(errands: readonly Errand[]): Promise<readonly number[]> {
    return await retrying(async () => await this.#lend(async (client) => await travel(client, errands)));
  }

  /** Takes a connection from the pool for one transaction, which is rolled back after an error. */
  async #lend<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw translated(error);
    });
    let broken: Error | undefined;
    const onError = (error: Error): void => void (broken = error);
    client.on("error", onError);
    try {
      return await use(client);
    } catch (error) {
      // A connection that cannot even roll back is not given to anyone again.
      if (broken === undefined) await client.query("ROLLBACK").catch(onError);
      throw error;
    } finally {
      client.off("error", onError);
      client.release(broken);
    }
  }

  /**
   * Calls `onNotify` for each NOTIFY on the channel, and with "" each time the connection had to be made again, since something
   * may have been missed. A notification is a hint: the truth is in the tables. Ends with {@link Database.close}.
   * @throws ProtocolError INTERNAL_DATABASE_UNAVAILABLE when the first connection fails; later ones are tried for ever
   */
  async listen(channel: string, onNotify: (payload: string) => void): Promise<void> {
    const { signal } = this.#closing;
    let listener = await listenOnce(this.#options, channel, onNotify, signal);
    const keepListening = async (): Promise<void> => {
      for (;;) {
        await listener.ended;
        await pause(relistenPauseMs, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        listener = await listenOnce(this.#options, channel, onNotify, signal).catch(() => ({
          ended: Promise.resolve(),
        }));
        onNotify("");
      }
    };
    this.#listeners.add(keepListening());
  }

  /** Ends all connections once their statements are done. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#pool.end(), ...this.#listeners]);
  }
}

/** Opens the database: nothing is connected before the first statement. */
export function openDatabase(options: DatabaseOptions): Database {
  return new Database(options);
}
