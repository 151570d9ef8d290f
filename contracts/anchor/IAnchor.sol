// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IBonds} from "../bonds/IBonds.sol";
import {IRulesets} from "../rulesets/IRulesets.sol";
import {Header, SubRoots} from "../settlement/SettlementTree.sol";
import {ISuccession} from "../succession/ISuccession.sol";

/// @notice Where the anchor stands with one epoch of one scope. Derived from facts; see IAnchor.
enum AnchorState {
    None,
    Candidate,
    Held,
    Challenged,
    Rejected,
    Finalized
}

/// @notice What an anchor is deployed with; fixed for its life.
/// @param bondToken ERC-20 in which bonds are posted; one that takes a fee on transfer is refused when used
/// @param challengeBond base units a challenger posts; lost to `bondSink` when the challenge is dismissed
/// @param holdBond base units a holder posts; always returned, it only has to be locked
/// @param windowSeconds time a candidate waits at least before it can become final
/// @param holdSeconds time that a hold adds
/// @param bondSink account credited with forfeited bonds
struct AnchorTerms {
    address bondToken;
    uint256 challengeBond;
    uint256 holdBond;
    uint48 windowSeconds;
    uint48 holdSeconds;
    address bondSink;
}

/// @notice First holders of the roles. `challenger` zero opens challenging to every account that has no role here; each
/// other one must be given.
struct AnchorRoles {
    address governance;
    address proposer;
    address challenger;
    address adjudicator;
    address pauser;
}

/// @notice All that is known of an epoch. `finalizableAt` is zero unless the state is Candidate or Held.
/// @param root root of the standing candidate or of the finalized settlement; zero when none stands
/// @param finalizableAt unix seconds from which `finalize` succeeds; a pause in the meantime moves it
struct Candidate {
    AnchorState state;
    uint32 revision;
    bytes32 root;
    uint64 payoutCount;
    uint128 payoutTotal;
    uint48 finalizableAt;
    address challenger;
    bytes32 evidenceHash;
    address holder;
}

/// @notice What an epoch commits to pay; what a treasury reads before it pays.
struct Commitment {
    bytes32 root;
    uint128 payoutTotal;
    uint64 payoutCount;
    bool finalized;
}

/// @title Anchor of settlement roots
/// @notice Holds one finalized SettlementRoot per scope and epoch, for ever. Epochs of a scope become final in order,
/// each naming the root before it.
///
/// An epoch's life:
///
///     None ──propose──▶ Candidate ──hold──▶ Held
///     Candidate, Held ──challenge──▶ Challenged
///     Challenged ──resolve, dismissed──▶ Candidate or Held, with a full window
///     Challenged ──resolve, upheld──▶ Rejected ──propose, next revision──▶ Candidate
///     Candidate, Held ──finalize, window over──▶ Finalized
///
/// The states are derived: None has no revision; Finalized is not after the scope's head; Rejected has a revision and
/// no root; Challenged has a challenger; Held has a holder. Nothing leaves Finalized.
///
/// Time. A candidate's window is fixed when it is proposed and nothing shortens it. The window is a minimum, not a
/// deadline for doubt: until someone finalizes, a candidate can be challenged. A dismissed challenge starts a full
/// window, since nobody else could challenge meanwhile. A pause stops propose and finalize, never challenge, hold or
/// resolve; and paused time does not count: after a resumption every candidate that stood waits at least one full
/// window.
interface IAnchor is IBonds, IRulesets, ISuccession {
    /// @notice A candidate was proposed: all that its root was computed from.
    event Proposed(
        uint64 indexed sequence,
        bytes32 indexed scope,
        uint64 indexed epoch,
        bytes32 root,
        Header header,
        SubRoots subRoots,
        uint48 windowEndsAt,
        bytes32 runningHash
    );

    /// @notice A watcher says that a candidate is wrong. `evidenceHash` is the content hash of what shows it.
    event Challenged(
        uint64 indexed sequence,
        bytes32 indexed scope,
        uint64 indexed epoch,
        bytes32 root,
        address challenger,
        bytes32 evidenceHash,
        bytes32 runningHash
    );

    /// @notice A watcher says that it cannot verify a candidate. `reasonHash` is the content hash of why.
    event Held(
        uint64 indexed sequence,
        bytes32 indexed scope,
        uint64 indexed epoch,
        bytes32 root,
        address holder,
        bytes32 reasonHash,
        uint48 windowEndsAt,
        bytes32 runningHash
    );

