// The one configuration schema: every setting with its type, default and meaning; documentation is generated from it.
import { Type, type Static, type TSchema } from "typebox";

/** A setting: read from the environment or from a settings file under the same name. */
type Setting = TSchema & { readonly description: string; readonly group: string; readonly secret?: boolean };

const setting = <T extends TSchema>(group: string, schema: T, description: string, more: { secret?: boolean } = {}) =>
  ({ ...schema, group, description, ...more }) as T & Setting;

const port = (value: number) => Type.Integer({ minimum: 0, maximum: 65_535, default: value });
const text = (value: string, pattern = "") => Type.String({ default: value, ...(pattern === "" ? {} : { pattern }) });
const list = (value: readonly string[], items: TSchema = Type.String({ minLength: 1 })) =>
  Type.Unsafe<readonly string[]>(Type.Array(items, { default: value, maxItems: 64 }));
const optionalAddress = Type.String({ default: "", pattern: "^(0x[0-9a-f]{40})?$" });

/** Every setting of the product (OPER-01). An unknown `SCS_` name or a wrong value stops the start. */
export const settings = {
  SCS_DATA_DIR: setting(
    "storage",
    text(".scs"),
    "Folder of everything this node keeps on disk: embedded database, local chain, objects, keys.",
  ),
  SCS_DATABASE_URL: setting(
    "storage",
    text("", "^(postgres(ql)?://.*)?$"),
    "PostgreSQL server, as an owner that may create roles; empty: an embedded PostgreSQL in the data folder.",
    { secret: true },
  ),
  SCS_DATABASE_CONNECTIONS: setting(
    "storage",
    Type.Integer({ minimum: 2, maximum: 100, default: 10 }),
    "Connections of one process to the database.",
  ),
  SCS_DATABASE_TIMEOUT_MS: setting(
    "storage",
    Type.Integer({ minimum: 100, maximum: 600_000, default: 60_000 }),
    "A statement that takes longer is given up.",
  ),
  SCS_LOG_LEVEL: setting(
    "observability",
    Type.Enum(["debug", "info", "warn", "error", "silent"], { default: "info" }),
    "Lowest level that is logged.",
  ),
  SCS_ROLES: setting(
    "process",
    list(["edge", "worker", "settler"], Type.Enum(["edge", "worker", "settler"])),
    "What this process does: edge answers REST, worker moves tasks, settler closes epochs and anchors.",
  ),
  SCS_SCOPES: setting(
    "process",
    list(["main"], Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,63}$" })),
    "Scopes the settler looks after.",
  ),
  SCS_API_HOST: setting("api", text("127.0.0.1"), "Address the REST API listens on."),
  SCS_API_PORT: setting("api", port(8080), "Port the REST API listens on; 0 takes a free one."),
  SCS_CHAIN_ENDPOINTS: setting(
    "chain",
    list([], Type.String({ pattern: "^https?://" })),
    "JSON-RPC endpoints of the EVM chain; empty: a local chain in the data folder.",
  ),
  SCS_CHAIN_ID: setting(
    "chain",
    Type.Integer({ minimum: 1, default: 31_337 }),
    "Chain id every endpoint must answer for.",
  ),
  SCS_CHAIN_PORT: setting("chain", port(8545), "Port of the local chain; 0 takes a free one."),
  SCS_CHAIN_CONFIRMATIONS: setting(
    "chain",
    Type.Integer({ minimum: 0, maximum: 1_000, default: 0 }),
    "Blocks that must stand on top of an event before it counts. 0 suits only the local chain, which does not reorganize.",
  ),
  SCS_CHAIN_POLL_MS: setting(
    "chain",
    Type.Integer({ minimum: 20, maximum: 60_000, default: 200 }),
    "How often the chain is asked for news.",
  ),
  SCS_ANCHOR_ADDRESS: setting("chain", optionalAddress, "Anchor contract; empty: the one this data folder deployed."),
  SCS_TREASURY_ADDRESS: setting(
    "chain",
    optionalAddress,
    "Treasury contract; empty: the one this data folder deployed.",
  ),
  SCS_ANCHOR_WINDOW_SECONDS: setting(
    "chain",
    Type.Integer({ minimum: 1, maximum: 2_592_000, default: 3_600 }),
    "Challenge window of an anchor contract that this node deploys.",
  ),
  SCS_CHAIN_FEE_CEILING_GWEI: setting(
    "chain",
    Type.Integer({ minimum: 1, maximum: 1_000_000, default: 500 }),
    "Highest fee per gas this process pays.",
  ),
  SCS_PROPOSER_KEY_FILE: setting("keys", text(""), "Key that anchors roots; empty: one made in the data folder."),
  SCS_EXECUTOR_KEY_FILE: setting("keys", text(""), "Key of this node's executor; empty: one made in the data folder."),
  SCS_VERIFIER_KEY_FILES: setting(
    "keys",
    list([]),
    "Keys of this node's verifiers; empty: one made in the data folder.",
  ),
  SCS_MASTER_KEY_FILE: setting(
    "keys",
    text(""),
    "Key that wraps the vaults' keys; empty: one made in the data folder.",
  ),
  SCS_PAYER_KEYSTORE_FILE: setting(
    "payout",
    text(""),
    "Encrypted keystore (Web3 Secret Storage) of the payout signer; empty: one made in the data folder.",
  ),
  SCS_PAYER_PASSWORD_FILE: setting(
    "payout",
    text(""),
    "File that holds the keystore's password; empty: one made in the data folder.",
  ),
  SCS_PAYOUT_EPOCH_CAP: setting(
    "payout",
    Type.String({ pattern: "^[0-9]{1,28}$", default: "1000000000000000000000000" }),
    "Most that is paid for one epoch, in base units.",
  ),
  SCS_PAYOUT_HOURLY_CAP: setting(
    "payout",
    Type.String({ pattern: "^[0-9]{1,38}$", default: "10000000000000000000000000" }),
    "Most that is paid within an hour, in base units; a range of up to 256 payouts above it waits until this is raised.",
  ),
} as const satisfies Record<string, Setting>;

export const Configuration = Type.Object(settings, { additionalProperties: false, $id: "configuration" });

/** The validated configuration of a process. */
export type Configuration = Static<typeof Configuration>;
