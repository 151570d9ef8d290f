// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @notice What a settlement says of itself. It is the first node under its SettlementRoot.
/// @param scope keccak256 of the scope's name
/// @param epoch number of the epoch in its scope, from 1
/// @param revision number of the candidate for that epoch, from 1
/// @param previousRoot finalized root of the epoch before; zero for epoch 1
/// @param ruleset content id of the version set the epoch was settled under
/// @param archive SHA-256 of the manifest of the epoch's archive
/// @param itemCount settled tasks
/// @param payoutCount leaves under the payouts sub-root
/// @param payoutTotal sum of their amounts, in base units of the payout token
struct Header {
    bytes32 scope;
    uint64 epoch;
    uint32 revision;
    bytes32 previousRoot;
    bytes32 ruleset;
    bytes32 archive;
    uint64 itemCount;
    uint64 payoutCount;
    uint128 payoutTotal;
}

/// @notice The roots of a settlement's parts, in the order in which they follow the header leaf.
struct SubRoots {
    bytes32 results;
    bytes32 evidence;
    bytes32 rewards;
    bytes32 payouts;
    bytes32 candidates;
    bytes32 journal;
}

/// @title Bytes of a settlement
/// @notice How leaves, sub-roots and the SettlementRoot are hashed; the one place in Solidity that says so.
///
/// - A tree has nodes of 32 bytes. A parent is keccak256 of its two children, the smaller first. A last node without a
///   partner moves up unchanged. Leaves stand in the order of their index. OpenZeppelin's MerkleProof verifies such
///   trees, and merkletreejs builds them with `{sortPairs: true}`.
/// - A leaf is `keccak256(keccak256(abi.encode(domain, fields…)))`, one word a field. Leaves hash 32 bytes and parents
///   64, so neither passes for the other.
/// - A domain is `keccak256(abi.encode(kind, chainId, anchor, scope, epoch))`. A leaf of one kind, chain, contract,
///   scope or epoch never verifies as a leaf of another.
/// - A part without leaves has as root the leaf of its kind without fields.
/// - The SettlementRoot is such a tree over seven nodes: the header leaf and the six sub-roots. One proof leads from
///   any item to the one anchored word.
library SettlementTree {
    bytes32 internal constant HEADER = keccak256("symphony.settlement.header.v1");
    bytes32 internal constant RESULT = keccak256("symphony.settlement.result.v1");
    bytes32 internal constant EVIDENCE = keccak256("symphony.settlement.evidence.v1");
    bytes32 internal constant REWARD = keccak256("symphony.settlement.reward.v1");
    bytes32 internal constant PAYOUT = keccak256("symphony.settlement.payout.v1");
    bytes32 internal constant CANDIDATE = keccak256("symphony.settlement.candidate.v1");
    bytes32 internal constant JOURNAL = keccak256("symphony.settlement.journal.v1");

    /// @dev What every leaf of one kind in one epoch begins with. The chain is the one this runs on.
    function domain(bytes32 kind, address anchor, bytes32 scope, uint64 epoch) internal view returns (bytes32) {
        return keccak256(abi.encode(kind, block.chainid, anchor, scope, epoch));
    }

    /// @dev The leaf of a settlement's header.
    function headerLeaf(address anchor, Header calldata header) internal view returns (bytes32) {
        return
            _leaf(
                abi.encode(
                    domain(HEADER, anchor, header.scope, header.epoch),
                    header.revision,
                    header.previousRoot,
                    header.ruleset,
                    header.archive,
                    header.itemCount,
                    header.payoutCount,
                    header.payoutTotal
                )
            );
    }

    /// @dev The leaf of a task's result.
    function resultLeaf(
        bytes32 domain_,
        bytes32 taskId,
        bytes32 resultCommitment,
        bytes32 bundleId,
        bytes32 decisionId
    ) internal pure returns (bytes32) {
        return _leaf(abi.encode(domain_, taskId, resultCommitment, bundleId, decisionId));
    }

    /// @dev The leaf of a task's evidence.
    function evidenceLeaf(bytes32 domain_, bytes32 taskId, bytes32 evidenceHash) internal pure returns (bytes32) {
        return _leaf(abi.encode(domain_, taskId, evidenceHash));
    }

    /// @dev The leaf of a reward record.
    function rewardLeaf(
        bytes32 domain_,
        bytes32 rewardId,
        address account,
        uint256 amount,
        bytes32 recordHash
    ) internal pure returns (bytes32) {
        return _leaf(abi.encode(domain_, rewardId, account, amount, recordHash));
    }

    /// @dev The leaf of a payout.
    function payoutLeaf(
        bytes32 domain_,
        uint256 index,
        address account,
        uint256 amount
    ) internal pure returns (bytes32 leaf) {
        // As the others, without taking memory: a batch of payouts hashes hundreds.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, domain_)
            mstore(add(words, 0x20), index)
            mstore(add(words, 0x40), and(account, shr(96, not(0))))
            mstore(add(words, 0x60), amount)
            mstore(0x00, keccak256(words, 0x80))
            leaf := keccak256(0x00, 0x20)
        }
    }

    /// @dev The leaf of a candidate attribute.
    function candidateLeaf(bytes32 domain_, bytes32 candidateId, bytes32 contentHash) internal pure returns (bytes32) {
        return _leaf(abi.encode(domain_, candidateId, contentHash));
    }

    /// @dev The leaf of the journal's checkpoint.
    function journalLeaf(bytes32 domain_, uint256 treeSize, bytes32 journalRoot) internal pure returns (bytes32) {
        return _leaf(abi.encode(domain_, treeSize, journalRoot));
    }

    /// @dev The root of a part that has no leaves.
    function emptyRoot(bytes32 domain_) internal pure returns (bytes32) {
        return _leaf(abi.encode(domain_));
    }

    /// @dev The SettlementRoot over a header leaf and the six sub-roots.
    function settlementRoot(bytes32 headerLeaf_, SubRoots calldata subRoots) internal pure returns (bytes32) {
        bytes32 first = Hashes.commutativeKeccak256(headerLeaf_, subRoots.results);
        bytes32 second = Hashes.commutativeKeccak256(subRoots.evidence, subRoots.rewards);
        bytes32 third = Hashes.commutativeKeccak256(subRoots.payouts, subRoots.candidates);

        return
            Hashes.commutativeKeccak256(
                Hashes.commutativeKeccak256(first, second),
                Hashes.commutativeKeccak256(third, subRoots.journal)
            );
    }

    /// @dev The root over `nodes`, at least one. Overwrites the array: no memory is taken.
    function foldInPlace(bytes32[] memory nodes) internal pure returns (bytes32) {
        unchecked {
            for (uint256 width = nodes.length; width > 1; width = (width + 1) / 2) {
                uint256 pairs = width / 2;
                for (uint256 i = 0; i < pairs; ++i) {
                    nodes[i] = Hashes.commutativeKeccak256(
                        Arrays.unsafeMemoryAccess(nodes, 2 * i),
                        Arrays.unsafeMemoryAccess(nodes, 2 * i + 1)
                    );
                }
                if (width % 2 == 1) nodes[pairs] = nodes[width - 1];
            }
        }
        return nodes[0];
    }

    function _leaf(bytes memory words) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(words)));
    }
}
