// Parts of `node/` whose functions are tested by a file that is not their mirror; kept short.

/** The test that exercises a file or a folder, and why it is not the mirrored one. */
export type Elsewhere = { readonly by: string; readonly because: string };

const settling = (by: string): Elsewhere => ({
  by,
  because: "a part of one step; what it does shows in the step as a whole",
});

const challenging = (by: string): Elsewhere => ({
  by,
  because: "a part of a challenge's life, which is told as a whole",
});

const calling = (test: string): Elsewhere => ({
  by: `test/cli/commands/${test}.test.ts`,
  because: "commands are run as people run them, several in one setting",
});

/** Path of the source, or of a folder with a slash at its end → where its test is. Entries no longer needed fail the tidy test. */
export const testedElsewhere: Readonly<Record<string, Elsewhere>> = {
  "node/cli/demo/": {
    by: "test/scenarios/honest-epoch.test.ts",
    because: "the demo is a story as a whole; the scenario tells it on a small scale",
  },
  "node/cli/wiring/": {
    by: "test/scenarios/kill.test.ts",
    because: "wiring is right when whole processes start, die and go on",
  },
  "node/audit/units.ts": {
    by: "test/audit/shape.test.ts",
    because: "units are counted beside the shape of whoever they are owed to",
  },
  "node/settlement/build.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/settlement/settled-item.ts": settling("test/settlement/item-check.test.ts"),
  "node/settlement/settlement-candidacy.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/settlement/settlement-watch.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/settlement/settlement-work.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/settlement/finalization-postings.ts": {
    by: "test/protocol/accounting.test.ts",
    because: "postings are right when they are folded over many epochs",
  },
  "node/settlement/anchor-follower.ts": settling("test/settlement/anchoring.test.ts"),
  "node/storage/epochs.ts": settling("test/settlement/epoch-step.test.ts"),
  "node/storage/local-pools.ts": settling("test/data/local-pool.test.ts"),
  "node/storage/local-reading.ts": settling("test/application/routes/local-attributes.test.ts"),
  "node/storage/finalizations.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/storage/settlement-items.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/storage/candidates.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/storage/earnings.ts": settling("test/settlement/finalization.test.ts"),
  "node/storage/challenge-decisions.ts": challenging("test/storage/challenges.test.ts"),
  "node/storage/challenge-disagreements.ts": challenging("test/verification/review-step.test.ts"),
  "node/storage/challenge-openings.ts": challenging("test/storage/challenges.test.ts"),
  "node/storage/challenge-reviews.ts": challenging("test/verification/review-step.test.ts"),
  "node/storage/challenge-standing.ts": challenging("test/settlement/challenge-verdicts.test.ts"),
  "node/storage/challenge-views.ts": challenging("test/storage/challenges.test.ts"),
  "node/verification/review-challenge.ts": challenging("test/verification/review-step.test.ts"),
  "node/cli/commands/challenge-ends.ts": calling("challenge"),
  "node/cli/documents/challenge.ts": calling("challenge"),
  "node/storage/proofs.ts": settling("test/settlement/proofs.test.ts"),
  "node/semantic/registry-draft.ts": {
    by: "test/semantic/govern.test.ts",
    because: "a draft is what acts make of it; there they are carried out",
  },
  "node/audit/part.ts": settling("test/audit/recompute.test.ts"),
  "node/audit/item.ts": settling("test/audit/recompute.test.ts"),
  "node/audit/manifest.ts": settling("test/audit/recompute.test.ts"),
  "node/audit/replay.ts": settling("test/cli/documents/replaying.test.ts"),
  "node/application/explanations/epoch.ts": settling("test/application/routes/explanations.test.ts"),
  "node/application/explanations/reward.ts": settling("test/application/routes/explanations.test.ts"),
  "node/cli/documents/claimed.ts": calling("settled"),
  "node/cli/commands/actor.ts": calling("rest"),
  "node/cli/commands/api.ts": calling("rest"),
  "node/cli/commands/budget.ts": calling("rest"),
  "node/cli/commands/reward.ts": calling("rest"),
  "node/cli/commands/signing.ts": calling("rest"),
  "node/cli/commands/task.ts": calling("rest"),
  "node/cli/commands/transitions.ts": calling("rest"),
  "node/cli/commands/vault.ts": calling("rest"),
  "node/cli/commands/acts.ts": calling("governance"),
  "node/cli/commands/governing.ts": calling("governance"),
  "node/cli/commands/meaning.ts": calling("governance"),
  "node/cli/commands/registry-tables.ts": calling("governance"),
  "node/cli/commands/version.ts": calling("governance"),
  "node/cli/commands/migrate.ts": calling("operator"),
  "node/cli/commands/token.ts": calling("operator"),
  "node/cli/commands/operator-database.ts": calling("operator"),
  "node/cli/commands/audit.ts": calling("operator"),
  "node/cli/documents/auditing.ts": calling("operator"),
  "node/cli/commands/explain.ts": calling("settled"),
  "node/cli/commands/objects.ts": calling("settled"),
  "node/cli/documents/archive-folder.ts": calling("archive"),
  "node/cli/commands/chain.ts": calling("verify"),
  "node/cli/commands/chain-access.ts": calling("verify"),
  "node/cli/commands/deployed.ts": calling("verify"),
  "node/storage/auditing.ts": calling("operator"),
  "node/storage/explanations.ts": calling("settled"),
  "node/cli/commands/command.ts": {
    by: "test/cli/program.test.ts",
    because: "it makes every command; the program is where they meet",
  },
  "node/cli/commands/demo.ts": { by: "test/scenarios/kill.test.ts", because: "whole processes; scenarios run them" },
  "node/cli/commands/signer.ts": { by: "test/scenarios/kill.test.ts", because: "whole processes; scenarios run them" },
  "node/application/shown-commitments.ts": {
    by: "test/application/explanations/task.test.ts",
    because: "what is shown is looked at in answers",
  },
  "node/protocol/lifecycles/table.ts": {
    by: "test/protocol/lifecycles.test.ts",
    because: "it writes down the moves that are tested there",
  },
  "node/protocol/error-table/entry.ts": {
    by: "test/protocol/errors.test.ts",
    because: "it makes the rows that are tested there",
  },
  "node/protocol/schemas/primitives.ts": {
    by: "test/application/server.test.ts",
    because: "a schema shows what it takes where the node validates with it",
  },
};

/** The entry that speaks for a file: its own, or that of the folder it is in. */
export function elsewhereOf(path: string): Elsewhere | undefined {
  const folder = Object.keys(testedElsewhere).find((key) => key.endsWith("/") && path.startsWith(key));
  return testedElsewhere[path] ?? (folder === undefined ? undefined : testedElsewhere[folder]);
}
