// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {EventChain} from "../events/EventChain.sol";
import {IAuthority} from "./IAuthority.sol";

/// @title Separate roles and a pause
/// @dev `resumedAt` shares its slot with EventChain.sequence and Pausable's flag, which every event touches anyway.
abstract contract Authority is IAuthority, AccessControl, EventChain, Pausable {
    /// @inheritdoc IAuthority
    bytes32 public constant GOVERNANCE_ROLE = keccak256("GOVERNANCE_ROLE");
    /// @inheritdoc IAuthority
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @inheritdoc IAuthority
    uint48 public resumedAt;
    /// @inheritdoc IAuthority
    mapping(address account => bytes32 role) public roleOf;

    constructor(address governance, address pauser) {
        if (governance == address(0)) revert Missing("governance");
        if (pauser == address(0)) revert Missing("pauser");

        _grantRole(GOVERNANCE_ROLE, governance);
        _grantRole(PAUSER_ROLE, pauser);
    }

    /// @inheritdoc IAuthority
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @inheritdoc IAuthority
    function unpause() external onlyRole(GOVERNANCE_ROLE) {
        _unpause();
    }

    /// @dev Governance administers every role; OpenZeppelin's DEFAULT_ADMIN_ROLE is held by nobody and opens nothing.
    function getRoleAdmin(bytes32) public pure override returns (bytes32) {
        return GOVERNANCE_ROLE;
    }

    function _pause() internal override {
        super._pause();

        bytes32 linked = _link(abi.encode(PauseChanged.selector, sequence + 1, _msgSender(), true));
        emit PauseChanged(sequence, _msgSender(), true, linked);
    }

    function _unpause() internal override {
        super._unpause();
        resumedAt = uint48(block.timestamp);

        bytes32 linked = _link(abi.encode(PauseChanged.selector, sequence + 1, _msgSender(), false));
        emit PauseChanged(sequence, _msgSender(), false, linked);
    }

    function _grantRole(bytes32 role, address account) internal override returns (bool) {
        bytes32 held = roleOf[account];
        if (held == role) return false;
        if (held != 0) revert RoleHeld(account, held, role);

        roleOf[account] = role;
        super._grantRole(role, account);

        bytes32 linked = _link(abi.encode(RoleChanged.selector, sequence + 1, role, account, true));
        emit RoleChanged(sequence, role, account, true, linked);
        return true;
    }

    function _revokeRole(bytes32 role, address account) internal override returns (bool) {
        if (!super._revokeRole(role, account)) return false;

        delete roleOf[account];

        bytes32 linked = _link(abi.encode(RoleChanged.selector, sequence + 1, role, account, false));
        emit RoleChanged(sequence, role, account, false, linked);
        return true;
    }
}
