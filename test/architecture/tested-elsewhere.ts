// Parts of `node/` whose functions are tested by a file that is not their mirror; kept short.

/** The test that exercises a file or a folder, and why it is not the mirrored one. */
export type Elsewhere = { readonly by: string; readonly because: string };

const settling = (by: string): Elsewhere => ({
  by,
  because: "a part of one step; what it does shows in the step as a whole",
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
  "node/settlement/build.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/settlement/settlement-candidacy.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/settlement/settlement-watch.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/settlement/settlement-work.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/settlement/finalization.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/settlement/anchor-follower.ts": settling("test/settlement/anchoring.test.ts"),
  "node/storage/epochs.ts": settling("test/settlement/epoch-step.test.ts"),
  "node/storage/finalizations.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/storage/settlement-items.ts": settling("test/settlement/settlement-step.test.ts"),
  "node/storage/proofs.ts": settling("test/settlement/proofs.test.ts"),
  "node/audit/part.ts": settling("test/audit/recompute.test.ts"),
  "node/cli/commands/actor.ts": calling("rest"),
  "node/cli/commands/api.ts": calling("rest"),
  "node/cli/commands/budget.ts": calling("rest"),
  "node/cli/commands/reward.ts": calling("rest"),
  "node/cli/commands/settlement.ts": calling("rest"),
  "node/cli/commands/signing.ts": calling("rest"),
  "node/cli/commands/task.ts": calling("rest"),
  "node/cli/commands/transitions.ts": calling("rest"),
  "node/cli/commands/vault.ts": calling("rest"),
  "node/cli/commands/governance.ts": calling("operator"),
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
  "node/cli/commands/treasury.ts": calling("verify"),
  "node/storage/auditing.ts": calling("operator"),
  "node/storage/explanations.ts": calling("settled"),
  "node/cli/commands/command.ts": {
    by: "test/cli/program.test.ts",
    because: "it makes every command; the program is where they meet",
  },
  "node/cli/commands/demo.ts": { by: "test/scenarios/kill.test.ts", because: "whole processes; scenarios run them" },
  "node/cli/commands/signer.ts": { by: "test/scenarios/kill.test.ts", because: "whole processes; scenarios run them" },
  "node/cli/commands/start.ts": { by: "test/scenarios/kill.test.ts", because: "whole processes; scenarios run them" },
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
