// `scs registry`, `scs policy`, `scs rollout`: governance's documents, and which versions a scope takes tasks under.
import { Argument, Option, type Command } from "commander";
import type { Hex } from "#protocol/hash.ts";
import { policyDigest, registryDigest, rulesetId } from "#protocol/parameters.ts";
import type { GovernanceReceipt } from "#protocol/schemas/governance.ts";
import { Policy } from "#protocol/schemas/policy.ts";
import { Registry } from "#protocol/schemas/registry.ts";
import { schemaVersions } from "#settlement/step.ts";
import { readDocument } from "../documents/json-document.ts";
import { jsonText, type Output } from "../output.ts";
import { ask, type ApiOptions } from "./api.ts";
import { define, group, type Invocation } from "./command.ts";
import { orderOptions, sendOrder, type ActOptions } from "./governing.ts";
import { apiOptions, fileArgument, scopeArgument, several, wholeNumber } from "./options.ts";
import { showRegistry } from "./registry-tables.ts";

const versionArgument = () => new Argument("<version>", "version label");
const words = `--key-file governance.key --reason "as decided in May"`;

/** What became of a publication. */
function answerPublished(
  output: Output,
  published: { readonly version: string; readonly digest: Hex; readonly receipt: GovernanceReceipt },
): void {
  const { version, digest, receipt } = published;
  output.answer({ version, digest, ...receipt }, () => {
    output.say(`${version} is published, digest ${digest}`);
    output.say(`by act ${receipt.sequence} of governance, ${receipt.actId}`);
  });
}

function registerRegistry(program: Command): void {
  const registry = group(program, "registry", "Publish and show semantic registries.");
  define<readonly [string], ActOptions>(registry, {
    name: "publish",
    summary: "Publish a registry under its semantic version, for ever; again the same changes nothing.",
    example: `scs registry publish registry-2026.1.json ${words}`,
    arguments: [fileArgument("file", "registry as JSON; - for stdin")],
    options: orderOptions(),
    run: async (invocation) => {
      const document = readDocument(invocation.args[0], Registry);
      const receipt = await sendOrder(invocation, { kind: "publish_registry", registry: document });
      const { semanticVersion: version } = document;
      answerPublished(invocation.output, { version, digest: registryDigest(document), receipt });
    },
  });
  define<readonly [string], ApiOptions>(registry, {
    name: "show",
    summary: "Show a published registry.",
    example: "scs registry show 2026.1 --json",
    arguments: [versionArgument()],
    options: apiOptions(),
    run: async (invocation) => {
      const { args, output } = invocation;
      const document = await ask<Registry>(invocation, "GET", `/v1/registries/${args[0]}`);
      output.answer(document, () => showRegistry(output, document));
    },
  });
}

function registerPolicy(program: Command): void {
  const policy = group(program, "policy", "Publish and show policies.");
  define<readonly [string], ActOptions>(policy, {
    name: "publish",
    summary: "Publish a policy under its version, for ever; again the same changes nothing.",
    example: `scs policy publish policy-1.json ${words}`,
    arguments: [fileArgument("file", "policy as JSON; - for stdin")],
    options: orderOptions(),
    run: async (invocation) => {
      const document = readDocument(invocation.args[0], Policy);
      const receipt = await sendOrder(invocation, { kind: "publish_policy", policy: document });
      const { policyVersion: version } = document;
      answerPublished(invocation.output, { version, digest: policyDigest(document), receipt });
    },
  });
  define<readonly [string], ApiOptions>(policy, {
    name: "show",
    summary: "Show a published policy.",
    example: "scs policy show 1 --json",
    arguments: [versionArgument()],
    options: apiOptions(),
    run: async (invocation) => {
      const { args, output } = invocation;
      const document = await ask<Policy>(invocation, "GET", `/v1/policies/${args[0]}`);
      output.answer(document, () => output.say(jsonText(document, 2)));
    },
  });
}

type RolloutOptions = ActOptions & {
  readonly fromEpoch: number;
  readonly semantic: readonly string[];
  readonly policy: readonly string[];
  readonly retiringSemantic?: readonly string[];
  readonly retiringPolicy?: readonly string[];
};

const ascending = (versions: readonly string[]): string[] => [...new Set(versions)].sort();

async function orderRollout(invocation: Invocation<readonly [string], RolloutOptions>): Promise<void> {
  const { args, options, output } = invocation;
  const { fromEpoch, semantic, policy, retiringSemantic = [], retiringPolicy = [] } = options;
  const [semanticVersions, policyVersions] = [ascending(semantic), ascending(policy)];
  const retiring = {
    semanticVersions: ascending(retiringSemantic),
    policyVersions: ascending(retiringPolicy),
  };
  const retires = retiringSemantic.length + retiringPolicy.length > 0;
  const rollout = {
    scope: args[0],
    fromEpoch,
    semanticVersions,
    policyVersions,
    ...(retires ? { retiring } : {}),
  };
  const receipt = await sendOrder(invocation, { kind: "roll_out", ...rollout });
  const digested = async <T>(versions: readonly string[], list: string, digestOf: (document: T) => Hex) =>
    await Promise.all(
      versions.map(async (version) => ({
        version,
        digest: digestOf(await ask<T>(invocation, "GET", `/v1/${list}/${version}`)),
      })),
    );
  const ruleset = rulesetId({
    schema: schemaVersions,
    semantic: await digested(semanticVersions, "registries", registryDigest),
    policy: await digested(policyVersions, "policies", policyDigest),
  });
  output.answer({ ...rollout, ...receipt, ruleset }, () => {
    output.say(`${rollout.scope} from epoch ${fromEpoch}: ordered by act ${receipt.sequence}`);
    output.say(`ruleset ${ruleset}: governance activates it on the anchor before that epoch`);
  });
}

export function register(program: Command): void {
  registerRegistry(program);
  registerPolicy(program);
  define<readonly [string], RolloutOptions>(program, {
    name: "rollout",
    summary: "Order which versions a scope takes tasks under, from an epoch on that is not decided yet.",
    example: `scs rollout main --from-epoch 5 --semantic 2026.1 --semantic 2026.2 --policy 1 ${words}`,
    arguments: [scopeArgument()],
    options: [
      new Option("--from-epoch <epoch>", "first epoch of it").argParser(wholeNumber(1)).makeOptionMandatory(),
      new Option("--semantic <version>", "semantic version; may be given several times")
        .argParser(several((text: string) => text))
        .makeOptionMandatory(),
      new Option("--policy <version>", "policy version; may be given several times")
        .argParser(several((text: string) => text))
        .makeOptionMandatory(),
      new Option(
        "--retiring-semantic <version>",
        "one of them that takes no new tasks; it can be left out once its tasks have ended",
      ).argParser(several((text: string) => text)),
      new Option("--retiring-policy <version>", "the same for a policy version").argParser(
        several((text: string) => text),
      ),
      ...orderOptions(),
    ],
    run: orderRollout,
  });
}
