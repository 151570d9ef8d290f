// Deploying over HTTP: what stands afterwards, and that a crash at any point is continued with nothing deployed twice.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import hre from "hardhat";
import { createTestClient, getContract, http, parseEther, publicActions, zeroAddress, type Hex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { anchorAbi } from "#chain/abi/anchor.ts";
import { demoTokenAbi } from "#chain/abi/demo-token.ts";
import { treasuryAbi } from "#chain/abi/treasury.ts";
import { deployDemoToken, deploySettlement, type Deployer } from "../../deploy/chain/deploy.ts";
import { named, zero } from "./support/settlement.ts";

const accountNamed = (name: string): Hex => named(name).slice(0, 42) as Hex;
const roles = {
  governance: accountNamed("governance"),
  proposer: accountNamed("proposer"),
  challenger: zeroAddress,
  adjudicator: accountNamed("adjudicator"),
  pauser: accountNamed("pauser"),
  payer: accountNamed("payer"),
};
const terms = {
  challengeBond: 100n,
  holdBond: 10n,
  windowSeconds: 600,
  holdSeconds: 300,
  bondSink: accountNamed("sink"),
};
const supply = 10n ** 24n;

let chain: Awaited<ReturnType<typeof startChain>>;
beforeAll(async () => {
  chain = await startChain();
});
afterAll(async () => {
  await chain.close();
});

let deployer: Deployer;
beforeEach(async () => {
  const privateKey = generatePrivateKey();
  await chain.client.setBalance({ address: privateKeyToAccount(privateKey).address, value: parseEther("10") });
  deployer = { rpcUrl: chain.rpcUrl, chainId: 31_337, privateKey, firstNonce: 0, fromBlock: 0 };
});

async function startChain() {
  const server = await hre.network.createServer("default", "127.0.0.1", 0);
  const { address, port } = await server.listen();
  const rpcUrl = `http://${address}:${port}`;
  const client = createTestClient({ mode: "hardhat", transport: http(rpcUrl) }).extend(publicActions);
  return { rpcUrl, client, close: () => server.close() };
}

/** A way to the chain that is cut right after it has passed on the `cutAfter`th transaction. */
async function fragileWay(cutAfter: number) {
  let passed = 0;
  const server: Server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (passed >= cutAfter) return response.destroy();
      const body = Buffer.concat(chunks).toString();
      const answer = await fetch(chain.rpcUrl, {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
      });
      const text = await answer.text();
      if (body.includes("eth_sendRawTransaction")) passed++;
      if (passed >= cutAfter) return response.destroy();
      return response.setHeader("content-type", "application/json").end(text);
    })();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return { rpcUrl: `http://127.0.0.1:${port}`, close: () => new Promise((closed) => server.close(closed)) };
}

const nonceOf = ({ privateKey }: Deployer) =>
  chain.client.getTransactionCount({ address: privateKeyToAccount(privateKey).address });

/** Token, anchor and treasury, as the local chain gets them. */
async function deployAll(from: Deployer) {
  const token = await deployDemoToken(from, accountNamed("holder"), supply);
  return deploySettlement({ ...from, firstNonce: from.firstNonce + 1 }, token, terms, roles);
}

test("everything is where it says, with every role in its hands and none in the deployer's (ANCH-03)", async () => {
  const deployment = await deployAll(deployer);
  const { client } = chain;
  const token = getContract({ address: deployment.token, abi: demoTokenAbi, client });
  const anchor = getContract({ address: deployment.anchor, abi: anchorAbi, client });
  const treasury = getContract({ address: deployment.treasury, abi: treasuryAbi, client });

  expect(deployment).toMatchObject({ chainId: 31_337, deployBlock: 0 });
  expect(await token.read.balanceOf([accountNamed("holder")])).toBe(supply);
  expect(await anchor.read.terms()).toMatchObject({
    challengeBond: 100n,
    holdBond: 10n,
    windowSeconds: 600,
    holdSeconds: 300,
  });
  expect((await treasury.read.anchor()).toLowerCase()).toBe(deployment.anchor);
  expect((await treasury.read.token()).toLowerCase()).toBe(deployment.token);
  const { address } = privateKeyToAccount(deployer.privateKey);
  expect([await anchor.read.roleOf([address]), await treasury.read.roleOf([address])]).toEqual([zero, zero]);
  expect(await nonceOf(deployer)).toBe(3);
});

test("run again it finds what stands and deploys nothing", async () => {
  const first = await deployAll(deployer);
  expect(await deployAll(deployer)).toEqual(first);
  expect(await nonceOf(deployer)).toBe(3);
});

test.each([1, 2, 3])("cut off after transaction %i it goes on where it stopped", async (cutAfter) => {
  const way = await fragileWay(cutAfter);
  await expect(deployAll({ ...deployer, rpcUrl: way.rpcUrl })).rejects.toThrow();
  await way.close();
  expect(await nonceOf(deployer)).toBe(cutAfter);

  await deployAll(deployer);
  expect(await nonceOf(deployer)).toBe(3);
});

test("a transaction that waits to be mined is waited for, not sent again", async () => {
  const way = await fragileWay(1);
  await chain.client.setAutomine(false);
  await expect(deployAll({ ...deployer, rpcUrl: way.rpcUrl })).rejects.toThrow();
  await way.close();
  const going = deployAll(deployer);
  await chain.client.mine({ blocks: 1 });
  await chain.client.setAutomine(true);
  await going;
  expect(await nonceOf(deployer)).toBe(3);
});

test("a nonce that was used for something else is not taken for a contract", async () => {
  await deployDemoToken(deployer, accountNamed("holder"), supply);
  await expect(deploySettlement(deployer, accountNamed("token"), terms, roles)).rejects.toThrow();
  await expect(deployDemoToken(deployer, accountNamed("holder"), supply + 1n)).rejects.toThrow("totalSupply is");
});

test("what stands with other terms or other roles is not taken for what was asked", async () => {
  const { token, anchor, treasury } = await deployAll(deployer);
  const second = { ...deployer, firstNonce: 1 };
  const longer = { ...terms, windowSeconds: 601 };
  await expect(deploySettlement(second, token, longer, roles)).rejects.toThrow("windowSeconds is 600, not 601");
  const other = { ...roles, payer: accountNamed("another") };
  await expect(deploySettlement(second, token, terms, other)).rejects.toThrow(`${other.payer} on ${treasury}: role`);
  const others = { ...roles, proposer: accountNamed("another") };
  await expect(deploySettlement(second, token, terms, others)).rejects.toThrow(`${others.proposer} on ${anchor}: role`);
});

test("two roles in one hand, a role in nobody's, and a wrong chain are refused before anything is sent (ANCH-03)", async () => {
  const token = accountNamed("token");
  const same = { ...roles, payer: roles.proposer };
  await expect(deploySettlement(deployer, token, terms, same)).rejects.toThrow("proposer and payer are one account");
  await expect(deploySettlement(deployer, token, terms, { ...roles, payer: zeroAddress })).rejects.toThrow();
  await expect(deployDemoToken({ ...deployer, chainId: 1 }, token, supply)).rejects.toThrow(
    "the chain is 31337, not 1",
  );
  expect(await nonceOf(deployer)).toBe(0);
});
