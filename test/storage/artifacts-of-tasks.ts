// Tasks in the database with made-up artifacts, for tests of the tables that hold them.
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { executor, verifier } from "#test/layers/node.ts";
import type { StoredAssignment } from "#storage/assignments.ts";
import type { SignedDecision } from "#storage/decisions.ts";
import type { StoredResult } from "#storage/results.ts";

const signature: Hex = `0x${"5a".repeat(65)}`;
/** Text that would not survive a careless statement. */
const text = (part: string): string => JSON.stringify({ part, nasty: `{"a",'b'\\ \u001e \n é𝄞` });

export const assignmentOf = (taskId: Hex): StoredAssignment => ({
  taskId,
  resolutionId: sha256Hex(`resolution ${taskId}`),
  resolution: text("resolution"),
  body: text("assignment"),
});

export const resultOf = (taskId: Hex): StoredResult => ({
  bundleId: sha256Hex(`bundle ${taskId}`),
  taskId,
  executor: executor.address,
  bundle: text("bundle"),
  signature,
  result: text("result"),
  transcript: text("transcript"),
  accessLog: text("access log"),
});

export const decisionOf = (taskId: Hex, by: Hex = verifier.address): SignedDecision => ({
  decisionId: sha256Hex(`decision ${taskId} ${by}`),
  taskId,
  bundleId: resultOf(taskId).bundleId,
  verifier: by,
  verdict: "accepted",
  body: text("decision"),
  evidence: text("evidence"),
  signature,
});
