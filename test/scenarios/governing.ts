// Governance on a stage: signed acts over REST, and the ruleset of a roll-out put in force on the chain.
import { activateRulesetCall, localActor, sendAs } from "#cli/wiring/deployment.ts";
import { request } from "#cli/api-client.ts";
import { demoScope } from "#cli/demo/submissions.ts";
import { scopeId } from "#protocol/leaves.ts";
import { governanceActDigest } from "#protocol/messages.ts";
import { policyDigest, registryDigest, rulesetId } from "#protocol/parameters.ts";
import type { GovernanceAct, GovernanceOrder, GovernanceReceipt } from "#protocol/schemas/governance.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import { sign } from "#protocol/signature.ts";
import { schemaVersions } from "#settlement/step.ts";
import type { Stage } from "./stage.ts";

const anybody = (stage: Stage) => ({ url: stage.setting.url, token: null });

/** Governance orders something. @throws ProtocolError the node's refusal */
export async function order(stage: Stage, ordered: GovernanceOrder, nonce = "1"): Promise<GovernanceReceipt> {
  const { address, privateKey } = localActor(stage.dataDir, "governance");
  const act: GovernanceAct = { schemaVersion: "1.0", by: address, reason: "the story", order: ordered, nonce };
  const signature = sign(governanceActDigest(stage.setting.domain, act), privateKey);
  return await request(anybody(stage), "POST", "/v1/governance/acts", { act, signature });
}

/** Rolls published versions out on node and chain. */
export async function rollOut(
  stage: Stage,
  versions: Omit<Extract<GovernanceOrder, { kind: "roll_out" }>, "kind" | "scope">,
): Promise<void> {
  const { fromEpoch, semanticVersions, policyVersions } = versions;
  await order(stage, { kind: "roll_out", scope: demoScope, ...versions });
  const read = async <T>(path: string): Promise<T> => await request<T>(anybody(stage), "GET", path);
  const semantic = semanticVersions.map(async (version) => ({
    version,
    digest: registryDigest(await read<Registry>(`/v1/registries/${version}`)),
  }));
  const policy = policyVersions.map(async (version) => ({
    version,
    digest: policyDigest(await read<Policy>(`/v1/policies/${version}`)),
  }));
  const ruleset = rulesetId({
    schema: schemaVersions,
    semantic: await Promise.all(semantic),
    policy: await Promise.all(policy),
  });
  const call = activateRulesetCall(stage.node.anchor, scopeId(demoScope), ruleset, fromEpoch);
  await sendAs(stage.rpcUrl, stage.node.chainId, localActor(stage.dataDir, "governance"), call);
}
