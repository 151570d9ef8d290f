// The demo's setting: a running node, the people's API clients, and what everything was told before the first task.
import type { Hex } from "#protocol/hash.ts";
import { bytesToHex } from "#protocol/hash.ts";
import { grantDigest, type MessageDomain } from "#protocol/messages.ts";
import type { Grant, GrantReceipt, RecordBatchReceipt } from "#protocol/schemas/vault.ts";
import { sign } from "#protocol/signature.ts";
import { request, type ApiClient } from "../api-client.ts";
import type { ActorKey } from "../keys.ts";
import type { Progress } from "../output.ts";
import { demoPeople } from "./actors.ts";
import type { DemoCollection } from "./records.ts";

/** What the driver of the demo works with. */
export type Setting = {
  readonly url: string;
  readonly domain: MessageDomain;
  /** Tokens by address, and the operator's own under "operator". */
  readonly tokens: ReadonlyMap<string, string>;
  /** When everything signed in the demo expires, in seconds since 1970: an input, so that a second run signs the same. */
  readonly expiresAtSeconds: number;
};

/** The API as one person uses it; a token where the person has one. */
export function clientOf({ url, tokens }: Setting, who: string): ApiClient {
  return { url, token: tokens.get(who) ?? null };
}

/** Records sent in one request. */
const batchSize = 1_000;
/** What each submitter may spend: 10 tokens. */
const budget = 10n ** 19n;

const vaultOperators = Object.values(demoPeople.operators);

/** Registers everybody and gives the submitters their budgets. */
export async function registerPeople(setting: Setting): Promise<void> {
  const operator = clientOf(setting, "operator");
  const register = (key: ActorKey, roles: readonly string[]) =>
    request(operator, "POST", "/v1/actors", { address: key.address, roles });
  for (const key of demoPeople.submitters) await register(key, ["task_submitter"]);
  await register(demoPeople.poor, ["task_submitter"]);
  for (const key of vaultOperators) await register(key, ["vault_operator", "data_producer"]);
  for (const key of demoPeople.producers) await register(key, ["data_producer"]);
  for (const { address } of demoPeople.submitters) {
    await request(operator, "POST", "/v1/budgets", { account: address, amount: budget, reference: `demo:${address}` });
  }
}

/** Defines the collections and adds their records, split over producers. Answers how many records there are. */
export async function fillVaults(
  setting: Setting,
  collections: readonly DemoCollection[],
  progress: Pick<Progress, "start">,
): Promise<number> {
  const total = collections.reduce((sum, { records }) => sum + records.length, 0);
  const advance = progress.start("records into vaults", total);
  let sent = 0;
  for (const [at, { records, ...named }] of collections.entries()) {
    const { vault, collection } = named;
    const operator = operatorOf(vault);
    const client = clientOf(setting, operator.address);
    const definition = { ...named, operator: operator.address };
    await request(client, "POST", `/v1/vaults/${vault}/collections`, definition);
    for (let from = 0; from < records.length; from += batchSize) {
      const batch = records
        .slice(from, from + batchSize)
        .map((record, offset) => ({ recordId: String(from + offset), record }));
      const producer = demoPeople.producers[(at + from / batchSize) % demoPeople.producers.length]?.address;
      const path = `/v1/vaults/${vault}/collections/${collection}/records`;
      const receipt = await request<RecordBatchReceipt>(client, "POST", path, { producer, records: batch });
      sent += receipt.added + receipt.repeated;
      advance(sent);
    }
  }
  return total;
}

/** Every vault's operator signs consent for every submitter, but not for airports to the last one. */
export async function giveConsent(setting: Setting, collections: readonly DemoCollection[]): Promise<readonly Hex[]> {
  const grants: Hex[] = [];
  for (const { vault, collection } of collections) {
    for (const { address } of demoPeople.submitters) {
      if (collection === "airports" && address === demoPeople.submitters.at(-1)?.address) continue;
      const grant: Grant = {
        vault,
        collection,
        grantee: address,
        programs: ["protected_query"],
        untilSeconds: setting.expiresAtSeconds,
        nonce: "1",
      };
      const signature = sign(grantDigest(setting.domain, grant), operatorOf(vault).privateKey);
      const receipt = await request<GrantReceipt>({ url: setting.url, token: null }, "POST", "/v1/grants", {
        grant,
        signature,
      });
      grants.push(receipt.grantId);
    }
  }
  return grants;
}

function operatorOf(vault: string): ActorKey {
  const found = Object.entries(demoPeople.operators).find(([name]) => name === vault);
  if (found) return found[1];
  throw new RangeError(`the demo has no vault ${vault}`);
}

/** A seed for a task: any 32 bytes, the same in every run. */
export function seedOf(at: number): Hex {
  return bytesToHex(Uint8Array.from({ length: 32 }, (_, byte) => (byte === 31 ? at % 256 : byte === 30 ? at >> 8 : 0)));
}
