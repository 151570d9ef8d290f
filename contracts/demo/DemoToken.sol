// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Token of the demo and of tests
/// @notice Stands for the real payout token where there is none. Never part of a real deployment.
contract DemoToken is ERC20("Symphony Demo", "SYMD") {
    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }
}
