// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor} from "../../../contracts/anchor/Anchor.sol";
import {AnchorRoles, AnchorState, AnchorTerms, Candidate, IAnchor} from "../../../contracts/anchor/IAnchor.sol";
import {DemoToken} from "../../../contracts/demo/DemoToken.sol";
import {Header, SubRoots} from "../../../contracts/settlement/SettlementTree.sol";
import {PlainTree} from "../support/PlainTree.sol";
import {vm} from "../support/Vm.sol";

/// @title Everybody around an anchor, acting at random
/// @notice Every act is the anchor's own or reverts. What succeeded is remembered here, to be held against what the
/// anchor says.
contract AnchorHandler {
    uint48 public constant WINDOW = 1 hours;
    uint48 public constant HOLD = 30 minutes;
    uint256 public constant CHALLENGE_BOND = 1_000;
    uint256 public constant HOLD_BOND = 10;

    address public constant GOVERNANCE = address(0x1001);
    address public constant PROPOSER = address(0x1002);
    address public constant CHALLENGER = address(0x1003);
    address public constant ADJUDICATOR = address(0x1004);
    address public constant PAUSER = address(0x1005);
    address public constant SINK = address(0x1006);

    DemoToken public immutable token = new DemoToken(CHALLENGER, 1e30);
    Anchor public immutable anchor;

    /// @dev Roots in the order in which they became final.
    mapping(bytes32 scope => bytes32[]) public finalized;
    mapping(bytes32 scope => mapping(uint64 epoch => uint256)) public revisionsOf;
    /// @dev Since when a scope's candidate waits undisturbed.
    mapping(bytes32 scope => uint256) public waitsSince;
    mapping(bytes32 scope => uint256) public heldUntil;
    mapping(bytes32 scope => bool) public isChallenged;
    uint256 public bondsOpen;
    uint64 public events;
    /// @dev Says in words what must never happen and did.
    string public broken;

    constructor() {
        anchor = new Anchor(
            AnchorTerms(address(token), CHALLENGE_BOND, HOLD_BOND, WINDOW, HOLD, SINK),
            AnchorRoles(GOVERNANCE, PROPOSER, CHALLENGER, ADJUDICATOR, PAUSER)
        );
        vm.prank(CHALLENGER);
        token.approve(address(anchor), type(uint256).max);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(GOVERNANCE);
            anchor.activateRuleset(scopeOf(i), "ruleset", 1);
        }
        events = anchor.sequence();
    }

    function propose(uint256 seed, uint128 total) external {
        bytes32 scope = scopeOf(seed);
        (uint64 head, bytes32 root) = anchor.headOf(scope);
        Candidate memory before = anchor.candidateOf(scope, head + 1);
        Header memory header = Header(scope, head + 1, before.revision + 1, root, "ruleset", "archive", 1, 1, total);

        vm.prank(PROPOSER);
        anchor.propose(header, SubRoots("results", "evidence", "rewards", "payouts", "candidates", "journal"));

        ++events;
        waitsSince[scope] = block.timestamp;
        if (++revisionsOf[scope][head + 1] != before.revision + 1) broken = "a revision was skipped or used twice";
        if (before.state != AnchorState.None && before.state != AnchorState.Rejected)
            broken = "a candidate was replaced";
    }

    function proposeAnything(Header calldata header, SubRoots calldata parts) external {
        vm.prank(PROPOSER);
        anchor.propose(header, parts);
        broken = "a header out of nowhere was accepted";
    }

    function challenge(uint256 seed, bytes32 evidence) external {
        (bytes32 scope, uint64 epoch, bytes32 root) = _standing(seed);
        vm.prank(CHALLENGER);
        anchor.challenge(scope, epoch, root, evidence);

        ++events;
        bondsOpen += CHALLENGE_BOND;
        isChallenged[scope] = true;
    }

    function hold(uint256 seed) external {
        (bytes32 scope, uint64 epoch, bytes32 root) = _standing(seed);
        vm.prank(CHALLENGER);
        anchor.hold(scope, epoch, root, "reason");

        ++events;
        bondsOpen += HOLD_BOND;
        heldUntil[scope] = block.timestamp + HOLD;
    }

    function resolve(uint256 seed, bool upheld) external {
        (bytes32 scope, uint64 epoch, ) = _standing(seed);
        Candidate memory before = anchor.candidateOf(scope, epoch);
        vm.prank(ADJUDICATOR);
        anchor.resolve(scope, epoch, before.evidenceHash, upheld, "decision");

        ++events;
        bondsOpen -= CHALLENGE_BOND;
        if (upheld && before.holder != address(0)) bondsOpen -= HOLD_BOND;
        waitsSince[scope] = block.timestamp;
        if (!isChallenged[scope]) broken = "something was resolved that nobody challenged";
        isChallenged[scope] = false;
    }

    function finalize(uint256 seed) external {
        (bytes32 scope, uint64 epoch, bytes32 root) = _standing(seed);
        Candidate memory before = anchor.candidateOf(scope, epoch);
        anchor.finalize(scope, epoch);

        ++events;
        finalized[scope].push(root);
        if (before.holder != address(0)) bondsOpen -= HOLD_BOND;
        if (finalized[scope].length != epoch) broken = "an epoch became final out of order";
        if (block.timestamp < waitsSince[scope] + WINDOW) broken = "a window was cut short";
        if (block.timestamp < heldUntil[scope]) broken = "a hold was cut short";
        if (anchor.paused()) broken = "something became final in a pause";
        if (isChallenged[scope]) broken = "a challenged candidate became final";
    }

    /// @dev Rarely, or hardly anything else would ever succeed.
    function pause(uint8 chance) external {
        if (chance > 31) return;
        vm.prank(PAUSER);
        anchor.pause();
        ++events;
    }

    function unpause() external {
        vm.prank(GOVERNANCE);
        anchor.unpause();
        ++events;
        for (uint256 i = 0; i < 2; ++i) waitsSince[scopeOf(i)] = block.timestamp;
    }

    function withdrawBond(bool sink) external {
        anchor.withdrawBond(sink ? SINK : CHALLENGER);
        ++events;
    }

    function wait(uint16 duration) external {
        vm.warp(block.timestamp + (duration % 3 hours));
    }

    function finalizedCount(bytes32 scope) external view returns (uint256) {
        return finalized[scope].length;
    }

    function scopeOf(uint256 seed) public pure returns (bytes32) {
        return seed % 2 == 0 ? bytes32("even") : bytes32("odd");
    }

    function _standing(uint256 seed) private view returns (bytes32 scope, uint64 epoch, bytes32 root) {
        scope = scopeOf(seed);
        (epoch, ) = anchor.headOf(scope);
        epoch += 1;
        root = anchor.candidateOf(scope, epoch).root;
    }
}

