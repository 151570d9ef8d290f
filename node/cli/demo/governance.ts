// What governance does before the demo's first task: meaning and policy are published, rolled out, and put in force on chain.
import { randomBytes } from "node:crypto";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { policyDigest, registryDigest, rulesetId } from "#protocol/parameters.ts";
import { governanceActDigest } from "#protocol/messages.ts";
import type { GovernanceAct, GovernanceOrder } from "#protocol/schemas/governance.ts";
import { sign } from "#protocol/signature.ts";
import { schemaVersions } from "#settlement/step.ts";
import type { Database } from "#storage/database.ts";
import { issueToken } from "#storage/tokens.ts";
import { request } from "../api-client.ts";
import type { Configuration } from "../config/schema.ts";
import { activateRulesetCall, localActor, sendAs } from "../wiring/deployment.ts";
import { demoKey, demoPeople } from "./actors.ts";
import { demoPolicy } from "./policy.ts";
import { demoRegistry } from "./registry.ts";
import { demoScope } from "./submissions.ts";

/** Publishes the demo's documents by signed acts, and puts their ruleset in force from the first epoch on. */
export async function govern(
  configuration: Configuration,
  node: { readonly url: string; readonly rpcUrl: string; readonly anchor: Hex },
  tasksPerEpoch: number,
): Promise<void> {
  const policy = demoPolicy(demoKey("treasurer").address, tasksPerEpoch);
  const { semanticVersion } = demoRegistry;
  const { policyVersion } = policy;
  const ruleset = rulesetId({
    schema: schemaVersions,
    semantic: [{ version: semanticVersion, digest: registryDigest(demoRegistry) }],
    policy: [{ version: policyVersion, digest: policyDigest(policy) }],
  });
  const { SCS_CHAIN_ID: chainId, SCS_DATA_DIR: dataDir } = configuration;
  const governance = localActor(dataDir, "governance");
  await sendAs(node.rpcUrl, chainId, governance, activateRulesetCall(node.anchor, scopeId(demoScope), ruleset, 1));
  const domain = { chainId: BigInt(chainId), anchor: node.anchor };
  const versions = { semanticVersions: [semanticVersion], policyVersions: [policyVersion] };
  const orders: readonly GovernanceOrder[] = [
    { kind: "publish_registry", registry: demoRegistry },
    { kind: "publish_policy", policy },
    { kind: "roll_out", scope: demoScope, fromEpoch: 1, ...versions },
  ];
  for (const order of orders) {
    const reason = "the demo begins with it";
    const act: GovernanceAct = { schemaVersion: "1.0", by: governance.address, reason, order, nonce: "demo" };
    const signature = sign(governanceActDigest(domain, act), governance.privateKey);
    await request({ url: node.url, token: null }, "POST", "/v1/governance/acts", { act, signature });
  }
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
