// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Anchor} from "../../../contracts/anchor/Anchor.sol";
import {AnchorRoles, AnchorTerms} from "../../../contracts/anchor/IAnchor.sol";
import {Header, SubRoots} from "../../../contracts/settlement/SettlementTree.sol";
import {Treasury} from "../../../contracts/treasury/Treasury.sol";
import {TreasuryRoles} from "../../../contracts/treasury/ITreasury.sol";
import {HostileToken, Refusal} from "../support/HostileToken.sol";
import {PlainTree} from "../support/PlainTree.sol";
import {vm} from "../support/Vm.sol";

/// @title Everybody around a treasury, acting at random
/// @notice Three finalized epochs pay the same five accounts, one of which is the treasury itself. None of the accounts
/// has tokens from elsewhere, so what they hold tells what they were paid.
contract TreasuryHandler {
    bytes32 public constant SCOPE = "scope";
    uint64 public constant EPOCHS = 3;
    uint256 public constant ACCOUNTS = 5;

    address public constant GOVERNANCE = address(0x2001);
    address public constant PAYER = address(0x2002);
    address public constant PAUSER = address(0x2003);
    address public constant FUNDER = address(0x2004);
    address public constant COLLECTOR = address(0x2005);

    HostileToken public immutable token = new HostileToken(FUNDER, 1e30);
    Anchor public immutable anchor;
    Treasury public immutable treasury;

    /// @dev Says in words what must never happen and did.
    string public broken;

    constructor() {
        anchor = new Anchor(
            AnchorTerms(address(token), 0, 0, 1, 1, address(this)),
            AnchorRoles(GOVERNANCE, address(this), address(0), address(0x2006), PAUSER)
        );
        treasury = new Treasury(anchor, token, TreasuryRoles(GOVERNANCE, PAYER, PAUSER));
        vm.prank(GOVERNANCE);
        anchor.activateRuleset(SCOPE, "ruleset", 1);
        vm.prank(FUNDER);
        token.approve(address(treasury), type(uint256).max);
        for (uint64 epoch = 1; epoch <= EPOCHS; ++epoch) _settle(epoch);
    }

    function fund(uint64 epoch, uint256 amount) external {
        epoch = _epoch(epoch);
        vm.prank(FUNDER);
        treasury.fund(SCOPE, epoch, amount % (2 * totalOf(epoch)));
    }

    function payRange(uint64 epoch, uint256 position, uint256 height) external {
        epoch = _epoch(epoch);
        height = height % 5;
        uint256 first = ((position % countOf(epoch)) >> height) << height;
        bytes32[] memory records = _records(epoch, first, 1 << height);
        bytes32[] memory proof = proofOf(epoch, first, height);
        vm.prank(PAYER);
        treasury.payRange(SCOPE, epoch, first, records, proof);
    }

    function claim(uint64 epoch, uint256 index) external {
        epoch = _epoch(epoch);
        index = index % countOf(epoch);
        bytes32[] memory proof = proofOf(epoch, index, 0);
        bool paid = treasury.isPaid(SCOPE, epoch, index);
        treasury.claim{gas: 1_000_000}(SCOPE, epoch, index, accountOf(index), amountOf(epoch, index), proof);
        if (paid) broken = "a leaf was claimed twice";
    }

    function claimFromAnother(uint64 epoch, uint64 other, uint256 index) external {
        (epoch, other) = (_epoch(epoch), _epoch(other));
        if (epoch == other) return;
        index = index % countOf(other);
        bytes32[] memory proof = proofOf(other, index, 0);
        treasury.claim{gas: 1_000_000}(SCOPE, epoch, index, accountOf(index), amountOf(other, index), proof);
        broken = "an epoch paid a leaf of another";
    }

    function reclaim(uint64 epoch) external {
        vm.prank(GOVERNANCE);
        treasury.reclaim(SCOPE, _epoch(epoch), COLLECTOR);
    }

    function setRefusal(uint256 index, uint8 refusal) external {
        token.setRefusal(accountOf(index), Refusal(refusal % 7));
    }

    function setCallBack(uint64 epoch, uint256 index) external {
        epoch = _epoch(epoch);
        index = index % countOf(epoch);
        bytes32[] memory proof = proofOf(epoch, index, 0);
        (address account, uint256 amount) = (accountOf(index), amountOf(epoch, index));
        token.setCallBack(
            address(treasury),
            abi.encodeCall(treasury.claim, (SCOPE, epoch, index, account, amount, proof))
        );
    }

    function totalOf(uint64 epoch) public view returns (uint128 total) {
        for (uint256 i = 0; i < countOf(epoch); ++i) total += uint128(amountOf(epoch, i));
    }

    function accountOf(uint256 index) public view returns (address) {
        index = index % ACCOUNTS;
        return index == 0 ? address(treasury) : address(uint160(0x3000 + index));
    }

    function proofOf(uint64 epoch, uint256 first, uint256 height) public view returns (bytes32[] memory) {
        bytes32[] memory leaves = _leaves(epoch);
        (bytes32 header, SubRoots memory parts) = _settlement(epoch, leaves);
        bytes32[] memory top = PlainTree.topNodes(header, parts);
        return PlainTree.join(PlainTree.proof(leaves, first, height), PlainTree.proof(top, 4, 0));
    }

    function countOf(uint64 epoch) public pure returns (uint64) {
        return
            epoch == 1
                ? 5
                : epoch == 2
                    ? 64
                    : 37;
    }

    function amountOf(uint64 epoch, uint256 index) public pure returns (uint256) {
        return (epoch * 1_000 + index * index) % 977;
    }

    function _settle(uint64 epoch) private {
        (, SubRoots memory parts) = _settlement(epoch, _leaves(epoch));
        anchor.propose(_header(epoch), parts);
        vm.warp(1_000 * epoch);
        anchor.finalize(SCOPE, epoch);
    }

    function _settlement(uint64 epoch, bytes32[] memory leaves) private view returns (bytes32, SubRoots memory) {
        bytes32 payouts = PlainTree.root(leaves);
        SubRoots memory parts = SubRoots("results", "evidence", "rewards", payouts, "candidates", "journal");
        return (PlainTree.headerLeaf(address(anchor), _header(epoch)), parts);
    }

    function _header(uint64 epoch) private view returns (Header memory) {
        bytes32 previous = epoch == 1 ? bytes32(0) : anchor.rootOf(SCOPE, epoch - 1);
        return Header(SCOPE, epoch, 1, previous, "ruleset", "archive", 1, countOf(epoch), totalOf(epoch));
    }

    function _leaves(uint64 epoch) private view returns (bytes32[] memory leaves) {
        bytes32 domain = PlainTree.domain("payout", address(anchor), SCOPE, epoch);
        leaves = new bytes32[](countOf(epoch));
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = PlainTree.leaf(domain, abi.encode(i, accountOf(i), amountOf(epoch, i)));
        }
    }

    function _records(uint64 epoch, uint256 first, uint256 size) private view returns (bytes32[] memory records) {
        uint256 left = countOf(epoch) - first;
        records = new bytes32[](left < size ? left : size);
        for (uint256 i = 0; i < records.length; ++i) {
            uint256 index = first + i;
            records[i] = bytes32((uint256(uint160(accountOf(index))) << 96) | amountOf(epoch, index));
        }
    }

    function _epoch(uint64 seed) private pure returns (uint64) {
        return 1 + (seed % EPOCHS);
    }
}

