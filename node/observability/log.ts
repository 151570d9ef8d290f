// The log: JSON lines through pino, without secrets or plaintext, and never in the way of what it tells about.
import { pino, type DestinationStream, type Logger as PinoLogger } from "pino";

/** What every part logs to. */
export type Logger = PinoLogger;

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Where lines go: a file descriptor, or something that takes them and says how many bytes still wait. */
export type LogSink = {
  write(line: string): unknown;
  /** Bytes that were taken and have not left the process; 0 where that is not known. */
  readonly pendingBytes: () => number;
};

/** Told of each line that was dropped because the sink was slow or broken. */
export type OnDropped = (level: "debug" | "other") => void;

/** Bytes that may wait: past that the sink is stuck, and memory is worth more than its lines. */
const pendingLimitBytes = 4 * 1024 * 1024;
/** From here on debug lines are dropped, so that the room left is for what matters. */
const debugLimitBytes = pendingLimitBytes / 4;

/** Names of properties that are never shown, however deep the log line nests them (up to three levels). */
const secretNames = [
  "apiKey",
  "authorization",
  "ciphertext",
  "cookie",
  "masterKey",
  "password",
  "plaintext",
  "privateKey",
  "record",
  "recordKey",
  "records",
  "secret",
  "token",
  "vaultKey",
] as const;

const redactedPaths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** pino's numbers of levels; a line begins with its own. */
const debugLine = /^\{"level":[12]0,/;

/**
 * A destination that never throws and never grows without bound: a slow sink loses debug lines first, then the rest, and the
 * losses are told (OPER-06).
 */
export function guardSink(sink: LogSink, onDropped: OnDropped): DestinationStream {
  return {
    write: (line) => {
      const isDebug = debugLine.test(line);
      try {
        if (sink.pendingBytes() <= (isDebug ? debugLimitBytes : pendingLimitBytes)) {
          sink.write(line);
          return;
        }
      } catch {
        // Nobody can be told: this is where one tells.
      }
      onDropped(isDebug ? "debug" : "other");
    },
  };
}

/** A file descriptor as a sink: written by the system's thread pool, flushed when the process ends. */
function descriptorSink(descriptor: number): LogSink {
  const stream = pino.destination({ dest: descriptor, sync: false });
  let pending = 0;
  // A reader that went away, a full disk: lines are lost, the node goes on.
  stream.on("error", () => undefined);
  stream.on("write", (bytes: number) => {
    pending = Math.max(0, pending - bytes);
  });
  return {
    write: (line) => {
      pending += Buffer.byteLength(line);
      stream.write(line);
    },
    pendingBytes: () => pending,
  };
}

/**
 * An error as it is shown: what it is, where it came from, its code. Not the parts in which a database repeats the values of
 * a row that it refused.
 */
function shownError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: "not an error object" };
  const { name, message, stack, cause } = error;
  const { code, constraint, detail } = error as { code?: unknown; constraint?: unknown; detail?: unknown };
  return {
    type: name,
    message,
    stack,
    ...(typeof code === "string" ? { code } : {}),
    ...(typeof constraint === "string" ? { constraint } : {}),
    // Public facts of a ProtocolError are an object; the text of a database's detail names values.
    ...(typeof detail === "object" && detail !== null ? { detail } : {}),
    ...(cause === undefined ? {} : { cause: shownError(cause) }),
  };
}

/**
 * Opens the log. What is private is kept out by whoever logs; the redaction here is the second lock.
 * @param destination standard error, another descriptor, or a sink.
 */
export function openLog(options: {
  readonly level: LogLevel;
  readonly destination?: number | LogSink;
  /** Counts lost lines; it must not log. */
  readonly onDropped?: OnDropped;
}): Logger {
  const { level, destination = 2, onDropped = () => undefined } = options;
  const sink = typeof destination === "number" ? descriptorSink(destination) : destination;
  return pino(
    {
      level,
      redact: { paths: redactedPaths, censor: "[redacted]" },
      serializers: { err: shownError },
      // Lines of many processes meet in one place: the host's name and process id are added there.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    guardSink(sink, onDropped),
  );
}
