// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Rulesets in force
/// @notice Which version set the epochs of a scope settle under. A change takes effect at an epoch boundary ahead; what
/// an epoch already proposed settled under never changes.
interface IRulesets {
    /// @notice From `fromEpoch` on, until another activation, the scope's epochs settle under `ruleset`.
    event RulesetActivated(
        uint64 indexed sequence,
        bytes32 indexed scope,
        uint64 indexed fromEpoch,
        bytes32 ruleset,
        bytes32 runningHash
    );

    /// @notice The activation would change the ruleset of an epoch that was already proposed.
    error EpochAlreadyProposed(uint64 lastProposed, uint64 fromEpoch);

    /// @notice Sets the ruleset of a scope from an epoch on. Only GOVERNANCE_ROLE. Activations go forward; activating
    /// again for the same epoch replaces what was set, as long as that epoch was not proposed.
    function activateRuleset(bytes32 scope, bytes32 ruleset, uint64 fromEpoch) external;

    /// @notice The ruleset in force for an epoch of a scope, or zero.
    function rulesetOf(bytes32 scope, uint64 epoch) external view returns (bytes32);
}