/// @title What holds for a treasury whatever anybody does
contract TreasuryTest {
    TreasuryHandler internal handler;
    Treasury internal treasury;

    function setUp() public {
        handler = new TreasuryHandler();
        treasury = handler.treasury();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_everyoneHasExactlyWhatPaidLeavesSay() public view {
        require(bytes(handler.broken()).length == 0, handler.broken());
        uint256[] memory received = new uint256[](handler.ACCOUNTS());
        uint256 held = 0;
        for (uint64 epoch = 1; epoch <= handler.EPOCHS(); ++epoch) {
            uint256 word = treasury.paidWord(handler.SCOPE(), epoch, 0);
            uint256 paid = 0;
            for (uint256 index = 0; index < handler.countOf(epoch); ++index) {
                if ((word >> index) & 1 == 0) continue;
                uint256 amount = handler.amountOf(epoch, index);
                received[index % received.length] += amount;
                paid += amount;
            }
            require(treasury.paidOf(handler.SCOPE(), epoch) == paid, "paid is not the sum of paid leaves");
            require(word >> handler.countOf(epoch) == 0, "an index beyond the last was paid");
            uint256 funded = treasury.fundedOf(handler.SCOPE(), epoch);
            require(word == 0 || funded >= handler.totalOf(epoch), "paid without the whole total");
            held += funded - paid;
        }
        require(received[0] == 0, "the treasury was paid");
        for (uint256 i = 1; i < received.length; ++i) {
            require(handler.token().balanceOf(handler.accountOf(i)) == received[i], "an account has something else");
        }
        require(handler.token().balanceOf(address(treasury)) == held, "epochs share funds");
    }

    function testFuzz_onlyThePayerPaysRanges(address who) public {
        vm.assume(who != handler.PAYER());
        bytes memory refusal = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector,
            who,
            treasury.PAYER_ROLE()
        );
        vm.prank(who);
        vm.expectRevert(refusal);
        treasury.payRange("scope", 1, 0, new bytes32[](1), new bytes32[](0));
    }

    function testFuzz_noOtherAmountOrAccount(uint64 epoch, uint256 index, address account, uint256 amount) public {
        epoch = 1 + (epoch % handler.EPOCHS());
        index = index % handler.countOf(epoch);
        vm.assume(account != handler.accountOf(index) || amount != handler.amountOf(epoch, index));
        handler.fund(epoch - 1, handler.totalOf(epoch));
        bytes32[] memory proof = handler.proofOf(epoch, index, 0);
        bytes32 scope = handler.SCOPE();
        vm.expectRevert();
        treasury.claim(scope, epoch, index, account, amount, proof);
    }
}
