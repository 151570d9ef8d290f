// A contract that emits numbered, hash-chained events on demand, compiled here from its source.
import { createRequire } from "node:module";
import { encodeFunctionData, parseAbi } from "viem";
import type { ContractCall } from "#chain/contract-call.ts";
import { chainedTopics } from "#chain/event-chain.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";

const source = `
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

contract Emitter {
    event Said(uint64 indexed sequence, uint256 indexed number, bytes32 word, bytes32 runningHash);
    event Aside(uint256 number);
    error Refused(uint256 number, string reason);

    bytes32 public runningHash;
    uint64 public sequence;
    uint256 public total;

    function say(uint256 number, uint256 times) public {
        require(number != 13, Refused(number, "unlucky"));
        for (uint256 i = 0; i < times; ++i) {
            bytes32 word = keccak256(abi.encode(number, i));
            sequence += 1;
            runningHash = keccak256(abi.encode(runningHash, Said.selector, uint256(sequence), number, word));
            emit Aside(number);
            emit Said(sequence, number, word, runningHash);
        }
    }

    /// Succeeds once only: what is sent twice shows.
    function sayOnce(uint256 number) external {
        require(total == 0, Refused(number, "twice"));
        total = number;
        say(number, 1);
    }
}`;

export const emitterAbi = parseAbi([
  "event Said(uint64 indexed sequence, uint256 indexed number, bytes32 word, bytes32 runningHash)",
  "event Aside(uint256 number)",
  "error Refused(uint256 number, string reason)",
  "function runningHash() view returns (bytes32)",
  "function sequence() view returns (uint64)",
  "function total() view returns (uint256)",
  "function say(uint256 number, uint256 times)",
  "function sayOnce(uint256 number)",
]);

export const emitterTopics = chainedTopics(emitterAbi);

type Solc = { readonly compile: (input: string) => string };
type SolcOutput = {
  readonly contracts?: {
    readonly input: { readonly Emitter: { readonly evm: { readonly bytecode: { readonly object: string } } } };
  };
};

/** Compiles the contract; takes some seconds, so once a test file. */
export function compileEmitter(): Hex {
  const solc = createRequire(import.meta.url)("solc") as Solc;
  const input = {
    language: "Solidity",
    sources: { input: { content: source } },
    settings: { evmVersion: "prague", outputSelection: { "*": { "*": ["evm.bytecode.object"] } } },
  };
  const output = solc.compile(JSON.stringify(input));
  const code = (JSON.parse(output) as SolcOutput).contracts?.input.Emitter.evm.bytecode.object;
  if (code === undefined) throw new Error(output);
  return `0x${code}`;
}

/** The call that emits `times` events with this number; reverts for 13. */
export function sayCall(emitter: Hex, number: bigint, times = 1n): ContractCall {
  return {
    to: emitter,
    data: encodeFunctionData({ abi: emitterAbi, functionName: "say", args: [number, times] }),
    value: 0n,
  };
}

/** The call that succeeds only the first time. */
export function sayOnceCall(emitter: Hex, number: bigint): ContractCall {
  return {
    to: emitter,
    data: encodeFunctionData({ abi: emitterAbi, functionName: "sayOnce", args: [number] }),
    value: 0n,
  };
}