/// @title What holds for an anchor whatever anybody does
contract AnchorTest {
    AnchorHandler internal handler;
    Anchor internal anchor;

    function setUp() public {
        handler = new AnchorHandler();
        anchor = handler.anchor();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_nothingForbiddenHappened() public view {
        require(bytes(handler.broken()).length == 0, handler.broken());
    }

    function invariant_finalRootsStandForEver() public view {
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 scope = handler.scopeOf(i);
            (uint64 head, ) = anchor.headOf(scope);
            require(head == handler.finalizedCount(scope), "head");
            for (uint64 epoch = 1; epoch <= head; ++epoch) {
                require(anchor.rootOf(scope, epoch) == handler.finalized(scope, epoch - 1), "root");
                require(anchor.candidateOf(scope, epoch).state == AnchorState.Finalized, "state");
            }
        }
    }

    function invariant_bondsAreAllThere() public view {
        uint256 owed =
            handler.bondsOpen() + anchor.bondCreditOf(handler.CHALLENGER()) + anchor.bondCreditOf(handler.SINK());
        require(handler.token().balanceOf(address(anchor)) == owed, "bonds");
    }

    function invariant_everyActIsNumbered() public view {
        require(anchor.sequence() == handler.events(), "sequence");
    }

    function testFuzz_rootIsComputedOnChain(
        SubRoots calldata parts,
        bytes32 archive,
        uint64 count,
        uint128 total
    ) public {
        count = uint64(1 + (count % type(uint48).max));
        vm.assume(archive != 0 && parts.results != 0 && parts.evidence != 0 && parts.rewards != 0);
        vm.assume(parts.payouts != 0 && parts.candidates != 0 && parts.journal != 0);
        Header memory header = Header(handler.scopeOf(0), 1, 1, 0, "ruleset", archive, 7, count, total);

        vm.prank(handler.PROPOSER());
        bytes32 root = anchor.propose(header, parts);

        bytes32 headerLeaf = PlainTree.headerLeaf(address(anchor), header);
        require(root == PlainTree.root(PlainTree.topNodes(headerLeaf, parts)), "root");
        require(anchor.candidateOf(header.scope, 1).root == root, "stored");
        require(anchor.committed(header.scope, 1).payoutTotal == total, "total");
        require(anchor.committed(header.scope, 1).payoutCount == count, "count");
        require(!anchor.committed(header.scope, 1).finalized, "final");
    }

    function testFuzz_onlyTheProposerProposes(address who, Header calldata header, SubRoots calldata parts) public {
        vm.assume(who != handler.PROPOSER());
        vm.prank(who);
        vm.expectRevert();
        anchor.propose(header, parts);
    }

    function testFuzz_noOtherEpochThanTheNext(uint64 epoch) public {
        vm.assume(epoch != 1);
        Header memory header = Header(handler.scopeOf(0), epoch, 1, 0, "ruleset", "archive", 0, 0, 0);
        vm.prank(handler.PROPOSER());
        vm.expectRevert(abi.encodeWithSelector(IAnchor.EpochOutOfOrder.selector, uint64(1), epoch));
        anchor.propose(header, SubRoots("a", "b", "c", "d", "e", "f"));
    }

    function testFuzz_onlyTheRulesetInForce(bytes32 ruleset) public {
        vm.assume(ruleset != "ruleset");
        Header memory header = Header(handler.scopeOf(0), 1, 1, 0, ruleset, "archive", 0, 0, 0);
        vm.prank(handler.PROPOSER());
        vm.expectRevert(abi.encodeWithSelector(IAnchor.RulesetMismatch.selector, bytes32("ruleset"), ruleset));
        anchor.propose(header, SubRoots("a", "b", "c", "d", "e", "f"));
    }
}
