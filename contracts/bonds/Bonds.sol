// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EventChain} from "../events/EventChain.sol";
import {TokenTransfer} from "../token/TokenTransfer.sol";
import {IBonds} from "./IBonds.sol";

/// @title Bonds
abstract contract Bonds is IBonds, EventChain {
    using SafeERC20 for IERC20;
    using TokenTransfer for IERC20;

    IERC20 internal immutable _bondToken;

    /// @inheritdoc IBonds
    mapping(address account => uint256 amount) public bondCreditOf;

    constructor(IERC20 bondToken) {
        _bondToken = bondToken;
    }

    /// @inheritdoc IBonds
    function withdrawBond(address account) external {
        uint256 amount = bondCreditOf[account];
        if (amount == 0) revert NoCredit(account);

        bondCreditOf[account] = 0;

        bytes32 linked = _link(abi.encode(BondWithdrawn.selector, sequence + 1, account, amount));
        emit BondWithdrawn(sequence, account, amount, linked);

        _bondToken.safeTransfer(account, amount);
    }

    function _postBond(uint256 amount) internal {
        _bondToken.pullExact(msg.sender, amount);
    }

    function _creditBond(address account, uint256 amount) internal {
        bondCreditOf[account] += amount;
    }
}
