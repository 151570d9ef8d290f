// `scs verify`: a stranger's check of one item, with a proof file and a chain endpoint and nothing else.
import { Option, type Command } from "commander";
import { verifyProof } from "#audit/proof-file.ts";
import type { ChainClient } from "#chain/client.ts";
import type { Hex } from "#protocol/hash.ts";
import { InclusionProof } from "#protocol/schemas/settlement.ts";
import { readDocument } from "../documents/json-document.ts";
import { answerVerdict } from "../documents/verdict.ts";
import { jsonText } from "../output.ts";
import { anchorReader, openChain } from "./chain-access.ts";
import { define } from "./command.ts";
import { endpointOption, fileArgument, parseAddress } from "./options.ts";

type VerifyOptions = { readonly endpoint: readonly string[]; readonly anchor?: Hex };

export function register(program: Command): void {
  define<readonly [string], VerifyOptions>(program, {
    name: "verify",
    summary:
      "Check a proof file against the chain: its content, its leaf, its path by merkletreejs, and the contract's own view. " +
      "Exit code 0: it holds, 1: it does not, 2: it cannot be judged now.",
    example: "scs verify payout.proof.json --endpoint https://rpc.example.org --anchor 0x…",
    arguments: [fileArgument("proof-file", 'proof, as "scs proof get" wrote it')],
    options: [
      endpointOption().makeOptionMandatory(),
      new Option("--anchor <address>", "the anchor you trust; a proof that names another one does not hold").argParser(
        parseAddress,
      ),
    ],
    run: async ({ args: [file], options, output }) => {
      const proof = readDocument(file, InclusionProof);
      const { kind, scope, epoch, anchor, chainId, leaf, content } = proof;
      const about = { kind, scope, epoch, chainId, anchor, leaf };
      if (options.anchor !== undefined && options.anchor !== anchor) {
        const difference = { field: "anchor", claimed: anchor, recomputed: options.anchor };
        return answerVerdict(output, about, { kind: "invalid", difference });
      }
      let connected: Promise<ChainClient> | undefined;
      const connect = () => (connected ??= openChain(options.endpoint, chainId));
      const verdict = await verifyProof(proof, anchorReader(connect));
      if (!output.json) {
        output.say(`${kind} of ${scope}/${epoch}, anchor ${anchor} on chain ${chainId}`);
        output.say(jsonText(content, 2));
        if (options.anchor === undefined)
          output.say("The anchor is the one the proof names: see that it is the one you trust.");
      }
      return answerVerdict(output, { verdict: verdict.kind, ...about }, verdict);
    },
  });
}
