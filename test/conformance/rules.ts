// Every rule that a user of the node can rely on: its id, who owns it, whether it is built, and the rule in short words.

/** `now`: part of the house as it stands. `later`: named here so that it is not forgotten; open until built. */
export type Owner = "now" | "later";

/** `built`: at least one test that runs must claim the rule. `open`: not all of it is there, whatever tests exist. */
export type BuildStatus = "built" | "open";

/** One rule. Tests claim it by carrying its id in their title: `test("… (TASK-02)", …)`. */
export type Rule = {
  readonly id: string;
  readonly owner: Owner;
  readonly status: BuildStatus;
  readonly rule: string;
};

type Row = readonly [id: string, owner: Owner, status: BuildStatus, rule: string];

const rows: readonly Row[] = [
  ["TASK-01", "now", "built", "A task is in exactly one of the nine published states."],
  ["TASK-02", "now", "built", "Only moves of the published table happen; any other is refused and leaves no trace."],
  ["TASK-03", "now", "built", "Every move is journalled: who, why, under which versions, when."],
  ["TASK-04", "now", "built", "No settlement without an accepted decision; no completion without a final root."],
  ["TASK-05", "now", "built", "Past a stage's deadline a task times out by itself, even if its process died."],
  ["TASK-06", "now", "built", "Transient failures are retried with back-off, up to a limit, and never twice done."],
  ["TASK-07", "now", "built", "The same envelope returns the first task; the same key with other content is refused."],
  ["TASK-08", "now", "built", "A task's history reads back in order and folds to its state."],

  ["CHAL-01", "now", "built", "A challenge is in exactly one published state and moves only along its table."],
  ["CHAL-02", "now", "built", "A challenge names task, verification, candidate and evidence hash, or is refused."],
  ["CHAL-03", "now", "built", "Its evidence alone replays to the same verdict."],
  ["CHAL-04", "now", "built", "An open challenge keeps its candidate from finalizing."],
  ["CHAL-05", "now", "built", "Upheld: the item leaves the next revision and a penalty is recorded; no edit behind."],
  ["CHAL-06", "now", "built", "Failed: the task resumes where it stood; reopening takes new evidence."],
  ["CHAL-07", "now", "built", "A bonded challenge on chain is followed, and both sides end in one state."],

  ["SETL-01", "now", "built", "A settlement is in exactly one published state and moves only along its table."],
  ["SETL-02", "now", "built", "Only accepted, unchallenged items of one closed epoch enter, each checked again."],
  ["SETL-03", "now", "built", "Same items in any order, process or machine: same root."],
  ["SETL-04", "now", "built", "The root commits to scope, epoch, chain, versions, predecessor and every sub-root."],
  ["SETL-05", "now", "built", "Leaves are domain-separated; proofs verify with OpenZeppelin and with merkletreejs."],
  ["SETL-06", "now", "built", "A second implementation recomputes each root first; a mismatch anchors nothing."],
  ["SETL-07", "now", "built", "Candidates are public while challengeable; rewards and payouts use only final ones."],
  ["SETL-08", "now", "built", "Finalized history is append-only in the database and on chain, each root linked."],
  ["SETL-09", "now", "built", "Settlement events have deterministic keys; publishing again is harmless."],
  ["SETL-10", "now", "built", "A failed settlement can be tried as a new revision; what failed stays readable."],
  ["SETL-11", "now", "built", "A leaf, its proof and a chain endpoint suffice to verify inclusion."],

  ["EPOC-01", "now", "built", "An epoch holds its id, scope, times, status, version sets and scope metadata."],
  ["EPOC-02", "now", "built", "open, closing, closed in that order; one open epoch per scope, under concurrency too."],
  ["EPOC-03", "now", "built", "Bootstrap creates the first epoch; others open after their predecessor closed."],
  ["EPOC-04", "now", "built", "An epoch closes on time, volume or governance order, and which one is recorded."],
  ["EPOC-05", "now", "built", "It closes only with scopes frozen and every item resolved or deferred with a reason."],
  ["EPOC-06", "now", "built", "Nothing joins a closed epoch; a late item goes to the next."],
  ["EPOC-07", "now", "built", "Replay of the journal gives the same membership of each epoch."],
  ["EPOC-08", "now", "built", "Upload, admission, resolution and execution go on with no epoch open."],
  ["EPOC-09", "now", "built", "Parameters are a pure function of epoch, semantic and policy version."],

  ["LAYR-01", "now", "built", "Bad input gets a canonical error; no private plaintext in answers or logs."],
  ["LAYR-02", "now", "built", "Identity and rights come before admission; an incomplete replay tuple is refused."],
  ["LAYR-03", "now", "built", "Budgets and quotas hold at admission; the refusal says which and until when."],
  ["LAYR-04", "now", "built", "Coordination hands over, keeps the only deadline clock, moves only by the table."],
  ["LAYR-05", "now", "built", "No two processes work on one task; one that lost its lease cannot write."],
  ["LAYR-06", "now", "built", "Execution never starts on unresolved, ambiguous or incompatible semantics."],
  ["LAYR-07", "now", "built", "A task's scope never grows after resolution."],
  ["LAYR-08", "now", "built", "A commitment is SHA-256 of the record's canonical bytes; known vectors pass."],
  ["LAYR-09", "now", "built", "Records are sealed under wrapped keys; wrong key, swap or changed byte is detected."],
  ["LAYR-10", "now", "built", "Plaintext goes only to an authorized execution, and each access is journalled."],
  ["LAYR-11", "now", "built", "No execution reads a vault that did not grant it."],
  ["LAYR-12", "now", "built", "Equal inputs and replay tuple give byte-equal results on any worker."],
  ["LAYR-13", "now", "built", "A result bundle carries commitment, transcript, access log and proofs, or is refused."],
  ["LAYR-14", "later", "open", "Runs queries, audiences, model training, sandboxed WebAssembly, external engines."],
  ["LAYR-15", "now", "built", "Verification re-executes or checks, signs its decision, and edits no execution record."],
  ["LAYR-16", "now", "built", "Policy sets how many verifiers must agree; disagreement becomes a challenge."],
  ["LAYR-17", "now", "built", "The settlement layer keeps every SETL rule."],

  ["DOMN-01", "now", "built", "A domain has id, parent, versions, status, and one of the published levels."],
  ["DOMN-02", "now", "built", "Only active domains (deprecated where compatible) serve new resolution."],
  ["DOMN-03", "now", "built", "References across domains follow policy, and the answer is in the result."],
  ["DOMN-04", "now", "built", "Retiring a domain leaves older tasks replaying as they did."],

  ["ATTR-01", "now", "built", "A canonical attribute has id, domain, version, scope, status, times and successor."],
  ["ATTR-02", "now", "built", "Its state changes only by a governance act bound to a semantic version."],
  ["ATTR-03", "now", "built", "Resolution takes six steps in order and records each outcome."],
  ["ATTR-04", "now", "built", "Ambiguity is refused, retired is never picked, superseded goes to its successor."],
  ["ATTR-05", "now", "built", "Same input and semantic version: the same result, byte for byte, for ever."],
  ["ATTR-06", "now", "built", "Query attributes have all their fields; restricted ones serve only named actors."],
  ["ATTR-07", "now", "built", "Query projections are made in the vault, linked to their sources, not reversible."],
  ["ATTR-08", "now", "built", "A query attribute never answers for a canonical one."],
  ["ATTR-09", "now", "built", "A local attribute stays in its vault; its pool entry is privacy-safe."],
  ["ATTR-10", "now", "built", "Aggregation over vaults takes summaries, on schedule, and yields only candidates."],
  ["ATTR-11", "now", "built", "Promotion needs coverage, stability, one domain, no conflict, replayable evidence."],
  ["ATTR-12", "now", "built", "Below the thresholds nothing leaves the vault."],

  ["RWRD-01", "now", "built", "Rewards are a pure function of candidate and parameters, final only with the root."],
  ["RWRD-02", "now", "built", "Integers only; the parts equal the pot; rounding is published."],
  ["RWRD-03", "now", "built", "Shares by role are policy, versioned."],
  ["RWRD-04", "now", "built", "Corrections are later records; nobody's ordinary role changes a final one."],
  ["RWRD-05", "now", "built", "A participant can list its rewards and fetch leaf and proof of each."],

  ["PAYO-01", "now", "built", "Instructions come from final rewards, and no reward is ever paid twice."],
  ["PAYO-02", "now", "built", "The signer has its own process, key and database role, and the database refuses more."],
  ["PAYO-03", "now", "built", "The treasury pays only what a final root proves, up to the epoch's funds."],
  ["PAYO-04", "now", "built", "A payout moves only along its table, each step journalled."],
  ["PAYO-05", "now", "built", "The reconciler matches every payout or names a mismatch; it never writes rewards."],
  ["PAYO-06", "later", "open", "Stuck transactions are replaced within limits; no crash loses or doubles a payment."],
  ["PAYO-07", "now", "built", "A batch pays many; a refusing recipient blocks no one."],
  ["PAYO-08", "now", "built", "A recipient can claim, and that counts as paid."],
  ["PAYO-09", "later", "open", "Keys: keystore, remote signer or KMS; never in environment, log or repository."],

  ["ANCH-01", "now", "built", "Proposed, windowed, finalized: chain and node agree on states and times."],
  ["ANCH-02", "now", "built", "One final root per scope and epoch, in order, each naming its predecessor."],
  ["ANCH-03", "now", "built", "A view verifies a leaf of a final root; the contract's roles are separate."],
  ["ANCH-04", "now", "built", "No upgrade path over final data; successors are named."],
  ["ANCH-05", "later", "open", "Chain faults, reorganizations, lying endpoints: never another root for one epoch."],
  ["ANCH-06", "later", "open", "Another party's watcher recomputes candidates and challenges what differs."],

  ["CONT-01", "now", "built", "JSON Schemas are published for all messages, and are what the node validates with."],
  ["CONT-02", "now", "built", "OpenAPI is generated from the schemas and checked against real answers."],
  ["CONT-03", "now", "built", "Every error is problem+json with a stable code of one of twelve families."],
  ["CONT-04", "now", "built", "Every error code is listed in one place with meaning and remedy."],

  ["ASSR-01", "now", "built", "Replay rebuilds every kind of artifact and says equal or the first difference."],
  ["ASSR-02", "now", "built", "The journal is a hash chain; an audit names the changed, lost or inserted entry."],
  ["ASSR-03", "now", "built", "Artifacts of every released schema version still replay."],
  ["ASSR-04", "now", "built", "An epoch's archive is one content-addressed bundle, checked offline."],

  ["OPER-01", "later", "open", "One validated configuration schema; a wrong setting stops the start and is named."],
  ["OPER-02", "later", "open", "Modules run together or apart with the same behaviour."],
  ["OPER-03", "now", "built", "Versions roll out at epoch boundaries; none changes a final meaning."],
  ["OPER-04", "now", "built", "Migrations go forward under a lock and cannot change final rows."],
  ["OPER-05", "later", "open", "Each runbook is tried by a drill that makes the fault and follows the text."],
  ["OPER-06", "later", "open", "Metrics, traces and logs cover every path; a broken sink never hurts truth."],
  ["OPER-07", "later", "open", "Each safety rule is tried by a test that attempts its violation."],
  ["OPER-08", "later", "open", "The nine kinds of actor are kept apart in rights and in the audit."],

  ["RUNR-01", "later", "open", "Run messages have versioned schemas, checked at entry and commit, failing closed."],
  ["RUNR-02", "later", "open", "Run, attempt and plan ids are derived; the policy revision is pinned everywhere."],
  ["RUNR-03", "later", "open", "Artifacts are write-once in folder or S3; missing is not unreachable."],
  ["RUNR-04", "later", "open", "One writer per run by fenced lease; duplicates get the first answer."],
  ["RUNR-05", "later", "open", "Run truth is append-only and monotonic; READY follows the commit."],
  ["RUNR-06", "later", "open", "Required gates follow from declared outputs; unknown ones fail closed."],
  ["RUNR-07", "later", "open", "Receipts are checked and bound to scope; drift from one seen before fails."],
  ["RUNR-08", "later", "open", "Outputs get digest locators; a missing one fails after its deadline."],
  ["RUNR-09", "later", "open", "Evidence has four verdicts with stable reasons; the bundle hash survives retries."],
  ["RUNR-10", "later", "open", "Engines are limited subprocesses behind one interface; attempts are recorded."],
  ["RUNR-11", "later", "open", "One bus interface, three drivers; a failed publish never undoes truth."],
  ["RUNR-12", "later", "open", "READY and TERMINAL re-emit from stored truth under limits, and are recorded."],
  ["RUNR-13", "later", "open", "Quarantined runs keep their artifacts and can be inspected read-only."],
  ["RUNR-14", "later", "open", "Allow-lists guard submit and re-emit; refusals are audited; secrets stay out."],
  ["RUNR-15", "later", "open", "Governance facts are in the record and in structured events."],
  ["RUNR-16", "later", "open", "A sealed input pack is referenced by manifest; a mismatch fails closed."],
  ["RUNR-17", "later", "open", "Tests come in four tiers, each run by one command named in the README."],
  ["RUNR-18", "later", "open", "The published interface is checked: references resolve, hashing laws parse."],

  ["PILO-01", "later", "open", "Kubernetes manifests confine the node and are validated in CI."],
  ["PILO-02", "later", "open", "Past the allowed clock skew the node reports itself unfit and closes no epoch."],
  ["PILO-03", "later", "open", "Telemetry is buffered, bounded, and counts its losses."],
  ["PILO-04", "later", "open", "Seven invariants are watched, exported and alerted on, each with a number."],
  ["PILO-05", "later", "open", "A violation quarantines, snapshots, restarts and records; final truth stays."],
  ["PILO-06", "later", "open", "Replay episodes in three environments end in one hash."],
  ["PILO-07", "later", "open", "A certification dossier comes from recorded data alone, signed by four roles."],
  ["PILO-08", "later", "open", "The node speaks MCP for read-only inspection."],
];

/** All rules, in the order of their families. */
export const rules: readonly Rule[] = rows.map(([id, owner, status, rule]) => ({ id, owner, status, rule }));
