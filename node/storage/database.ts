// The one way to PostgreSQL: exact types, transactions with bounded retries, notifications, typed loss of the connection.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { ProtocolError } from "#protocol/errors.ts";
import { exactTypes } from "./sql-types.ts";

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

/** SQLSTATEs that say the server cannot serve now: shutdown, resources, read-only standby, timeouts. */
const unavailableStates: ReadonlySet<string> = new Set(["57014", "57P01", "57P02", "57P03", "57P05", "25006", "55P03"]);

const networkCodes: ReadonlySet<string> = new Set(
  "ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN".split(" "),
);

/** What pg says, without a code, when a connection is gone or none is free. */
const lostMessage = /^Connection terminated|^Client (has encountered|was closed)|^timeout e(xceeded|xpired)/;

/** The SQLSTATE of an error that PostgreSQL reported, e.g. "23505", or undefined. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** The name of the constraint that refused a change, or undefined. */
export function violatedConstraint(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.constraint : undefined;
}

/** Why the database cannot serve now, or undefined when the error says something else. */
function unavailableReason(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  // Classes 08 (connection) and 53 (resources: connections, disk, memory) as a whole.
  if (unavailableStates.has(code) || /^(08|53)...$/.test(code) || networkCodes.has(code)) return code;
  if (lostMessage.test(error.message)) return "connection_lost";
  // A host name with several addresses fails with all their errors at once.
  if (error instanceof AggregateError)
    return error.errors.map(unavailableReason).find((reason) => reason !== undefined);
  return undefined;
}

/** The same error, or the retryable INTERNAL_DATABASE_UNAVAILABLE when that is what it means. */
function translated(error: unknown): unknown {
  const reason = unavailableReason(error);
  if (reason === undefined) return error;
  return new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE", { reason }, { cause: error });
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
    const reason = unavailableReason(error);
    if (reason === undefined) throw error;
    throw new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE", { reason, commit: "unknown" }, { cause: error });
  }
  // PostgreSQL answers COMMIT with ROLLBACK when a statement before it had failed and the failure was caught.
  assert.equal(command, "COMMIT", "a failed statement was swallowed inside its transaction");
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
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(begin, work);
      } catch (error) {
        const state = sqlState(error);
        if (state === undefined || !retriableStates.has(state)) throw error;
        if (attempt === maxAttempts) {
          throw new ProtocolError(
            "INTERNAL_DATABASE_UNAVAILABLE",
            { reason: state, attempts: attempt },
            { cause: error },
          );
        }
        await pause(firstPauseMs * 2 ** (attempt - 1));
      }
    }
  }

  async #attempt<T>(begin: string, work: (transaction: Queryable) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw translated(error);
    });
    const state: { open: boolean; broken: Error | undefined } = { open: true, broken: undefined };
    const onError = (error: Error): void => void (state.broken = error);
    client.on("error", onError);
    try {
      await run(client, begin, []);
      const result = await work({
        query: async (statement, values = []) => {
          assert(state.open, "a statement came after the end of its transaction");
          return await run(client, statement, values);
        },
      });
      state.open = false;
      await commit(client);
      return result;
    } catch (error) {
      state.open = false;
      // A connection that cannot even roll back is not given to anyone again.
      if (state.broken === undefined) await client.query("ROLLBACK").catch(onError);
      throw error;
    } finally {
      client.off("error", onError);
      client.release(state.broken);
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
