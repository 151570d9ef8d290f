// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Authority} from "../authority/Authority.sol";
import {AnchorState, Candidate, Commitment, IAnchor} from "./IAnchor.sol";

/// @title What an anchor remembers
/// @dev The storage, the states derived from it, and the views. Anchor.sol has the acts.
abstract contract AnchorRecord is IAnchor, Authority {
    using SafeCast for uint256;

    /// @dev Two slots: all that a proposal writes besides the event chain.
    struct Standing {
        bytes32 root;
        uint128 payoutTotal;
        uint48 payoutCount;
        uint48 windowEndsAt;
        uint32 revision;
    }

    /// @dev Written only where somebody doubts.
    struct Doubt {
        address challenger;
        address holder;
        bytes32 evidenceHash;
    }

    uint48 internal immutable _windowSeconds;

    mapping(bytes32 scope => uint64 epoch) internal _headEpoch;
    mapping(bytes32 scope => mapping(uint64 epoch => Standing)) internal _standing;
    mapping(bytes32 scope => mapping(uint64 epoch => Doubt)) internal _doubt;

    constructor(uint48 windowSeconds) {
        if (windowSeconds == 0) revert Missing("windowSeconds");
        _windowSeconds = windowSeconds;
    }

    /// @inheritdoc IAnchor
    function verify(bytes32 scope, uint64 epoch, bytes32 leaf, bytes32[] calldata proof) external view returns (bool) {
        return MerkleProof.verifyCalldata(proof, rootOf(scope, epoch), leaf);
    }

    /// @inheritdoc IAnchor
    function headOf(bytes32 scope) external view returns (uint64 epoch, bytes32 root) {
        epoch = _headEpoch[scope];
        root = _standing[scope][epoch].root;
    }

    /// @inheritdoc IAnchor
    function candidateOf(bytes32 scope, uint64 epoch) external view returns (Candidate memory) {
        AnchorState state = _stateOf(scope, epoch);
        bool waits = state == AnchorState.Candidate || state == AnchorState.Held;
        Standing storage standing = _standing[scope][epoch];
        Doubt storage doubt = _doubt[scope][epoch];
        return
            Candidate({
                state: state,
                revision: standing.revision,
                root: standing.root,
                payoutCount: standing.payoutCount,
                payoutTotal: standing.payoutTotal,
                finalizableAt: waits ? _finalizableAt(standing) : 0,
                challenger: doubt.challenger,
                evidenceHash: doubt.evidenceHash,
                holder: doubt.holder
            });
    }

    /// @inheritdoc IAnchor
    function committed(bytes32 scope, uint64 epoch) external view returns (Commitment memory) {
        Standing storage standing = _standing[scope][epoch];
        bool finalized = _stateOf(scope, epoch) == AnchorState.Finalized;
        return Commitment(standing.root, standing.payoutTotal, standing.payoutCount, finalized);
    }

    /// @inheritdoc IAnchor
    function rootOf(bytes32 scope, uint64 epoch) public view returns (bytes32) {
        if (_stateOf(scope, epoch) != AnchorState.Finalized) revert NotFinalized(scope, epoch, _headEpoch[scope]);
        return _standing[scope][epoch].root;
    }

    function _stateOf(bytes32 scope, uint64 epoch) internal view returns (AnchorState) {
        Standing storage standing = _standing[scope][epoch];
        Doubt storage doubt = _doubt[scope][epoch];
        if (standing.revision == 0) return AnchorState.None;
        if (epoch <= _headEpoch[scope]) return AnchorState.Finalized;
        if (standing.root == 0) return AnchorState.Rejected;
        if (doubt.challenger != address(0)) return AnchorState.Challenged;
        if (doubt.holder != address(0)) return AnchorState.Held;
        return AnchorState.Candidate;
    }

    function _finalizableAt(Standing storage standing) internal view returns (uint48) {
        uint256 afterPause = resumedAt == 0 ? 0 : uint256(resumedAt) + _windowSeconds;
        return Math.max(standing.windowEndsAt, afterPause).toUint48();
    }

    function _fromNow(uint48 delaySeconds) internal view returns (uint48) {
        return (block.timestamp + delaySeconds).toUint48();
    }
}
