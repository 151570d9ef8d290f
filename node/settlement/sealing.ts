// Seals the node's journal, batch after batch, as transactions settle.
import { sealJournal } from "#storage/journal.ts";
import { mayPass, type Step, type StepDeps } from "./step.ts";

/** The step that seals the journal (ASSR-02); answers how many entries were sealed. */
export function sealingStep(deps: Pick<StepDeps, "database" | "clock" | "log">): Step {
  return {
    name: "sealing",
    run: async () => {
      try {
        return await sealJournal(deps.database, deps.clock());
      } catch (error) {
        if (!mayPass(error)) throw error;
        deps.log.warn({ code: error.code }, "sealing waits");
        return 0;
      }
    },
  };
}
