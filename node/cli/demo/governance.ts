// What governance does before the demo's first task: meaning and policy are published, rolled out, and put in force on chain.
import { randomBytes } from "node:crypto";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { policyDigest, registryDigest, rulesetId } from "#protocol/parameters.ts";
import { publishPolicy, publishRegistry, rollOut } from "#semantic/publish.ts";
import { schemaVersions } from "#settlement/step.ts";
import type { Database } from "#storage/database.ts";
import { issueToken } from "#storage/tokens.ts";
import type { Configuration } from "../config/schema.ts";
import { activateRulesetCall, localActor, sendAs } from "../wiring/deployment.ts";
import { demoKey, demoPeople } from "./actors.ts";
import { demoPolicy } from "./policy.ts";
import { demoRegistry } from "./registry.ts";
import { demoScope } from "./submissions.ts";

/** Publishes the demo's documents and puts their ruleset in force from the first epoch on. */
export async function govern(
  configuration: Configuration,
  database: Database,
  chain: { readonly rpcUrl: string; readonly anchor: Hex },
  tasksPerEpoch: number,
): Promise<void> {
  const act = { by: "governance", now: new Date() };
  const policy = demoPolicy(demoKey("treasurer").address, tasksPerEpoch);
  const { semanticVersion } = demoRegistry;
  const { policyVersion } = policy;
  const ruleset = rulesetId({
    schema: schemaVersions,
    semantic: [{ version: semanticVersion, digest: registryDigest(demoRegistry) }],
    policy: [{ version: policyVersion, digest: policyDigest(policy) }],
  });
  const call = activateRulesetCall(chain.anchor, scopeId(demoScope), ruleset, 1);
  await sendAs(chain.rpcUrl, configuration.SCS_CHAIN_ID, localActor(configuration.SCS_DATA_DIR, "governance"), call);
  await publishRegistry(database, demoRegistry, act);
  await publishPolicy(database, policy, act);
  const versions = { semanticVersions: [semanticVersion], policyVersions: [policyVersion] };
  await rollOut(database, { scope: demoScope, fromEpoch: 1, ...versions }, act);
}

/** A day: longer than any demo. */
const tokenMilliseconds = 86_400_000;

/** Issues the tokens that vault operators and an auditor use in the demo, by address. */
export async function issueDemoTokens(database: Database): Promise<ReadonlyMap<string, string>> {
  const now = new Date();
  const until = new Date(now.getTime() + tokenMilliseconds);
  const chance = { random: (size: number): Uint8Array => randomBytes(size), now };
  const tokens = new Map<string, string>();
  for (const { address } of Object.values(demoPeople.operators)) {
    tokens.set(address, await issueToken(database, { subject: address, scopes: ["record:write"], until }, chance));
  }
  tokens.set("auditor", await issueToken(database, { subject: "auditor", scopes: ["audit:read"], until }, chance));
  return tokens;
}
