// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A named successor
/// @notice A contract of this project has no upgrade path and nothing in it can be swapped. What comes after it is a
/// contract of its own, which governance names here, once. Naming moves nothing and stops nothing: what is final here
/// stays final and readable here.
interface ISuccession {
    /// @notice Governance named the contract that comes after this one.
    event SuccessorNamed(uint64 indexed sequence, address indexed successor, bytes32 runningHash);

    /// @notice A successor is named once.
    error SuccessorStands(address current, address proposed);

    /// @notice Names the contract that comes after this one. Only GOVERNANCE_ROLE.
    function nameSuccessor(address successor) external;

    /// @notice The contract that comes after this one, or zero.
    function successor() external view returns (address);
}
