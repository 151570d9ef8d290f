// Decoding followed logs to plain data.
import { encodeAbiParameters, encodeEventTopics, numberToHex } from "viem";
import { expect, test } from "vitest";
import { treasuryAbi } from "#chain/abi/treasury.ts";
import { decodeEvents, plain } from "#chain/contract-events.ts";
import type { ChainedLog } from "#chain/event-chain.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";

const word = (value: number): Hex => numberToHex(value, { size: 32 });

test("events come out typed, lower-case, with their place", () => {
  const account = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
  const topics = encodeEventTopics({
    abi: treasuryAbi,
    eventName: "Claimed",
    args: { sequence: 9n, scope: word(1), epoch: 2n },
  }) as readonly Hex[];
  const types = [
    { type: "uint256" },
    { type: "address" },
    { type: "uint256" },
    { type: "address" },
    { type: "bytes32" },
  ];
  const data = encodeAbiParameters(types, [4n, account, 77n, account, word(5)]);
  const place = { blockNumber: 3n, blockHash: word(3), transactionHash: word(4), logIndex: 1, sequence: 9n };
  const log: ChainedLog = { ...place, topics, data };
  expect(decodeEvents(treasuryAbi, [log])).toEqual([
    {
      eventName: "Claimed",
      args: {
        sequence: 9n,
        scope: word(1),
        epoch: 2n,
        index: 4n,
        account: account.toLowerCase(),
        amount: 77n,
        by: account.toLowerCase(),
        runningHash: word(5),
      },
      place,
    },
  ]);
});

test("an event that the ABI does not know is not passed over", () => {
  const log: ChainedLog = {
    blockNumber: 1n,
    blockHash: word(1),
    transactionHash: word(1),
    logIndex: 0,
    sequence: 1n,
    topics: [word(7), word(1)],
    data: word(1),
  };
  expect(() => decodeEvents(treasuryAbi, [log])).toThrow(/not found on ABI/);
});

test("only hexadecimal changes its case", () => {
  const value = { name: "Bird Strikes", list: ["0xAB", 3n, null, true, { deep: "0xCd" }] };
  expect(plain(value)).toEqual({ name: "Bird Strikes", list: ["0xab", 3n, null, true, { deep: "0xcd" }] });
});
