// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Bonds
/// @notice Holds what somebody posted for a doubt. A bond that is released or forfeited is credited to an account and
/// fetched with `withdrawBond`, so that an account that cannot receive tokens blocks nobody's settlement.
interface IBonds {
    /// @notice An account's credit was paid out.
    event BondWithdrawn(uint64 indexed sequence, address indexed account, uint256 amount, bytes32 runningHash);

    /// @notice The account has nothing to withdraw.
    error NoCredit(address account);

    /// @notice Pays an account its credit. Anyone may call it, the account receives it.
    function withdrawBond(address account) external;

    /// @notice Base units of the bond token that an account can withdraw.
    function bondCreditOf(address account) external view returns (uint256);
}
