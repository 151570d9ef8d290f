// The object store in a local folder: a name appears only when all bytes behind it are on the disk.
import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { ProtocolError } from "#protocol/errors.ts";
import { hasCode, isLive, makeFolder, syncFolder, writeNewFile } from "./durable.ts";
import { requireKey, requireSize, type ObjectStore, type PutOutcome } from "./store.ts";

/** Present in every store: an empty folder without it is a disk that is not mounted, not a store without objects. */
const markerFile = ".object-store";
const draftsFolder = ".drafts";
/** Content by digest takes 256 folders; the rest is for names. */
const maxDurableFolders = 4096;
/** Objects are never written again, not even by mistake. */
const objectMode = 0o444;

/** Names this process's drafts, so that the next one on the same machine can tell which were abandoned. */
const machine = hostname().replaceAll(/[^A-Za-z0-9]/g, "");

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

class FolderStore implements ObjectStore {
  readonly #root: string;
  /** Folders whose names are durable up to the root, so that they need not be synced for each object. */
  readonly #durable = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  async putOnce(key: string, bytes: Uint8Array): Promise<PutOutcome> {
    const path = this.#pathOf(key);
    requireSize(bytes);
    return await this.#reaching(async () => {
      await this.#requireMounted();
      await this.#makeFolder(dirname(path));
      const draft = join(this.#root, draftsFolder, `${machine}-${process.pid}-${randomBytes(8).toString("hex")}`);
      try {
        await writeNewFile(draft, bytes, objectMode);
        await link(draft, path);
        return "created";
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
        return Buffer.compare(await readFile(path), bytes) === 0 ? "same" : "conflict";
      } finally {
        await rm(draft, { force: true });
        // Also for "same": whoever made the name may not have come to this point yet.
        await syncFolder(dirname(path));
      }
    });
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const path = this.#pathOf(key);
    return await this.#reaching(async () => {
      try {
        return await readFile(path);
      } catch (error) {
        if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
        await this.#requireMounted();
        return undefined;
      }
    });
  }

  async has(key: string): Promise<boolean> {
    const path = this.#pathOf(key);
    return await this.#reaching(async () => {
      if (await isFile(path)) return true;
      await this.#requireMounted();
      return false;
    });
  }

  async *list(prefix: string): AsyncIterable<string> {
    await this.#reaching(async () => await this.#requireMounted());
    yield* this.#walk("", prefix);
  }

  /** Goes through the folders that can hold the prefix, one at a time: memory holds the names of one path only. */
  async *#walk(folder: string, prefix: string): AsyncIterable<string> {
    const entries = await this.#reaching(async () => await readdir(join(this.#root, folder), { withFileTypes: true }));
    // A folder sorts by its name with the separator, as the keys below it do: "a-b" comes before "a/b".
    const names = entries
      .filter(({ name }) => !name.startsWith("."))
      .map((entry) => folder + entry.name + (entry.isDirectory() ? "/" : ""));
    for (const name of names.sort()) {
      const below = name.endsWith("/");
      if (below && (name.startsWith(prefix) || prefix.startsWith(name))) yield* this.#walk(name, prefix);
      else if (!below && name.startsWith(prefix)) yield name;
    }
  }

  /** Makes a folder; another process may have made it a moment ago and not come to make its name durable. */
  async #makeFolder(folder: string): Promise<void> {
    if (this.#durable.has(folder)) return;
    await mkdir(folder, { recursive: true });
    for (let each = folder; each !== this.#root; each = dirname(each)) await syncFolder(dirname(each));
    if (this.#durable.size >= maxDurableFolders) this.#durable.clear();
    this.#durable.add(folder);
  }

  #pathOf(key: string): string {
    requireKey(key);
    return join(this.#root, key);
  }

  async #requireMounted(): Promise<void> {
    await stat(join(this.#root, markerFile));
  }

  /** Any error of the file system means that the store cannot be asked. */
  async #reaching<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
      throw new ProtocolError("INTERNAL_OBJECT_UNREACHABLE", { reason }, { cause });
    }
  }
}

/** Removes what writers on this machine left behind when they were killed; no name ever led to it. */
async function removeAbandonedDrafts(root: string): Promise<void> {
  for (const name of await readdir(join(root, draftsFolder))) {
    const [owner, pid] = name.split("-");
    if (owner === machine && !isLive(Number(pid))) await rm(join(root, draftsFolder, name), { force: true });
  }
}

/** Makes a folder into an object store; nothing changes when it is one already. */
export async function createFolderStore(root: string): Promise<ObjectStore> {
  await makeFolder(join(root, draftsFolder));
  await writeNewFile(join(root, markerFile), "", 0o644).catch((error: unknown) => {
    if (!hasCode(error, "EEXIST")) throw error;
  });
  await syncFolder(root);
  return await openFolderStore(root);
}

/**
 * Opens the object store in a folder.
 * @throws ProtocolError INTERNAL_OBJECT_UNREACHABLE when the folder is not one: its disk may not be mounted
 */
export async function openFolderStore(root: string): Promise<ObjectStore> {
  try {
    await stat(join(root, markerFile));
    await removeAbandonedDrafts(root);
  } catch (cause) {
    throw new ProtocolError("INTERNAL_OBJECT_UNREACHABLE", { reason: `${root} is not an object store` }, { cause });
  }
  return new FolderStore(resolve(root));
}
