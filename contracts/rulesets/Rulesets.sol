// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Authority} from "../authority/Authority.sol";
import {IRulesets} from "./IRulesets.sol";

/// @title Rulesets in force
abstract contract Rulesets is IRulesets, Authority {
    using Checkpoints for Checkpoints.Trace256;

    mapping(bytes32 scope => Checkpoints.Trace256 byEpoch) private _rulesets;

    /// @inheritdoc IRulesets
    function activateRuleset(bytes32 scope, bytes32 ruleset, uint64 fromEpoch) external onlyRole(GOVERNANCE_ROLE) {
        if (scope == 0) revert Missing("scope");
        if (ruleset == 0) revert Missing("ruleset");
        uint64 lastProposed = _lastProposed(scope);
        if (fromEpoch <= lastProposed) revert EpochAlreadyProposed(lastProposed, fromEpoch);

        _rulesets[scope].push(fromEpoch, uint256(ruleset));

        bytes32 linked = _link(abi.encode(RulesetActivated.selector, sequence + 1, scope, fromEpoch, ruleset));
        emit RulesetActivated(sequence, scope, fromEpoch, ruleset, linked);
    }

    /// @inheritdoc IRulesets
    function rulesetOf(bytes32 scope, uint64 epoch) public view returns (bytes32) {
        Checkpoints.Trace256 storage rulesets = _rulesets[scope];
        // The latest activation is nearly always the one: asking it first keeps the cost off the length of history.
        (, uint256 fromEpoch, uint256 ruleset) = rulesets.latestCheckpoint();
        return bytes32(fromEpoch <= epoch ? ruleset : rulesets.upperLookup(epoch));
    }

    /// @dev The last epoch of a scope for which a candidate was ever proposed; 0 before the first.
    function _lastProposed(bytes32 scope) internal view virtual returns (uint64);
}