    /// @notice The adjudicator decided a challenge. Upheld: the candidate is gone and `windowEndsAt` is zero.
    /// Dismissed: it waits until `windowEndsAt`. `decisionHash` is the content hash of the decision.
    event Resolved(
        uint64 indexed sequence,
        bytes32 indexed scope,
        uint64 indexed epoch,
        bytes32 root,
        bytes32 evidenceHash,
        bool upheld,
        bytes32 decisionHash,
        uint48 windowEndsAt,
        bytes32 runningHash
    );

    /// @notice The epoch's root is final.
    event Finalized(
        uint64 indexed sequence,
        bytes32 indexed scope,
        uint64 indexed epoch,
        uint32 revision,
        bytes32 root,
        bytes32 runningHash
    );

    /// @notice The header's epoch is not the one after the scope's finalized head.
    error EpochOutOfOrder(uint64 expected, uint64 actual);

    /// @notice The header's revision is not the one after the last rejected.
    error RevisionOutOfOrder(uint32 expected, uint32 actual);

    /// @notice The header does not name the finalized root of the epoch before.
    error PreviousRootMismatch(bytes32 expected, bytes32 actual);

    /// @notice The header's ruleset is not the one active for its epoch; `expected` zero means that none is.
    error RulesetMismatch(bytes32 expected, bytes32 actual);

    /// @notice The header promises an amount and nobody to pay it to.
    error TotalWithoutPayouts(uint128 payoutTotal, uint64 payoutCount);

    /// @notice The epoch is in a state that does not allow the call.
    error StateMismatch(bytes32 scope, uint64 epoch, AnchorState actual);

    /// @notice The call is about another candidate than the one that stands.
    error RootMismatch(bytes32 expected, bytes32 actual);

    /// @notice The decision is about another challenge than the open one.
    error EvidenceMismatch(bytes32 expected, bytes32 actual);

    /// @notice The candidate still waits.
    error WindowOpen(uint48 finalizableAt, uint256 current);

    /// @notice Nothing is final for that epoch.
    error NotFinalized(bytes32 scope, uint64 epoch, uint64 headEpoch);

    /// @notice Proposes a settlement and computes its root on chain. Only PROPOSER_ROLE, not while paused. Reverts when
    /// the header contradicts its predecessor, the revisions so far or the active ruleset, or when a value is missing.
    /// @dev `payoutCount` is stored in 48 bits; a header above that reverts.
    function propose(Header calldata header, SubRoots calldata subRoots) external returns (bytes32 root);

    /// @notice Attacks the standing candidate `root` and stops its clock; pulls `challengeBond`. Only CHALLENGER_ROLE,
    /// or any account without a role where the zero address holds CHALLENGER_ROLE. One challenge is open at a time.
    function challenge(bytes32 scope, uint64 epoch, bytes32 root, bytes32 evidenceHash) external;

    /// @notice Gives the standing candidate `root` `holdSeconds` more, once per revision; pulls `holdBond`. Same
    /// callers as `challenge`. For "cannot verify", as opposed to "wrong": it accuses nobody, so the bond comes back
    /// whatever happens.
    function hold(bytes32 scope, uint64 epoch, bytes32 root, bytes32 reasonHash) external;

    /// @notice Decides the open challenge with that evidence. Only ADJUDICATOR_ROLE. Upheld: the candidate is rejected,
    /// its bonds are credited back, the next revision may be proposed. Dismissed: the bond goes to the sink, the
    /// candidate waits a full window.
    function resolve(bytes32 scope, uint64 epoch, bytes32 evidenceHash, bool upheld, bytes32 decisionHash) external;

    /// @notice Makes the standing candidate final once its window is over. Anyone, not while paused.
    function finalize(bytes32 scope, uint64 epoch) external;

    /// @notice True when `proof` leads from `leaf` to the epoch's finalized root. Reverts when nothing is final: "not
    /// yet" is not "no".
    /// @dev Compute `leaf` from the item's fields with SettlementTree; a caller who accepts any 32 bytes as a leaf
    /// accepts inner nodes.
    function verify(bytes32 scope, uint64 epoch, bytes32 leaf, bytes32[] calldata proof) external view returns (bool);

    /// @notice The finalized root. Reverts when nothing is final.
    function rootOf(bytes32 scope, uint64 epoch) external view returns (bytes32);

    /// @notice The last finalized epoch of a scope and its root; both zero before the first.
    function headOf(bytes32 scope) external view returns (uint64 epoch, bytes32 root);

    /// @notice All that is known of an epoch.
    function candidateOf(bytes32 scope, uint64 epoch) external view returns (Candidate memory);

    /// @notice What the epoch's standing candidate or finalized settlement commits to pay; all zero when neither is
    /// there.
    function committed(bytes32 scope, uint64 epoch) external view returns (Commitment memory);

    /// @notice What the anchor was deployed with.
    function terms() external view returns (AnchorTerms memory);
}
