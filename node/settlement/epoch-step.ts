// Keeps the epochs of each scope going: opens, assigns members, closes; each act in a transaction of its own.
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { Queryable } from "#storage/database.ts";
import { requireDuty, type Duty } from "#storage/duties.ts";
import { closeEpoch } from "#storage/epoch-closing.ts";
import { assignMembers, newestEpoch, openEpoch, orderMemberships, startClosing, type Epoch } from "#storage/epochs.ts";
import { aggregableEntries, freezeAggregation } from "#storage/local-attributes.ts";
import { readPolicies, readRegistry } from "#storage/registry.ts";
import { decideClosing, roomIn } from "./epoch-decision.ts";
import { actor, mayPass, takeDuty, type Step, type StepDeps } from "./step.ts";

/** What keeping epochs needs. */
export type EpochDeps = StepDeps & {
  /** Unpredictable bytes, independent and uniform: the noise of what leaves vaults is made of them (ATTR-12). */
  readonly noise: (size: number) => Uint8Array;
};

/** Members assigned in one transaction: bounds how long the epoch's row is locked. */
const assignLimit = 10_000;
/** Acts for one scope in one run: an epoch that fills at once is closed and followed by the next without waiting. */
const actLimit = 16;

/**
 * The step that opens, fills and closes epochs (EPOC-02…06). A scope's first epoch is opened once versions are rolled out
 * for it. One process at a time does it for a scope; after a crash another goes on from what is stored.
 */
export function epochStep(deps: EpochDeps): Step {
  return {
    name: "epochs",
    run: async () => {
      let acts = 0;
      for (const scope of deps.scopes) acts += await keepEpochs(deps, scope);
      return acts;
    },
  };
}

async function keepEpochs(deps: EpochDeps, scope: string): Promise<number> {
  const duty = await takeDuty(deps, `epochs/${scope}`);
  if (duty === undefined) return 0;
  try {
    let acts = 0;
    while (acts < actLimit && (await act(deps, duty, scope))) acts++;
    return acts;
  } catch (error) {
    if (!mayPass(error)) throw error;
    deps.log.warn({ scope, code: error.code }, "epochs wait");
    return 0;
  }
}

/** Does the next thing there is to do for a scope; false when there is none. */
async function act(deps: EpochDeps, duty: Duty, scope: string): Promise<boolean> {
  const { database, clock, log } = deps;
  const now = clock();
  const write = async (work: (transaction: Queryable) => Promise<boolean>): Promise<boolean> =>
    await database.transaction(async (transaction) => {
      await orderMemberships(transaction, scope);
      await requireDuty(transaction, duty);
      return await work(transaction);
    });
  const current = await newestEpoch(database, scope);
  if (current === undefined || current.status === "closed") {
    const epoch = (current?.epoch ?? 0) + 1;
    const opened = await write(
      async (transaction) => (await openEpoch(transaction, { scope, epoch, by: actor }, now)) !== undefined,
    );
    if (opened) log.info({ scope, epoch }, "epoch opened");
    return opened;
  }
  const { epoch, status } = current;
  const policies = await readPolicies(database, current.policyVersions);
  const policy = governingPolicy(current, policies);
  if (status === "closing") {
    const registry = await highestRegistry(database, current);
    const freezing = { scope, epoch, policy, registry, noise: deps.noise };
    const freeze = (transaction: Queryable) => freezeAggregation(transaction, freezing, now);
    const closing = { scope, epoch, by: actor, freezeAggregation: freeze };
    const closed = await write((transaction) => closeEpoch(transaction, closing, now));
    if (closed) log.info({ scope, epoch, members: current.members, trigger: current.trigger }, "epoch closed");
    return closed;
  }
  const { epochs } = policy;
  const verificationsEach = Math.max(...[...policies.values()].map(({ verifiers }) => verifiers));
  const limit = Math.min(assignLimit, roomIn(current, epochs, verificationsEach));
  const request = { scope, epoch, limit, by: actor, policies };
  if (limit > 0 && (await write(async (transaction) => (await assignMembers(transaction, request, now)) > 0))) {
    return true;
  }
  const aggregationEntries = await aggregableEntries(database, { scope, epoch, policy });
  const closing = decideClosing({ ...current, aggregationEntries }, epochs, now);
  if (closing === undefined) return false;
  return await write((transaction) => startClosing(transaction, { scope, epoch, by: actor, ...closing }, now));
}

/** The policy that says when an epoch closes: that of the highest version it holds. */
function governingPolicy({ policyVersions }: Epoch, policies: ReadonlyMap<string, Policy>): Policy {
  const version = policyVersions.at(-1) ?? "";
  const policy = policies.get(version);
  if (policy === undefined) throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { missing: version });
  return policy;
}

/** The registry that says what words mean in an epoch: that of the highest version it holds. */
async function highestRegistry(database: Queryable, epoch: Epoch): Promise<Registry> {
  const version = epoch.semanticVersions.at(-1) ?? "";
  const registry = await readRegistry(database, version);
  if (registry === undefined) throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { missing: version });
  return registry;
}

/**
 * Orders an open epoch to close (EPOC-04); who ordered it is journalled. Answers the epoch's number.
 * @throws ProtocolError GOVERNANCE_ACT_REFUSED when no epoch of the scope is open
 */
export async function orderClosing(
  deps: Pick<StepDeps, "database" | "clock">,
  request: { readonly scope: string; readonly by: string },
): Promise<number> {
  const { database, clock } = deps;
  const { scope, by } = request;
  return await database.transaction(async (transaction) => {
    const current = await newestEpoch(transaction, scope);
    const epoch = current?.epoch ?? 0;
    const ordered = await startClosing(transaction, { scope, epoch, trigger: "order", by }, clock());
    if (!ordered) throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { scope, status: current?.status ?? "none" });
    return epoch;
  });
}
