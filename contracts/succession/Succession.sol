// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Authority} from "../authority/Authority.sol";
import {ISuccession} from "./ISuccession.sol";

/// @title A named successor
abstract contract Succession is ISuccession, Authority {
    /// @inheritdoc ISuccession
    address public successor;

    /// @inheritdoc ISuccession
    function nameSuccessor(address successor_) external onlyRole(GOVERNANCE_ROLE) {
        if (successor_ == address(0)) revert Missing("successor");
        if (successor != address(0)) revert SuccessorStands(successor, successor_);

        successor = successor_;

        bytes32 linked = _link(abi.encode(SuccessorNamed.selector, sequence + 1, successor_));
        emit SuccessorNamed(sequence, successor_, linked);
    }
}
