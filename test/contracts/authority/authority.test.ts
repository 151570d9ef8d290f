// Roles: one each, none of them another's; governance over them; who may stop and who may resume.
import { getAddress, zeroAddress, type Address, type Hex } from "viem";
import { beforeEach, expect, test } from "vitest";
import { deployContracts, nextSettlement, scope, type Deployed } from "../support/deployed.ts";
import { expectRevert } from "../support/revert.ts";
import { named, zero } from "../support/settlement.ts";

let deployed: Deployed;
beforeEach(async () => {
  deployed = await deployContracts();
});

/** Each protected act, by whoever is given, and the role it needs. */
async function protectedActs({ anchor, treasury, accounts }: Deployed, account: Address) {
  const { header, subRoots, root } = await nextSettlement(deployed);
  const [by, evidence] = [{ account }, named("evidence")];
  const acts: [role: string, act: () => Promise<Hex>][] = [
    ["PROPOSER_ROLE", () => anchor.write.propose([header, subRoots], by)],
    ["CHALLENGER_ROLE", () => anchor.write.challenge([scope, 1n, root, evidence], by)],
    ["CHALLENGER_ROLE", () => anchor.write.hold([scope, 1n, root, evidence], by)],
    ["ADJUDICATOR_ROLE", () => anchor.write.resolve([scope, 1n, evidence, true, evidence], by)],
    ["GOVERNANCE_ROLE", () => anchor.write.activateRuleset([scope, named("next"), 9n], by)],
    ["GOVERNANCE_ROLE", () => anchor.write.grantRole([named("role"), accounts.alice], by)],
    ["GOVERNANCE_ROLE", () => anchor.write.revokeRole([named("role"), accounts.alice], by)],
    ["GOVERNANCE_ROLE", () => anchor.write.nameSuccessor([treasury.address], by)],
    ["GOVERNANCE_ROLE", () => anchor.write.unpause(by)],
    ["PAUSER_ROLE", () => anchor.write.pause(by)],
    ["PAYER_ROLE", () => treasury.write.payRange([scope, 1n, 0n, [], []], by)],
    ["GOVERNANCE_ROLE", () => treasury.write.reclaim([scope, 1n, accounts.alice], by)],
    ["GOVERNANCE_ROLE", () => treasury.write.grantRole([named("role"), accounts.alice], by)],
    ["GOVERNANCE_ROLE", () => treasury.write.unpause(by)],
    ["PAUSER_ROLE", () => treasury.write.pause(by)],
  ];
  return acts;
}

const holders = {
  governance: ["GOVERNANCE_ROLE"],
  proposer: ["PROPOSER_ROLE"],
  challenger: ["CHALLENGER_ROLE"],
  adjudicator: ["ADJUDICATOR_ROLE"],
  pauser: ["PAUSER_ROLE"],
  payer: ["PAYER_ROLE"],
  stranger: [],
} satisfies Partial<Record<keyof Deployed["accounts"], string[]>>;

test.each(Object.keys(holders) as (keyof typeof holders)[])(
  "the %s can do nothing that needs another role (ANCH-03)",
  async (name) => {
    const account = deployed.accounts[name];
    for (const [role, act] of await protectedActs(deployed, account)) {
      if ((holders[name] as string[]).includes(role)) continue;
      await expectRevert(act(), "AccessControlUnauthorizedAccount", [getAddress(account), named(role)]);
    }
  },
);

test("an account holds one role at most, so no key checks its own work (ANCH-03)", async () => {
  const { anchor, accounts } = deployed;
  const account = accounts.governance;
  const [proposer, challenger] = [named("PROPOSER_ROLE"), named("CHALLENGER_ROLE")];
  expect(await anchor.read.roleOf([accounts.proposer])).toBe(proposer);
  await expectRevert(anchor.write.grantRole([challenger, accounts.proposer], { account }), "RoleHeld", [
    getAddress(accounts.proposer),
    proposer,
    challenger,
  ]);
  await anchor.write.revokeRole([proposer, accounts.proposer], { account });
  await anchor.write.grantRole([challenger, accounts.proposer], { account });
  expect(await anchor.read.hasRole([challenger, accounts.proposer])).toBe(true);
  expect(await anchor.read.hasRole([proposer, accounts.proposer])).toBe(false);
  await expectRevert(anchor.write.grantRole([proposer, account], { account }), "RoleHeld");
});

