// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Numbered, hash-chained events
/// @notice Lets a reader of logs prove that it missed none. An endpoint that answers "no events" when there were some
/// is found out, because the numbers have a gap or the hashes do not meet.
///
/// Every event declared by a contract of this project has `sequence` as its first indexed argument, `runningHash` as
/// its last argument, only static types, and so the same law:
///
///     runningHash(0) = 0
///     runningHash(n) = keccak256(runningHash(n-1) ‖ topics of log n ‖ data of log n without its last 32 bytes)
///     last 32 bytes of the data of log n = runningHash(n)
///
/// where `‖` joins bytes, and the topics are all topics of the log in order, the event's signature hash among them. The
/// law needs no ABI: a reader checks any contract's chain from the raw logs of its address, starting at the block of
/// deployment, and compares the last link with `sequence()` and `runningHash()` at the same block.
///
/// OpenZeppelin's own events (RoleGranted, RoleRevoked, Paused, Unpaused) stand outside the chain. Each of them has a
/// twin inside it. A reader tells them apart by their signature hash.
interface IEventChain {
    /// @notice Number of the latest chained event; 0 before the first.
    function sequence() external view returns (uint64);

    /// @notice Running hash after the latest chained event; 0 before the first.
    function runningHash() external view returns (bytes32);
}
