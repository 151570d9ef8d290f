// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Header, SubRoots} from "../../../contracts/settlement/SettlementTree.sol";

/// @title Settlements the slow and obvious way
/// @notice Level by level in fresh arrays, with abi.encode everywhere: what the library is compared with.
library PlainTree {
    function leaf(bytes32 domain_, bytes memory fields) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256(abi.encodePacked(domain_, fields))));
    }

    function domain(string memory kind, address anchor, bytes32 scope, uint64 epoch) internal view returns (bytes32) {
        bytes32 tag = keccak256(abi.encodePacked("symphony.settlement.", kind, ".v1"));
        return keccak256(abi.encode(tag, block.chainid, anchor, scope, epoch));
    }

    function headerLeaf(address anchor, Header memory h) internal view returns (bytes32) {
        return
            leaf(
                domain("header", anchor, h.scope, h.epoch),
                abi.encode(h.revision, h.previousRoot, h.ruleset, h.archive, h.itemCount, h.payoutCount, h.payoutTotal)
            );
    }

    function parent(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
    }

    function above(bytes32[] memory level) internal pure returns (bytes32[] memory next) {
        next = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < next.length; ++i) {
            bool paired = 2 * i + 1 < level.length;
            next[i] = paired ? parent(level[2 * i], level[2 * i + 1]) : level[2 * i];
        }
    }

    function root(bytes32[] memory level) internal pure returns (bytes32) {
        while (level.length > 1) level = above(level);
        return level[0];
    }

    function topNodes(bytes32 header, SubRoots memory parts) internal pure returns (bytes32[] memory nodes) {
        nodes = new bytes32[](7);
        (nodes[0], nodes[1], nodes[2], nodes[3]) = (header, parts.results, parts.evidence, parts.rewards);
        (nodes[4], nodes[5], nodes[6]) = (parts.payouts, parts.candidates, parts.journal);
    }

    /// @dev Proof from the node at `height` above `position` (a position among the leaves) to the root.
    function proof(
        bytes32[] memory level,
        uint256 position,
        uint256 height
    ) internal pure returns (bytes32[] memory nodes) {
        bytes32[] memory found = new bytes32[](64);
        uint256 count = 0;
        for (uint256 depth = 0; level.length > 1; ++depth) {
            uint256 sibling = (position >> depth) ^ 1;
            if (depth >= height && sibling < level.length) found[count++] = level[sibling];
            level = above(level);
        }
        nodes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) nodes[i] = found[i];
    }

    function join(bytes32[] memory a, bytes32[] memory b) internal pure returns (bytes32[] memory all) {
        all = new bytes32[](a.length + b.length);
        for (uint256 i = 0; i < a.length; ++i) all[i] = a[i];
        for (uint256 i = 0; i < b.length; ++i) all[a.length + i] = b[i];
    }
}
