// A process that starts an embedded PostgreSQL and stays until it is killed. Arguments: data folder. Prints address and how.
import { startEmbedded } from "#storage/embedded.ts";

const [dataDir = ""] = process.argv.slice(2);
const { adminUrl, adopted, lost } = await startEmbedded({ dataDir, settings: { fsync: "off" }, log: () => undefined });
console.log(JSON.stringify({ adminUrl, adopted }));
setInterval(() => undefined, 1_000);
await lost;
process.exit(3);
