// A stranger's check of one item: from the proof file and a chain endpoint alone to the anchored word (SETL-11).
import { MerkleTree } from "merkletreejs";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { InclusionProof } from "#protocol/schemas/settlement.ts";
import { bytesOf, domainOf, hexOf, hexWord, idOf, jcs, keccak, leafOf, scopeIdOf, sha, word } from "./digests.ts";
import { Disproof, judged, same, Unreadable, type Verdict } from "./disproof.ts";

/** Asks the chain; whatever is thrown means that it cannot be asked now. */
export type AnchorReader = {
  readonly chainId: () => Promise<number>;
  /** The finalized root of an epoch at an anchor; null when nothing is final. */
  readonly finalizedRoot: (anchor: Hex, scopeId: Hex, epoch: number) => Promise<Hex | null>;
  /** The contract's own verdict on a leaf and its proof; null when nothing is final. */
  readonly verify: (
    anchor: Hex,
    item: { readonly scope: Hex; readonly epoch: bigint; readonly leaf: Hex; readonly proof: readonly Hex[] },
  ) => Promise<boolean | null>;
};

type Content = Readonly<Record<string, string | number>>;

const hashNode = (data: Buffer): Buffer => Buffer.from(keccak(data));

/** Checks that a proof's content is what its leaf commits to. */
function checkContent({ kind, fields, content }: InclusionProof): void {
  const field = (at: number, digits: string): void => same(`fields[${at}]`, fields[at], `0x${digits}`);
  const record = content as Content;
  const text = (name: string): string => `${record[name] ?? ""}`;
  switch (kind) {
    case "result":
      field(1, hexWord(sha(jcs(content))));
      return;
    case "evidence":
      field(0, hexWord(text("taskId")));
      field(1, hexWord(idOf("scs.evidence", jcs(content))));
      return;
    case "reward": {
      // Adjustments stand among the rewards: who pays, and how much.
      const isAdjustment = Object.hasOwn(record, "adjustmentId");
      field(0, hexWord(text(isAdjustment ? "adjustmentId" : "rewardId")));
      field(1, hexWord(text("account")));
      field(2, word(BigInt(text("amount"))));
      field(3, hexWord(idOf(isAdjustment ? "scs.adjustment-record" : "scs.reward-record", jcs(content))));
      return;
    }
    case "payout":
      field(0, word(BigInt(text("index"))));
      field(1, hexWord(text("account")));
      field(2, word(BigInt(text("amount"))));
      return;
    case "journal":
      field(0, word(BigInt(text("treeSize"))));
      field(1, hexWord(text("journalRoot")));
      return;
    case "candidate":
      field(0, hexWord(text("candidateId")));
      field(1, hexWord(idOf("scs.local-candidate-content", jcs(content))));
      return;
  }
}

const fieldCounts = { result: 4, evidence: 2, reward: 4, payout: 3, candidate: 2, journal: 2 } as const;

/**
 * Checks a proof by itself: its content has the leaf's fields, the fields make the leaf, and merkletreejs leads from the leaf
 * to the root it names.
 * @throws Disproof at the first thing that does not hold
 */
function checkByItself(proof: InclusionProof): void {
  same("scopeId", proof.scopeId, scopeIdOf(proof.scope));
  same("fields.length", proof.fields.length, fieldCounts[proof.kind]);
  checkContent(proof);
  const leaf = leafOf(domainOf(proof.kind, proof), proof.fields.map(hexWord));
  same("leaf", proof.leaf, hexOf(leaf));
  const siblings = proof.proof.map(bytesOf);
  const leads = MerkleTree.verify(siblings, leaf, bytesOf(proof.root), hashNode, { sortPairs: true });
  if (!leads) throw new Disproof("proof", "leads to the root", "leads elsewhere");
}

async function asked<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw new Unreadable(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Checks a proof against the chain: by itself, then that the anchor holds its root as final, then that the contract's own view
 * agrees. Nobody's word is needed but the chain's. Unknown where the chain cannot be asked or nothing is final yet.
 */
export async function verifyProof(proof: InclusionProof, chain: AnchorReader): Promise<Verdict> {
  return await judged(async () => {
    try {
      checkByItself(proof);
    } catch (error) {
      if (error instanceof Disproof) throw error;
      // What is not of the published shape breaks somewhere.
      throw new Disproof("proof file", error instanceof Error ? error.message : String(error), "the published shape");
    }
    const { anchor, scopeId, epoch, leaf } = proof;
    same("chainId", proof.chainId, await asked("chain id", chain.chainId));
    const root = await asked("root", () => chain.finalizedRoot(anchor, scopeId, epoch));
    if (root === null) throw new Unreadable("the anchor holds no final root for this epoch");
    same("root", proof.root, root);
    const item = { scope: scopeId, epoch: BigInt(epoch), leaf, proof: proof.proof };
    const agreed = await asked("verify", () => chain.verify(anchor, item));
    same("the contract's view", agreed, true);
    return root;
  });
}
