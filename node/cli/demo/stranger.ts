// The stranger's check: an exported proof and a chain endpoint, nothing of the node's database, and two opinions on the tree.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { verifyProof } from "#audit/proof-file.ts";
import { checkArchive } from "#audit/recompute.ts";
import type { Hex } from "#protocol/hash.ts";
import type { InclusionProof } from "#protocol/schemas/settlement.ts";
import { openArchive, publishedArchive } from "#settlement/archive.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { request } from "../api-client.ts";
import { anchorReader, openChain } from "../commands/chain-access.ts";
import { clientOf, type Setting } from "./setting.ts";
import { demoScope } from "./submissions.ts";

/** An item whose proof its owner exports. */
export type Exported = { readonly epoch: number; readonly kind: "result" | "payout"; readonly id: Hex };

/** Writes the proof of an item to a file, as its owner would; answers the file. */
export async function exportProof(setting: Setting, folder: string, { epoch, kind, id }: Exported): Promise<string> {
  const path = `/v1/proofs/${demoScope}/${epoch}/${kind}/${id}`;
  const proof = await request<InclusionProof>(clientOf(setting, "auditor"), "GET", path);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${kind}-${epoch}.proof.json`);
  writeFileSync(file, `${JSON.stringify(proof, null, 2)}\n`);
  return file;
}

/** Whether the proof in a file holds: by merkletreejs from its content up, and by the contract's own view. */
export async function proofHolds(file: string, endpoints: readonly string[]): Promise<boolean> {
  const proof = JSON.parse(readFileSync(file, "utf8")) as InclusionProof;
  const verdict = await verifyProof(
    proof,
    anchorReader(() => openChain(endpoints, proof.chainId)),
  );
  return verdict.kind === "valid";
}

/** Whether an epoch's archive leads to its anchored root when it is worked out again. */
export async function archiveReplays(store: ObjectStore, epoch: number, root: Hex): Promise<boolean> {
  const archive = await publishedArchive(store, { scope: demoScope, epoch, revision: 1 });
  if (archive === undefined) return false;
  const verdict = await checkArchive(openArchive(store, archive));
  return verdict.kind === "valid" && verdict.root === root;
}
