// Decoded collections held for authorized executions: read once, extended when a collection grew, bounded in bytes.
import { LRUCache } from "lru-cache";
import type { Metrics } from "#observability/metrics.ts";
import type { Column } from "#protocol/columns.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { plaintextCacheBytes, recordPageLimit } from "#protocol/limits.ts";
import type { Projection } from "#protocol/schemas/execution.ts";
import type { ValueType } from "#protocol/schemas/registry.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";
import type { Database } from "#storage/database.ts";
import { readHeads, readRecords, readSnapshots, type CollectionHead, type CollectionName } from "#storage/records.ts";
import {
  columnFor,
  decodedBytes,
  emptyCollection,
  extend,
  projectedColumn,
  type DecodedCollection,
  type Extension,
} from "./decoded-collection.ts";
import { openRecord, unwrapVaultKey } from "./sealing.ts";
import { emptyDigest, foldDigest } from "./snapshot.ts";

/** Records decrypted before others get their turn: about ten milliseconds. */
const recordsPerTurn = 1_000;

export type CacheDeps = {
  readonly database: Database;
  readonly masterKey: Uint8Array;
  readonly metrics: Metrics;
  /** Bytes of decoded plaintext to hold; the default is in protocol/limits.ts. */
  readonly maximumBytes?: number;
};

/** A snapshot's plaintext, field by field, as it is within the vault. Undefined for a field that stands for nothing. */
export type SnapshotFields = {
  /** A field as a column of the type; it may be longer than the snapshot. */
  readonly column: (field: string, type: ValueType) => Column | undefined;
  /** What a projection leaves of a field that is read as the type; as long as the snapshot (ATTR-07). */
  readonly projected: (field: string, type: ValueType, projection: Projection) => Column | undefined;
};

const nextTurn = async (): Promise<void> => {
  await new Promise((resolve) => void setImmediate(resolve));
};

/** The plaintext that this process holds. One collection is read by one caller at a time; others wait and share it. */
export class PlaintextCache {
  readonly #deps: CacheDeps;
  readonly #decoded: LRUCache<string, DecodedCollection>;
  /** The last reading of each collection that is on its way. */
  readonly #reading = new Map<string, Promise<unknown>>();

  constructor(deps: CacheDeps) {
    this.#deps = deps;
    this.#decoded = new LRUCache({ maxSize: deps.maximumBytes ?? plaintextCacheBytes, sizeCalculation: decodedBytes });
  }

  /**
   * Opens a snapshot: its records are decrypted, each checked against its commitment and all of them against the digest.
   * @throws ProtocolError EXECUTION_RECORD_CORRUPT when any of that does not hold
   */
  async open(name: CollectionName, snapshot: { readonly size: number; readonly digest: Hex }): Promise<SnapshotFields> {
    const key = `${name.vault}/${name.collection}`;
    let decoded = this.#decoded.get(key);
    if (decoded === undefined || decoded.size < snapshot.size) decoded = await this.#read(key, name, snapshot.size);
    if (decoded.snapshots.get(snapshot.size) !== snapshot.digest) {
      throw new ProtocolError("EXECUTION_RECORD_CORRUPT", {
        ...name,
        size: snapshot.size,
        reason: "not a snapshot of it",
      });
    }
    const held = decoded;
    const keeping = (make: () => Column | undefined): Column | undefined => {
      const columns = held.columns.size;
      const column = make();
      if (held.columns.size > columns && this.#decoded.peek(key) === held) this.#keep(key, held);
      return column;
    };
    return {
      column: (field, type) => keeping(() => columnFor(held, field, type)),
      projected: (field, type, projection) =>
        keeping(() => projectedColumn(held, { field, type, projection, records: snapshot.size })),
    };
  }

  async #read(key: string, name: CollectionName, size: number): Promise<DecodedCollection> {
    const before = this.#reading.get(key) ?? Promise.resolve();
    const reading = before
      .catch(() => undefined)
      .then(async () => {
        const known = this.#decoded.get(key);
        if (known !== undefined && known.size >= size) return known;
        const longer = await decode(this.#deps, name, known, size);
        this.#keep(key, longer);
        return longer;
      });
    this.#reading.set(key, reading);
    try {
      return await reading;
    } finally {
      if (this.#reading.get(key) === reading) this.#reading.delete(key);
    }
  }

  /** Keeps an entry under its present size. Too large for the cache, it loses its columns, which are made again from its fields. */
  #keep(key: string, decoded: DecodedCollection): void {
    this.#decoded.delete(key);
    if (decodedBytes(decoded) > this.#decoded.maxSize) decoded.columns.clear();
    this.#decoded.set(key, decoded);
    this.#deps.metrics.set("scs_vault_cache_bytes", this.#decoded.calculatedSize, {});
  }
}

/** Reads a collection from where `known` ends to `size` records. */
async function decode(
  deps: CacheDeps,
  name: CollectionName,
  known: DecodedCollection | undefined,
  size: number,
): Promise<DecodedCollection> {
  const { database, metrics } = deps;
  const [head] = await readHeads(database, [name]);
  if (head === undefined) throw new ProtocolError("EXECUTION_RECORD_CORRUPT", { ...name, reason: "it does not exist" });
  const start = known ?? emptyCollection(emptyDigest(name.vault, name.collection), Object.keys(head.fields));
  const expected = await readSnapshots(database, name, { above: start.size, upTo: size });
  const extension = extend(start, size);
  let digest = start.digest;
  let position = start.size;
  for (const snapshot of expected) {
    while (position < snapshot.size) {
      const to = Math.min(position + recordPageLimit, snapshot.size);
      digest = foldDigest(digest, await decodePage(deps, head, { from: position, to }, extension));
      position = to;
    }
    if (digest !== snapshot.digest) {
      throw new ProtocolError("EXECUTION_RECORD_CORRUPT", { ...name, size: snapshot.size, reason: "another digest" });
    }
  }
  metrics.count("scs_vault_decrypted_records_total", position - start.size, {});
  return extension.finish(digest, new Map(expected.map((snapshot) => [snapshot.size, snapshot.digest])));
}

/** Decrypts the records of a page in turns; answers their commitments. */
async function decodePage(
  { database, masterKey }: CacheDeps,
  { vault, collection, wrappedKey }: CollectionHead,
  page: { readonly from: number; readonly to: number },
  extension: Extension,
): Promise<readonly Hex[]> {
  const name = { vault, collection };
  const records = await readRecords(database, name, page);
  if (records.length !== page.to - page.from) {
    throw new ProtocolError("EXECUTION_RECORD_CORRUPT", { ...name, from: page.from, reason: "records are missing" });
  }
  const vaultKey = unwrapVaultKey(masterKey, name, wrappedKey);
  for (const [index, sealed] of records.entries()) {
    if (index % recordsPerTurn === 0) await nextTurn();
    const place = { ...name, ...sealed, position: page.from + index };
    extension.add(JSON.parse(openRecord(vaultKey, place, sealed).toString("utf8")) as CanonicalRecord);
  }
  return records.map(({ commitment }) => commitment);
}
