// A process that writes objects into a folder store until it is killed. Arguments: folder, seed.
import { createHash } from "node:crypto";
import { putContent } from "#storage/objects/content.ts";
import { openFolderStore } from "#storage/objects/folder.ts";

const [folder = "", seed = ""] = process.argv.slice(2);
const store = await openFolderStore(folder);

/** Up to a megabyte that only the seed and the position decide. */
function contentOf(position: number): Uint8Array {
  const digest = createHash("sha256").update(`${seed} ${position}`).digest();
  return Buffer.alloc(1 + (digest.readUInt32BE(0) % (1 << 20)), digest);
}

for (let position = 0; ; position++) {
  const digest = await putContent(store, contentOf(position));
  console.log(digest);
}
