// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Header, SettlementTree, SubRoots} from "../../../contracts/settlement/SettlementTree.sol";
import {PlainTree} from "../support/PlainTree.sol";
import {SettlementTreeHarness} from "../support/SettlementTreeHarness.sol";
import {vm} from "../support/Vm.sol";

/// @title The settlement library against the slow and obvious way, and against confusion
contract SettlementTreeTest {
    SettlementTreeHarness internal tree;

    function setUp() public {
        tree = new SettlementTreeHarness();
    }

    function testFuzz_payoutLeaf(bytes32 domain, uint256 index, address account, uint256 amount) public pure {
        bytes32 expected = PlainTree.leaf(domain, abi.encode(index, account, amount));
        require(SettlementTree.payoutLeaf(domain, index, account, amount) == expected, "payout leaf");
    }

    function testFuzz_settlementRoot(address anchor, Header calldata header, SubRoots calldata parts) public view {
        bytes32 headerLeaf = tree.headerLeaf(anchor, header);
        require(headerLeaf == PlainTree.headerLeaf(anchor, header), "header leaf");
        bytes32 expected = PlainTree.root(PlainTree.topNodes(headerLeaf, parts));
        require(tree.settlementRoot(headerLeaf, parts) == expected, "settlement root");
    }

    function testFuzz_fold(bytes32 seed, uint16 size) public view {
        bytes32[] memory leaves = _leaves(seed, 1 + (size % 300));
        require(tree.fold(leaves) == PlainTree.root(leaves), "fold");
    }

    function testFuzz_everyBlockIsANode(bytes32 seed, uint16 size, uint16 position, uint8 height) public pure {
        bytes32[] memory leaves = _leaves(seed, 1 + (size % 300));
        height = height % 9;
        uint256 first = ((position % leaves.length) >> height) << height;
        uint256 end = first + (1 << height) < leaves.length ? first + (1 << height) : leaves.length;
        bytes32[] memory block_ = new bytes32[](end - first);
        for (uint256 i = first; i < end; ++i) block_[i - first] = leaves[i];

        bytes32[] memory proof = PlainTree.proof(leaves, first, height);
        bytes32 root = PlainTree.root(leaves);
        require(MerkleProof.verify(proof, root, SettlementTree.foldInPlace(block_)), "block");
    }

    function testFuzz_domainsSeparate(address anchor, bytes32 scope, uint64 epoch, uint64 otherEpoch) public view {
        vm.assume(epoch != otherEpoch);
        bytes32[7] memory kinds = [
            SettlementTree.HEADER,
            SettlementTree.RESULT,
            SettlementTree.EVIDENCE,
            SettlementTree.REWARD,
            SettlementTree.PAYOUT,
            SettlementTree.CANDIDATE,
            SettlementTree.JOURNAL
        ];
        for (uint256 i = 0; i < 7; ++i) {
            bytes32 domain = SettlementTree.domain(kinds[i], anchor, scope, epoch);
            require(domain != SettlementTree.domain(kinds[i], anchor, scope, otherEpoch), "epoch");
            require(domain != SettlementTree.domain(kinds[i], anchor, keccak256(abi.encode(scope)), epoch), "scope");
            require(domain != SettlementTree.domain(kinds[i], address(~bytes20(anchor)), scope, epoch), "anchor");
            for (uint256 j = 0; j < i; ++j) {
                bytes32 other = SettlementTree.domain(kinds[j], anchor, scope, epoch);
                require(domain != other, "kind");
                require(SettlementTree.emptyRoot(domain) != SettlementTree.emptyRoot(other), "empty");
            }
        }
    }

    function _leaves(bytes32 seed, uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) leaves[i] = keccak256(abi.encode(seed, i));
    }
}
