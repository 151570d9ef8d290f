// What every operation works with, made once when the application opens.
import type { ExplainReward } from "./explanations/reward.ts";
import type { Intake } from "./intake.ts";
import type { Lookups } from "./lookups.ts";
import type { ApplicationDeps } from "./ports.ts";

export type Context = Pick<ApplicationDeps, "database" | "clock" | "random" | "domain" | "ports"> & {
  readonly lookups: Lookups;
  readonly intake: Intake;
  readonly explainReward: ExplainReward;
};
