// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Authority} from "../authority/Authority.sol";
import {Bonds} from "../bonds/Bonds.sol";
import {Rulesets} from "../rulesets/Rulesets.sol";
import {Header, SettlementTree, SubRoots} from "../settlement/SettlementTree.sol";
import {Succession} from "../succession/Succession.sol";
import {AnchorRecord} from "./AnchorRecord.sol";
import {AnchorRoles, AnchorState, AnchorTerms, IAnchor} from "./IAnchor.sol";

/// @title Anchor of settlement roots
/// @dev The prose is in IAnchor. Functions read: require, effects, event, interaction.
contract Anchor is AnchorRecord, Rulesets, Bonds, Succession {
    using SafeCast for uint256;

    bytes32 public constant PROPOSER_ROLE = keccak256("PROPOSER_ROLE");
    bytes32 public constant CHALLENGER_ROLE = keccak256("CHALLENGER_ROLE");
    bytes32 public constant ADJUDICATOR_ROLE = keccak256("ADJUDICATOR_ROLE");

    uint256 private immutable _challengeBond;
    uint256 private immutable _holdBond;
    uint48 private immutable _holdSeconds;
    address private immutable _bondSink;

    constructor(
        AnchorTerms memory terms_,
        AnchorRoles memory roles
    ) Authority(roles.governance, roles.pauser) AnchorRecord(terms_.windowSeconds) Bonds(IERC20(terms_.bondToken)) {
        if (terms_.bondToken.code.length == 0) revert Missing("bondToken");
        if (terms_.holdSeconds == 0) revert Missing("holdSeconds");
        if (terms_.bondSink == address(0)) revert Missing("bondSink");
        if (roles.proposer == address(0)) revert Missing("proposer");
        if (roles.adjudicator == address(0)) revert Missing("adjudicator");

        _challengeBond = terms_.challengeBond;
        _holdBond = terms_.holdBond;
        _holdSeconds = terms_.holdSeconds;
        _bondSink = terms_.bondSink;
        _grantRole(PROPOSER_ROLE, roles.proposer);
        _grantRole(CHALLENGER_ROLE, roles.challenger);
        _grantRole(ADJUDICATOR_ROLE, roles.adjudicator);
    }

    /// @inheritdoc IAnchor
    function propose(
        Header calldata header,
        SubRoots calldata subRoots
    ) external onlyRole(PROPOSER_ROLE) whenNotPaused returns (bytes32 root) {
        _requireComplete(header, subRoots);
        _requireNext(header);

        root = SettlementTree.settlementRoot(SettlementTree.headerLeaf(address(this), header), subRoots);
        uint48 windowEndsAt = _fromNow(_windowSeconds);
        _standing[header.scope][header.epoch] = Standing({
            root: root,
            payoutTotal: header.payoutTotal,
            payoutCount: uint256(header.payoutCount).toUint48(),
            windowEndsAt: windowEndsAt,
            revision: header.revision
        });

        bytes32 linked = _link(
            abi.encode(
                Proposed.selector,
                sequence + 1,
                header.scope,
                header.epoch,
                root,
                header,
                subRoots,
                windowEndsAt
            )
        );
        emit Proposed(sequence, header.scope, header.epoch, root, header, subRoots, windowEndsAt, linked);
    }

    /// @inheritdoc IAnchor
    function challenge(bytes32 scope, uint64 epoch, bytes32 root, bytes32 evidenceHash) external {
        _requireChallenger();
        _requireStanding(scope, epoch, root);
        if (evidenceHash == 0) revert Missing("evidenceHash");

        Doubt storage doubt = _doubt[scope][epoch];
        doubt.challenger = msg.sender;
        doubt.evidenceHash = evidenceHash;

        bytes32 linked = _link(
            abi.encode(Challenged.selector, sequence + 1, scope, epoch, root, msg.sender, evidenceHash)
        );
        emit Challenged(sequence, scope, epoch, root, msg.sender, evidenceHash, linked);

        _postBond(_challengeBond);
    }

    /// @inheritdoc IAnchor
    function hold(bytes32 scope, uint64 epoch, bytes32 root, bytes32 reasonHash) external {
        _requireChallenger();
        AnchorState state = _requireStanding(scope, epoch, root);
        if (state == AnchorState.Held) revert StateMismatch(scope, epoch, state);
        if (reasonHash == 0) revert Missing("reasonHash");

        Standing storage standing = _standing[scope][epoch];
        uint48 windowEndsAt = Math.max(_finalizableAt(standing), block.timestamp).toUint48() + _holdSeconds;
        standing.windowEndsAt = windowEndsAt;
        _doubt[scope][epoch].holder = msg.sender;

        bytes32 linked = _link(
            abi.encode(Held.selector, sequence + 1, scope, epoch, root, msg.sender, reasonHash, windowEndsAt)
        );
        emit Held(sequence, scope, epoch, root, msg.sender, reasonHash, windowEndsAt, linked);

        _postBond(_holdBond);
    }

    /// @inheritdoc IAnchor
    function resolve(
        bytes32 scope,
        uint64 epoch,
        bytes32 evidenceHash,
        bool upheld,
        bytes32 decisionHash
    ) external onlyRole(ADJUDICATOR_ROLE) {
        AnchorState state = _stateOf(scope, epoch);
        if (state != AnchorState.Challenged) revert StateMismatch(scope, epoch, state);
        Doubt storage doubt = _doubt[scope][epoch];
        if (doubt.evidenceHash != evidenceHash) revert EvidenceMismatch(doubt.evidenceHash, evidenceHash);
        if (decisionHash == 0) revert Missing("decisionHash");

        Standing storage standing = _standing[scope][epoch];
        bytes32 root = standing.root;
        uint48 windowEndsAt = 0;
        _creditBond(upheld ? doubt.challenger : _bondSink, _challengeBond);
        (doubt.challenger, doubt.evidenceHash) = (address(0), 0);
        if (upheld) {
            _releaseHold(doubt);
            (standing.root, standing.payoutTotal, standing.payoutCount, standing.windowEndsAt) = (0, 0, 0, 0);
        } else {
            windowEndsAt = Math.max(standing.windowEndsAt, _fromNow(_windowSeconds)).toUint48();
            standing.windowEndsAt = windowEndsAt;
        }

        bytes32 linked = _link(
            abi.encode(
                Resolved.selector,
                sequence + 1,
                scope,
                epoch,
                root,
                evidenceHash,
                upheld,
                decisionHash,
                windowEndsAt
            )
        );
        emit Resolved(sequence, scope, epoch, root, evidenceHash, upheld, decisionHash, windowEndsAt, linked);
    }

    /// @inheritdoc IAnchor
    function finalize(bytes32 scope, uint64 epoch) external whenNotPaused {
        Standing storage standing = _standing[scope][epoch];
        (uint32 revision, bytes32 root) = (standing.revision, standing.root);
        _requireStanding(scope, epoch, root);
        uint48 finalizableAt = _finalizableAt(standing);
        if (block.timestamp < finalizableAt) revert WindowOpen(finalizableAt, block.timestamp);

        _headEpoch[scope] = epoch;
        _releaseHold(_doubt[scope][epoch]);

        bytes32 linked = _link(abi.encode(Finalized.selector, sequence + 1, scope, epoch, revision, root));
        emit Finalized(sequence, scope, epoch, revision, root, linked);
    }

    /// @inheritdoc IAnchor
    function terms() external view returns (AnchorTerms memory) {
        return AnchorTerms(address(_bondToken), _challengeBond, _holdBond, _windowSeconds, _holdSeconds, _bondSink);
    }

    function _releaseHold(Doubt storage doubt) private {
        if (doubt.holder == address(0)) return;

        _creditBond(doubt.holder, _holdBond);
        doubt.holder = address(0);
    }

    function _lastProposed(bytes32 scope) internal view override returns (uint64) {
        uint64 headEpoch = _headEpoch[scope];
        return _standing[scope][headEpoch + 1].revision == 0 ? headEpoch : headEpoch + 1;
    }

    function _requireNext(Header calldata header) private view {
        uint64 headEpoch = _headEpoch[header.scope];
        if (header.epoch != headEpoch + 1) revert EpochOutOfOrder(headEpoch + 1, header.epoch);

        Standing storage standing = _standing[header.scope][header.epoch];
        if (standing.root != 0) {
            revert StateMismatch(header.scope, header.epoch, _stateOf(header.scope, header.epoch));
        }
        uint32 revision = standing.revision + 1;
        if (header.revision != revision) revert RevisionOutOfOrder(revision, header.revision);

        bytes32 previousRoot = _standing[header.scope][headEpoch].root;
        if (header.previousRoot != previousRoot) revert PreviousRootMismatch(previousRoot, header.previousRoot);

        bytes32 ruleset = rulesetOf(header.scope, header.epoch);
        if (header.ruleset != ruleset || ruleset == 0) revert RulesetMismatch(ruleset, header.ruleset);
    }

    function _requireChallenger() private view {
        bool open = roleOf[msg.sender] == 0 && hasRole(CHALLENGER_ROLE, address(0));
        if (!open) _checkRole(CHALLENGER_ROLE);
    }

    function _requireStanding(bytes32 scope, uint64 epoch, bytes32 root) private view returns (AnchorState state) {
        state = _stateOf(scope, epoch);
        if (state != AnchorState.Candidate && state != AnchorState.Held) revert StateMismatch(scope, epoch, state);
        bytes32 expected = _standing[scope][epoch].root;
        if (root != expected) revert RootMismatch(expected, root);
    }

    function _requireComplete(Header calldata header, SubRoots calldata subRoots) private pure {
        if (header.scope == 0) revert Missing("scope");
        if (header.archive == 0) revert Missing("archive");
        if (subRoots.results == 0) revert Missing("results");
        if (subRoots.evidence == 0) revert Missing("evidence");
        if (subRoots.rewards == 0) revert Missing("rewards");
        if (subRoots.payouts == 0) revert Missing("payouts");
        if (subRoots.candidates == 0) revert Missing("candidates");
        if (subRoots.journal == 0) revert Missing("journal");
        if (header.payoutCount == 0 && header.payoutTotal != 0) {
            revert TotalWithoutPayouts(header.payoutTotal, header.payoutCount);
        }
    }
}
