// The law of numbered, hash-chained events, checked from raw logs over every event that the contracts declare.
import { concatHex, decodeEventLog, keccak256, numberToHex, slice, type Abi, type Address, type Hex } from "viem";
import { expect, test } from "vitest";
import { anchorAbi } from "#chain/abi/anchor.ts";
import { treasuryAbi } from "#chain/abi/treasury.ts";
import {
  deployContracts,
  finalizeSettlement,
  fundSettlement,
  nextSettlement,
  propose,
  scope,
  type Deployed,
} from "../support/deployed.ts";
import { named, proofOfBlock, recordOf, zero } from "../support/settlement.ts";

/** Names of the events that stand in the chain, by their declaration. */
const chainedEvents = (abi: Abi): readonly string[] =>
  abi.flatMap((item) => (item.type === "event" && item.inputs.at(-1)?.name === "runningHash" ? [item.name] : []));

/** Every act of the anchor that emits an event. */
async function actOnAnchor(deployed: Deployed): Promise<void> {
  const { anchor, accounts } = deployed;
  const { challenger, adjudicator, governance, pauser, stranger } = accounts;
  const { root } = await nextSettlement(deployed);
  await propose(deployed, await nextSettlement(deployed));
  await anchor.write.hold([scope, 1n, root, named("reason")], { account: challenger });
  await anchor.write.challenge([scope, 1n, root, named("evidence")], { account: challenger });
  await anchor.write.resolve([scope, 1n, named("evidence"), true, named("decision")], { account: adjudicator });
  await anchor.write.withdrawBond([challenger]);
  await anchor.write.pause({ account: pauser });
  await anchor.write.unpause({ account: governance });
  await anchor.write.grantRole([await anchor.read.PROPOSER_ROLE(), stranger], { account: governance });
  await anchor.write.revokeRole([await anchor.read.PROPOSER_ROLE(), stranger], { account: governance });
  await anchor.write.nameSuccessor([stranger], { account: governance });
}

/** Every act of the treasury that emits an event; the anchor finalizes on the way. */
async function actOnTreasury(deployed: Deployed): Promise<void> {
  const { anchor, treasury, accounts } = deployed;
  const { governance, payer, pauser, alice, bob, carol, stranger } = accounts;
  const payments = [alice, bob, carol].map((account) => ({ account, amount: 5n }));
  const settlement = await nextSettlement(deployed, payments, { revision: 2 });
  await finalizeSettlement(deployed, settlement);
  await fundSettlement(deployed, settlement);
  await treasury.write.fund([scope, 1n, 7n], { account: governance });
  const records = payments.slice(0, 2).map(recordOf);
  await treasury.write.payRange([scope, 1n, 0n, records, proofOfBlock(settlement, 0, 1)], { account: payer });
  await treasury.write.claim([scope, 1n, 2n, carol, 5n, proofOfBlock(settlement, 2)], { account: stranger });
  await treasury.write.reclaim([scope, 1n, governance], { account: governance });
  await treasury.write.pause({ account: pauser });
  await treasury.write.unpause({ account: governance });
  await treasury.write.nameSuccessor([anchor.address], { account: governance });
}

/** Follows the law over the raw logs of a contract; answers the names of the chained events and the last link. */
async function follow({ client }: Deployed, address: Address, abi: Abi) {
  const chained = new Set(chainedEvents(abi));
  let link: Hex = zero;
  const seen: string[] = [];
  for (const { topics, data } of await client.getLogs({ address, fromBlock: 0n })) {
    const { eventName } = decodeEventLog({ abi, topics, data, strict: true });
    if (eventName === undefined || !chained.has(eventName)) continue;
    seen.push(eventName);
    expect(topics[1], eventName).toBe(numberToHex(seen.length, { size: 32 }));
    const body = data.length > 66 ? slice(data, 0, -32) : "0x";
    link = keccak256(concatHex([link, ...topics, body]));
    expect(slice(data, -32), eventName).toBe(link);
  }
  return { seen, link };
}

test("a reader of raw logs proves that it missed no event of the anchor or the treasury", async () => {
  const deployed = await deployContracts();
  await actOnAnchor(deployed);
  await actOnTreasury(deployed);

  for (const { contract, abi } of [
    { contract: deployed.anchor, abi: anchorAbi },
    { contract: deployed.treasury, abi: treasuryAbi },
  ]) {
    const { seen, link } = await follow(deployed, contract.address, abi);
    expect(new Set(seen)).toEqual(new Set(chainedEvents(abi)));
    expect(await contract.read.sequence()).toBe(BigInt(seen.length));
    expect(await contract.read.runningHash()).toBe(link);
  }
});

test("every event of OpenZeppelin that is emitted has its numbered twin", () => {
  const outside = ["RoleGranted", "RoleRevoked", "RoleAdminChanged", "Paused", "Unpaused"];
  for (const abi of [anchorAbi, treasuryAbi] as readonly Abi[]) {
    const declared = abi.flatMap((item) => (item.type === "event" ? [item.name] : []));
    expect(declared.filter((name) => !chainedEvents(abi).includes(name)).toSorted()).toEqual(outside.toSorted());
  }
});
