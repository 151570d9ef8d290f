// The checks of an audit: audit/'s own code over what storage reads, each giving what it found.
import { checkAccounts, checkTaskStates, type Finding } from "#audit/database-check.ts";
import { checkJournal } from "#audit/journal-check.ts";
import { checkMemberships } from "#audit/membership.ts";
import type { AnchorReader } from "#audit/proof-file.ts";
import { secondOpinion } from "#audit/recompute.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import type { ArchiveReader } from "#settlement/archive.ts";
import {
  readAllBalances,
  readCandidates,
  readMembers,
  readPostings,
  readTaskHistories,
  type AuditedCandidate,
} from "#storage/auditing.ts";
import type { Queryable } from "#storage/database.ts";
import { readBatches, readJournal } from "#storage/journal.ts";
import { readClaimed } from "./claimed.ts";

/** Something that does not hold, or could not be judged: in which check, about what, and both values. */
export type AuditFinding = Finding & { readonly check: string; readonly verdict: "invalid" | "unknown" };

/** Where archives and the chain's word come from. */
export type ArchiveSources = {
  readonly open: (archive: Hex) => ArchiveReader;
  readonly anchor: () => Hex;
  readonly chain: AnchorReader;
};

type Say = (line: string) => void;

const invalid = (check: string, findings: readonly Finding[]): readonly AuditFinding[] =>
  findings.map((finding) => ({ check, verdict: "invalid", ...finding }));

/** Checks the journal's entries against its sealed batches and names each that was changed, removed or inserted (ASSR-02). */
export async function auditJournal(database: Queryable, say: Say): Promise<readonly AuditFinding[]> {
  const { entries, batches, faults } = await checkJournal(readJournal(database), readBatches(database));
  say(`journal: ${entries} sealed entries in ${batches} batches, ${faults.length} faults`);
  return faults.map(({ fault, batchNo, entryNo, detail }) => ({
    check: "journal",
    verdict: "invalid",
    subject:
      fault === "removed" ? `the entry after ${entryNo}, batch ${batchNo}` : `entry ${entryNo}, batch ${batchNo}`,
    stored: fault,
    expected: detail,
  }));
}

/** Checks balances against postings, memberships and states against the journal. */
export async function auditDatabase(database: Queryable, say: Say): Promise<readonly AuditFinding[]> {
  const money = await checkAccounts(readPostings(database), readAllBalances(database));
  say(`money: every balance worked out from its postings, ${money.length} findings`);
  const members = await checkMemberships(readJournal(database, "committed"), readMembers(database));
  say(`memberships: rebuilt from the journal, ${members.length} findings`);
  const states = await checkTaskStates(readTaskHistories(database));
  say(`tasks: every history folded, ${states.length} findings`);
  return [...invalid("money", money), ...invalid("memberships", members), ...invalid("tasks", states)];
}

/** Checks every candidate that has not failed against its archive, and every final root against the chain. */
export async function auditArchives(
  database: Queryable,
  sources: ArchiveSources,
  say: Say,
): Promise<readonly AuditFinding[]> {
  const findings: AuditFinding[] = [];
  for (const candidate of await readCandidates(database)) {
    if (candidate.state === "failed") continue;
    const found = [...(await auditArchive(database, sources, candidate)), ...(await auditAnchored(sources, candidate))];
    say(`${nameOf(candidate)}: ${found.length} findings`);
    findings.push(...found);
  }
  return findings;
}

const nameOf = ({ scope, epoch, revision }: AuditedCandidate): string => `${scope}/${epoch} revision ${revision}`;

async function auditArchive(
  database: Queryable,
  sources: ArchiveSources,
  candidate: AuditedCandidate,
): Promise<readonly AuditFinding[]> {
  const claim = await readClaimed(database, candidate);
  if (claim === undefined) return [];
  const verdict = await secondOpinion(sources.open(claim.header.archive), claim);
  if (verdict.kind === "valid") return [];
  if (verdict.kind === "unknown") return [unknown("archive", nameOf(candidate), verdict.reason)];
  const { field, claimed, recomputed } = verdict.difference;
  const subject = `${nameOf(candidate)}: ${field}`;
  return [{ check: "archive", verdict: "invalid", subject, stored: claimed, expected: recomputed }];
}

async function auditAnchored(
  { anchor, chain }: ArchiveSources,
  candidate: AuditedCandidate,
): Promise<readonly AuditFinding[]> {
  const { scope, epoch, root, finalizedRoot } = candidate;
  if (finalizedRoot === null) return [];
  const differs = (found: string, expected: string): readonly AuditFinding[] =>
    found === expected
      ? []
      : [{ check: "chain", verdict: "invalid", subject: nameOf(candidate), stored: found, expected }];
  if (finalizedRoot !== root) return differs(finalizedRoot, root);
  try {
    const anchored = await chain.finalizedRoot(anchor(), scopeId(scope), epoch);
    return differs(finalizedRoot, anchored ?? "nothing final on chain");
  } catch (error) {
    return [unknown("chain", nameOf(candidate), error instanceof Error ? error.message : "no answer")];
  }
}

function unknown(check: string, subject: string, reason: string): AuditFinding {
  return { check, verdict: "unknown", subject, stored: "", expected: `cannot be judged: ${reason}` };
}
