// Files that survive a power cut and a killed writer: bytes first, then the name that leads to them.
import { constants } from "node:fs";
import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Whether an error bears one of the codes, e.g. "ENOENT" or an SQLSTATE. */
export const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code));

/** Whether a process with this id lives; another user's process counts. */
export function isLive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}

/** Makes the names inside a folder durable: a file that was created, renamed or removed there stays so. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates a folder with all its parents, each of them durable. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Writes a new file whose bytes are on the disk when it returns; its name is durable after {@link syncFolder}. */
export async function writeNewFile(path: string, bytes: Uint8Array | string, mode: number): Promise<void> {
  await writeFile(path, bytes, { flag: "wx", mode, flush: true });
}
