// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Header, SettlementTree, SubRoots} from "../../../contracts/settlement/SettlementTree.sol";

/// @title Makes the settlement library callable, for comparison with other implementations
contract SettlementTreeHarness {
    function domain(bytes32 kind, address anchor, bytes32 scope, uint64 epoch) external view returns (bytes32) {
        return SettlementTree.domain(kind, anchor, scope, epoch);
    }

    function headerLeaf(address anchor, Header calldata header) external view returns (bytes32) {
        return SettlementTree.headerLeaf(anchor, header);
    }

    /// @dev `kind` names the leaf; `fields` are its fields as words, in order.
    function leaf(bytes32 kind, bytes32 domain_, bytes32[] calldata fields) external pure returns (bytes32) {
        if (kind == SettlementTree.RESULT) {
            return SettlementTree.resultLeaf(domain_, fields[0], fields[1], fields[2], fields[3]);
        }
        if (kind == SettlementTree.EVIDENCE) return SettlementTree.evidenceLeaf(domain_, fields[0], fields[1]);
        if (kind == SettlementTree.REWARD) {
            return SettlementTree.rewardLeaf(domain_, fields[0], _account(fields[1]), uint256(fields[2]), fields[3]);
        }
        if (kind == SettlementTree.PAYOUT) {
            return SettlementTree.payoutLeaf(domain_, uint256(fields[0]), _account(fields[1]), uint256(fields[2]));
        }
        if (kind == SettlementTree.CANDIDATE) return SettlementTree.candidateLeaf(domain_, fields[0], fields[1]);
        if (kind == SettlementTree.JOURNAL) return SettlementTree.journalLeaf(domain_, uint256(fields[0]), fields[1]);
        revert("unknown kind");
    }

    function emptyRoot(bytes32 domain_) external pure returns (bytes32) {
        return SettlementTree.emptyRoot(domain_);
    }

    function settlementRoot(bytes32 headerLeaf_, SubRoots calldata subRoots) external pure returns (bytes32) {
        return SettlementTree.settlementRoot(headerLeaf_, subRoots);
    }

    function fold(bytes32[] memory nodes) external pure returns (bytes32) {
        return SettlementTree.foldInPlace(nodes);
    }

    function _account(bytes32 word) private pure returns (address) {
        return address(uint160(uint256(word)));
    }
}
