// When PostgreSQL cannot serve: told apart from all that it refuses, by SQLSTATE, network code, or what the driver says.
import { ProtocolError } from "#protocol/errors.ts";

/** SQLSTATEs that say the server cannot serve now: shutdown, resources, read-only standby, timeouts. */
const unavailableStates: ReadonlySet<string> = new Set(["57014", "57P01", "57P02", "57P03", "57P05", "25006", "55P03"]);

const networkCodes: ReadonlySet<string> = new Set(
  "ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN".split(" "),
);

/** What pg says, without a code, when a connection is gone or none is free. */
const lostMessage = /^Connection terminated|^Client (has encountered|was closed)|^timeout e(xceeded|xpired)/;

/** Why the database cannot serve now, or undefined when the error says something else. */
export function unavailableReason(error: unknown): string | undefined {
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
export function translated(error: unknown): unknown {
  const reason = unavailableReason(error);
  if (reason === undefined) return error;
  return new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE", { reason }, { cause: error });
}

/** The same for an error that came while a transaction was being committed: whether it was, nobody knows. */
export function translatedCommit(error: unknown): unknown {
  const reason = unavailableReason(error);
  if (reason === undefined) return error;
  return new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE", { reason, commit: "unknown" }, { cause: error });
}
