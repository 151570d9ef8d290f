// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Separate roles and a pause
/// @notice An account holds at most one role of a contract, so no key can check its own work. Governance grants and
/// revokes every role, its own too. The pauser can only stop, governance alone resumes: a stolen pauser key costs time,
/// nothing else.
interface IAuthority {
    /// @notice A role was given to an account (`granted`) or taken from it. The twin of RoleGranted and RoleRevoked.
    event RoleChanged(
        uint64 indexed sequence,
        bytes32 indexed role,
        address indexed account,
        bool granted,
        bytes32 runningHash
    );

    /// @notice The contract was stopped (`stopped`) or resumed. The twin of Paused and Unpaused.
    event PauseChanged(uint64 indexed sequence, address indexed by, bool stopped, bytes32 runningHash);

    /// @notice The account already has a role here and cannot take a second one.
    error RoleHeld(address account, bytes32 held, bytes32 wanted);

    /// @notice A value that has to be there is zero. `field` names it.
    error Missing(string field);

    /// @notice May grant and revoke roles and resume; each contract says what else.
    function GOVERNANCE_ROLE() external view returns (bytes32);

    /// @notice May pause.
    function PAUSER_ROLE() external view returns (bytes32);

    /// @notice The one role an account holds, or zero.
    function roleOf(address account) external view returns (bytes32);

    /// @notice Time of the latest resumption in unix seconds, or zero.
    function resumedAt() external view returns (uint48);

    /// @notice Stops the contract. Only PAUSER_ROLE.
    function pause() external;

    /// @notice Resumes the contract. Only GOVERNANCE_ROLE.
    function unpause() external;
}
