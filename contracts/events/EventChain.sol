// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEventChain} from "./IEventChain.sol";

/// @title Numbered, hash-chained events
/// @dev `sequence` stands last so that what inherits can pack small values beside it: events cost one extra slot, not
/// two.
abstract contract EventChain is IEventChain {
    /// @inheritdoc IEventChain
    bytes32 public runningHash;

    /// @inheritdoc IEventChain
    uint64 public sequence;

    /// @dev Takes the next number and returns its running hash. `log` is the event about to be emitted, as `abi.encode`
    /// of its selector, its indexed arguments (the first is `sequence + 1`) and its other arguments without the running
    /// hash.
    function _link(bytes memory log) internal returns (bytes32 linked) {
        linked = keccak256(bytes.concat(runningHash, log));
        runningHash = linked;
        ++sequence;
    }
}
