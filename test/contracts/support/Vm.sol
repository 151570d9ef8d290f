// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The part of the test runner's cheat codes that these tests use.
interface Vm {
    function assume(bool condition) external pure;

    function expectRevert() external;

    function expectRevert(bytes calldata reason) external;

    function expectRevert(bytes4 selector) external;

    function prank(address sender) external;

    function warp(uint256 timestamp) external;
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
