// One process of a node for the tests: all layers up to a candidate. Arguments: database address, object folder, start of its clock, number.
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { startLoop } from "#coordination/loop.ts";
import { secondOpinion } from "#audit/recompute.ts";
import { openLog } from "#observability/log.ts";
import { openMetrics } from "#observability/metrics.ts";
import { epochStep } from "#settlement/epoch-step.ts";
import { settlementStep } from "#settlement/settlement-step.ts";
import { openDatabase } from "#storage/database.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import { nothingAnchored } from "#test/settlement/settling.ts";
import { domain, openLayers } from "#test/layers/node.ts";

const [url = "", folder = "", start = "", number = ""] = process.argv.slice(2);
const startedAt = Date.now();
const clock = (): Date => new Date(Date.parse(start) + Date.now() - startedAt);
const database = openDatabase({
  url,
  applicationName: `process ${number}`,
  maxConnections: 6,
  statementTimeoutMs: 60_000,
});
await mkdir(folder, { recursive: true });
const holder = `process-${number}`;
// Batches of another size in each process: the outcome must not depend on who took how many.
const layers = openLayers(database, { clock, holder, batchLimit: 3 + Number(number) * 4 });
const log = openLog({ level: "error" });
const settling = {
  database,
  store: await createFolderStore(folder),
  clock,
  log,
  holder,
  scopes: ["trade"],
  place: domain,
  secondOpinion,
  readAnchor: () => Promise.resolve(nothingAnchored),
  pollSeconds: 1,
  noise: (size: number) => randomBytes(size),
};
const { handoff, resolve, execute, verify, deadlines } = layers;
const steps = [handoff, resolve, execute, verify, deadlines, epochStep(settling), settlementStep(settling)];
startLoop({ steps, log, metrics: openMetrics(), clock });
console.log("working");
