// Deploys the settlement contracts: each at the address that its deployer's nonce gives it, so a crash is not repeated.
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import {
  createPublicClient,
  createWalletClient,
  defineChain,
  getContractAddress,
  http,
  isAddressEqual,
  keccak256,
  stringToHex,
  zeroAddress,
  type Abi,
  type Hex,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { anchorAbi } from "#chain/abi/anchor.ts";
import { demoTokenAbi } from "#chain/abi/demo-token.ts";
import { treasuryAbi } from "#chain/abi/treasury.ts";

/**
 * Who deploys, and where. `firstNonce` is the deployer's nonce, and `fromBlock` the chain's height, before the first
 * contract; keep both to continue after a crash.
 */
export type Deployer = {
  readonly rpcUrl: string;
  readonly chainId: number;
  readonly privateKey: Hex;
  readonly firstNonce: number;
  readonly fromBlock: number;
};

/** Accounts that get the contracts' roles, each a different one. With `challenger` zero everybody may challenge. */
export type DeploymentRoles = {
  readonly governance: Hex;
  readonly proposer: Hex;
  readonly challenger: Hex;
  readonly adjudicator: Hex;
  readonly pauser: Hex;
  readonly payer: Hex;
};

/** What the anchor is deployed with; bonds in base units of the token. */
export type DeploymentTerms = {
  readonly challengeBond: bigint;
  readonly holdBond: bigint;
  readonly windowSeconds: number;
  readonly holdSeconds: number;
  readonly bondSink: Hex;
};

/** Where everything is; addresses in lower case. `deployBlock` is at or before the first contract's block. */
export type Deployment = {
  readonly chainId: number;
  readonly token: Hex;
  readonly anchor: Hex;
  readonly treasury: Hex;
  readonly deployBlock: number;
};

/** How long a transaction that was sent before a crash may take to be mined, and how often to look. */
const pendingSecondsMax = 180;
const pollMilliseconds = 100;

const artifacts = new URL("../../artifacts/contracts/", import.meta.url);

/**
 * Deploys the demo's token, which stands for a real one where there is none; `holder` gets the whole supply. Uses one
 * nonce.
 * @throws Error if the chain is another one, or its state contradicts the deployer's nonce or the supply
 */
export async function deployDemoToken(deployer: Deployer, holder: Hex, supply: bigint): Promise<Hex> {
  const client = await connect(deployer);
  const token = await create(deployer, 0, "demo/DemoToken.sol/DemoToken", [holder, supply]);
  const totalSupply = await client.readContract({ address: token, abi: demoTokenAbi, functionName: "totalSupply" });
  requireSame(`the token at ${token}`, { totalSupply }, { totalSupply: supply });
  return token;
}

/**
 * Deploys anchor and treasury for a token, with every role in the hands given; the deployer gets none. Uses two nonces.
 * Run again with the same arguments it finds what stands and deploys the rest; its answer has been read back from the
 * chain.
 * @throws Error if the chain is another one, two roles have one holder, or the chain's state contradicts the deployer's
 * nonce, the terms or the roles
 */
export async function deploySettlement(
  deployer: Deployer,
  token: Hex,
  terms: DeploymentTerms,
  roles: DeploymentRoles,
): Promise<Deployment> {
  requireSeparate(roles);
  await connect(deployer);
  const { payer, ...anchorRoles } = roles;
  const { governance, pauser } = roles;
  const anchor = await create(deployer, 0, "anchor/Anchor.sol/Anchor", [{ bondToken: token, ...terms }, anchorRoles]);
  const treasury = await create(deployer, 1, "treasury/Treasury.sol/Treasury", [
    anchor,
    token,
    { governance, payer, pauser },
  ]);
  const deployment = { chainId: deployer.chainId, token, anchor, treasury, deployBlock: deployer.fromBlock };
  await requireDeployed(deployer, deployment, terms, roles);
  return deployment;
}

const chainOf = ({ chainId, rpcUrl }: Deployer) =>
  defineChain({
    id: chainId,
    name: `chain ${chainId}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  });

const clientOf = (deployer: Deployer) =>
  createPublicClient({
    chain: chainOf(deployer),
    transport: http(deployer.rpcUrl),
    pollingInterval: pollMilliseconds,
    cacheTime: 0,
  });

async function connect(deployer: Deployer): Promise<ReturnType<typeof clientOf>> {
  const client = clientOf(deployer);
  const found = await client.getChainId();
  if (found !== deployer.chainId) throw new Error(`the chain is ${found}, not ${deployer.chainId}`);
  return client;
}

/** Creates a contract with the nonce at `offset`, unless that was done or is under way; answers its address. */
async function create(deployer: Deployer, offset: number, artifact: string, args: readonly unknown[]): Promise<Hex> {
  const account = privateKeyToAccount(deployer.privateKey);
  const nonce = deployer.firstNonce + offset;
  const address = getContractAddress({ from: account.address, nonce: BigInt(nonce) }).toLowerCase() as Hex;
  const client = clientOf(deployer);
  const sent = await client.getTransactionCount({ address: account.address, blockTag: "pending" });
  if (sent <= nonce) {
    const { abi, bytecode } = readArtifact(artifact);
    const wallet = createWalletClient({ account, chain: chainOf(deployer), transport: http(deployer.rpcUrl) });
    await wallet.deployContract({ abi, bytecode, args, nonce });
  }
  await minedPast(client, account.address, nonce);
  if ((await client.getCode({ address })) !== undefined) return address;
  throw new Error(
    `${artifact} is not at ${address}: nonce ${nonce} was used for something else, or creating it failed`,
  );
}

function readArtifact(artifact: string): { readonly abi: Abi; readonly bytecode: Hex } {
  return JSON.parse(readFileSync(new URL(`${artifact}.json`, artifacts), "utf8")) as { abi: Abi; bytecode: Hex };
}

/** Waits until a nonce was used by a mined transaction. */
async function minedPast(client: ReturnType<typeof clientOf>, address: Hex, nonce: number): Promise<void> {
  for (let looks = 0; looks < (pendingSecondsMax * 1000) / pollMilliseconds; looks++) {
    if ((await client.getTransactionCount({ address })) > nonce) return;
    await wait(pollMilliseconds);
  }
  throw new Error(`nonce ${nonce} of ${address} is still pending after ${pendingSecondsMax} seconds`);
}

/** Reads back what the contracts were made with: an address alone does not say that they are the ones asked for. */
async function requireDeployed(
  deployer: Deployer,
  { token, anchor, treasury }: Deployment,
  terms: DeploymentTerms,
  { payer, ...anchorRoles }: DeploymentRoles,
): Promise<void> {
  const client = clientOf(deployer);
  const onTreasury = { address: treasury, abi: treasuryAbi } as const;
  const found = await client.readContract({ address: anchor, abi: anchorAbi, functionName: "terms" });
  requireSame("the anchor", found, { bondToken: token, ...terms });
  const pays = {
    anchor: await client.readContract({ ...onTreasury, functionName: "anchor" }),
    token: await client.readContract({ ...onTreasury, functionName: "token" }),
  };
  requireSame("the treasury", pays, { anchor, token });

  const { governance, pauser } = anchorRoles;
  for (const [address, holders] of [
    [anchor, anchorRoles],
    [treasury, { governance, payer, pauser }],
  ] as const) {
    for (const [name, account] of Object.entries(holders)) {
      const role = await client.readContract({ address, abi: anchorAbi, functionName: "roleOf", args: [account] });
      requireSame(`${account} on ${address}`, { role }, { role: roleNamed(name) });
    }
  }
}

const roleNamed = (name: string): Hex => keccak256(stringToHex(`${name.toUpperCase()}_ROLE`));

/** Compares field by field what stands with what was asked for; hexadecimal in any case. */
function requireSame<T extends Readonly<Record<string, string | number | bigint>>>(
  what: string,
  found: T,
  asked: T,
): void {
  for (const [name, value] of Object.entries(asked)) {
    const [stands, wanted] = [String(found[name]).toLowerCase(), String(value).toLowerCase()];
    if (stands !== wanted) throw new Error(`${what}: ${name} is ${stands}, not ${wanted}`);
  }
}

/** Contracts refuse two of their roles to one account; across the contracts this does. */
function requireSeparate(roles: DeploymentRoles): void {
  const holders = Object.entries(roles);
  for (const [index, [name, account]] of holders.entries()) {
    if (isAddressEqual(account, zeroAddress) && name !== "challenger") throw new Error(`${name} is nobody`);
    const same = holders.slice(index + 1).find(([, other]) => isAddressEqual(account, other));
    if (same !== undefined) throw new Error(`${name} and ${same[0]} are one account: ${account}`);
  }
}
