// Makes openzeppelin-tree.json with OpenZeppelin's own library for such trees.
import { SimpleMerkleTree, StandardMerkleTree } from "@openzeppelin/merkle-tree";
import type { Hex } from "viem";
import { domain, items, word } from "./settlement-tree.ts";

/** The content of openzeppelin-tree.json. */
export function openzeppelinVectors() {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 13, 64, 100];
  const cases = sizes.flatMap((size) => {
    const leaves = Array.from({ length: size }, (_, n) => word(`leaf ${n} of ${size}`));
    const of = SimpleMerkleTree.of(leaves, { sortLeaves: false });
    return [...new Set([0, Math.floor(size / 2), size - 1])].flatMap((index) => {
      const proof = of.getProof(index) as Hex[];
      const tampered = [
        { leaf: leaves[index] ?? "0x", proof },
        { leaf: word("another leaf"), proof },
        { leaf: leaves[index] ?? "0x", proof: [...proof, word("one node more")] },
        ...(proof.length === 0 ? [] : [{ leaf: leaves[index] ?? "0x", proof: proof.slice(1) }]),
        ...(proof.length === 0
          ? []
          : [{ leaf: leaves[index] ?? "0x", proof: [word("another node"), ...proof.slice(1)] }]),
        ...(proof.length < 2 ? [] : [{ leaf: leaves[index] ?? "0x", proof: proof.toReversed() }]),
      ];
      return tampered.map((one) => ({
        size,
        root: of.root,
        ...one,
        valid: SimpleMerkleTree.verify(of.root, one.leaf, one.proof),
      }));
    });
  });
  const values = items.payout
    .slice(0, 5)
    .map((item) => [domain("payout", 2n), item["index"], item["account"], item["amount"]]);
  const standard = StandardMerkleTree.of(values, ["bytes32", "uint256", "address", "uint256"], { sortLeaves: false });
  return {
    about: {
      cases: "whether `proof` leads from `leaf` to `root`; `size` is the number of leaves of the tree that made it",
      standard:
        "a StandardMerkleTree over the values (payout domain, index, account, amount) of the first five payouts of settlement-tree.json: leaves and proofs in that order",
    },
    source: "test/vectors/make: @openzeppelin/merkle-tree (SimpleMerkleTree, StandardMerkleTree)",
    cases,
    standard: {
      root: standard.root,
      leaves: values.map((value) => standard.leafHash(value)),
      proofs: values.map((_, index) => standard.getProof(index)),
    },
  };
}
