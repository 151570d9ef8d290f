// `scs audit`: journal, database, archives and chain held against one another, with audit/'s own code.
import type { Command } from "commander";
import type { ChainClient } from "#chain/client.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { contentKey } from "#storage/objects/content.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import {
  auditArchives,
  auditDatabase,
  auditJournal,
  type ArchiveSources,
  type AuditFinding,
} from "../documents/auditing.ts";
import { exitCodes } from "../output.ts";
import { anchorReader, endpointsOf, openChain, type EndpointOptions } from "./chain-access.ts";
import { define, type Invocation } from "./command.ts";
import { deployedAddress } from "./deployed.ts";
import { openObjects } from "./objects.ts";
import { withDatabase } from "./operator-database.ts";
import { endpointOption } from "./options.ts";

async function runAudit(invocation: Invocation<readonly [], EndpointOptions>): Promise<number> {
  const { options, output, configuration } = invocation;
  const settings = configuration();
  let connected: Promise<ChainClient> | undefined;
  const connect = () => (connected ??= openChain(endpointsOf(options, configuration), settings.SCS_CHAIN_ID));
  // Opened when there is an archive to read: a node that settled nothing has no objects. Whether bytes have their digest is for
  // the audit to judge, so they are read as they are.
  let opened: Promise<ObjectStore> | undefined;
  const read = async (digest: Hex): Promise<Uint8Array> => {
    const bytes = await (await (opened ??= openObjects(settings))).get(contentKey(digest));
    if (bytes === undefined) throw new ProtocolError("INTERNAL_OBJECT_UNREACHABLE", { digest, reason: "absent" });
    return bytes;
  };
  const sources: ArchiveSources = {
    open: (archive) => ({ manifest: async () => await read(archive), part: read }),
    anchor: () => deployedAddress(settings, "anchor"),
    chain: anchorReader(connect),
  };
  const findings = await withDatabase(settings, "reader", async (database) => {
    // One snapshot for everything: a node that goes on working meanwhile changes nothing that is compared.
    const snapshot = { isolation: "repeatable read", readOnly: true } as const;
    return await database.transaction(async (transaction): Promise<readonly AuditFinding[]> => {
      const say = (line: string): void => output.say(line);
      const journal = await auditJournal(transaction, say);
      const stored = await auditDatabase(transaction, say);
      return [...journal, ...stored, ...(await auditArchives(transaction, sources, say))];
    }, snapshot);
  });
  const broken = findings.filter(({ verdict }) => verdict === "invalid").length;
  output.answer({ holds: findings.length === 0, findings }, () => {
    if (findings.length === 0) return output.say("Everything holds.");
    output.table(
      ["check", "verdict", "about", "stored or claimed", "follows from the rest"],
      findings.map(({ check, verdict, subject, stored, expected }) => [check, verdict, subject, stored, expected]),
    );
  });
  if (broken > 0) return exitCodes.disproved;
  return findings.length > 0 ? exitCodes.failed : exitCodes.done;
}

export function register(program: Command): void {
  define<readonly [], EndpointOptions>(program, {
    name: "audit",
    summary:
      "Check the journal's hash chain, money, memberships and states, every candidate against its archive, every final root " +
      "against the chain. Names what does not hold and ends with 1; with 2 when something could not be judged.",
    example: "scs audit --json",
    options: [endpointOption()],
    run: runAudit,
  });
}