test("a role given up can be given to another; OpenZeppelin's default role opens nothing (ANCH-03)", async () => {
  const { anchor, accounts } = deployed;
  const [governance, none] = [named("GOVERNANCE_ROLE"), zero];
  await anchor.write.grantRole([governance, accounts.alice], { account: accounts.governance });
  await anchor.write.renounceRole([governance, accounts.governance], { account: accounts.governance });
  await anchor.write.pause({ account: accounts.pauser });
  await expectRevert(anchor.write.unpause({ account: accounts.governance }), "AccessControlUnauthorizedAccount");
  await anchor.write.unpause({ account: accounts.alice });
  await anchor.write.grantRole([none, accounts.bob], { account: accounts.alice });
  expect(await anchor.read.hasRole([none, accounts.bob])).toBe(false);
  expect(await anchor.read.getRoleAdmin([none])).toBe(governance);
});

test("a successor is named, once, and changes nothing that stands (ANCH-04)", async () => {
  const { anchor, accounts } = deployed;
  const account = accounts.governance;
  const next = getAddress(accounts.alice);
  expect(await anchor.read.successor()).toBe(zeroAddress);
  await expectRevert(anchor.write.nameSuccessor([zeroAddress], { account }), "Missing", ["successor"]);
  await anchor.write.nameSuccessor([next], { account });
  expect(await anchor.read.successor()).toBe(next);
  await expectRevert(anchor.write.nameSuccessor([accounts.bob], { account }), "SuccessorStands", [
    next,
    getAddress(accounts.bob),
  ]);
  const { header, subRoots } = await nextSettlement(deployed);
  await anchor.write.propose([header, subRoots], { account: accounts.proposer });
});

test("the contracts hold no way to run other code in their place (ANCH-04)", async () => {
  for (const { address } of [deployed.anchor, deployed.treasury]) {
    const code = await deployed.client.getCode({ address });
    expect(opcodesOf(code ?? "0x").filter((opcode) => forbidden.has(opcode))).toEqual([]);
  }
});

/** CALLCODE, DELEGATECALL, SELFDESTRUCT. */
const forbidden = new Set([0xf2, 0xf4, 0xff]);

/** The opcodes of a contract, without what PUSH instructions carry and without the metadata at the end. */
function opcodesOf(code: Hex): readonly number[] {
  const bytes = Buffer.from(code.slice(2), "hex");
  const end = bytes.length - 2 - bytes.readUInt16BE(bytes.length - 2);
  const opcodes: number[] = [];
  for (let at = 0; at < end; at++) {
    const opcode = bytes[at] ?? 0;
    opcodes.push(opcode);
    if (opcode >= 0x60 && opcode <= 0x7f) at += opcode - 0x5f;
  }
  return opcodes;
}

test.each(["governance", "proposer", "adjudicator", "pauser"])(
  "an anchor without a %s is not deployed",
  async (role) => {
    const { governance, proposer, challenger, adjudicator, pauser } = deployed.accounts;
    const roles = { governance, proposer, challenger, adjudicator, pauser, [role]: zeroAddress };
    await expect(deployed.deploy("Anchor", [deployed.terms, roles])).rejects.toThrow(`Missing("${role}")`);
  },
);

test.each(["bondToken", "windowSeconds", "holdSeconds", "bondSink"])(
  "an anchor without a %s is not deployed",
  async (term) => {
    const { governance, proposer, challenger, adjudicator, pauser } = deployed.accounts;
    const roles = { governance, proposer, challenger, adjudicator, pauser };
    const terms = { ...deployed.terms, [term]: term.endsWith("Seconds") ? 0 : zeroAddress };
    await expect(deployed.deploy("Anchor", [terms, roles])).rejects.toThrow(`Missing("${term}")`);
  },
);

test.each(["governance", "payer", "pauser"])("a treasury without a %s is not deployed", async (role) => {
  const { anchor, token, accounts, deploy } = deployed;
  const { governance, payer, pauser } = accounts;
  const roles = { governance, payer, pauser, [role]: zeroAddress };
  await expect(deploy("Treasury", [anchor.address, token.address, roles])).rejects.toThrow(`Missing("${role}")`);
});

test("a treasury without an anchor or a token is not deployed", async () => {
  const { anchor, token, accounts, deploy } = deployed;
  const { governance, payer, pauser, alice } = accounts;
  const roles = { governance, payer, pauser };
  await expect(deploy("Treasury", [alice, token.address, roles])).rejects.toThrow('Missing("anchor")');
  await expect(deploy("Treasury", [anchor.address, alice, roles])).rejects.toThrow('Missing("token")');
});
