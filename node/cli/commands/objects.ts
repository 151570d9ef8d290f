// The object store of a data folder, as commands read it.
import { join } from "node:path";
import { openFolderStore } from "#storage/objects/folder.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import type { Configuration } from "../config/schema.ts";

/** Where a data folder keeps its objects. */
export function objectsFolder(dataDir: string): string {
  return join(dataDir, "objects");
}

/** Opens the objects of the configured data folder. */
export async function openObjects(configuration: Configuration): Promise<ObjectStore> {
  return await openFolderStore(objectsFolder(configuration.SCS_DATA_DIR));
}
