// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Commitment, IAnchor} from "../anchor/IAnchor.sol";
import {Authority} from "../authority/Authority.sol";
import {SettlementTree} from "../settlement/SettlementTree.sol";
import {Succession} from "../succession/Succession.sol";
import {TokenTransfer} from "../token/TokenTransfer.sol";
import {ITreasury, TreasuryRoles} from "./ITreasury.sol";

/// @title Treasury
/// @dev The prose is in ITreasury. Functions read: require, effects, event, interaction. payRange alone reports after
/// it has sent, because only then it knows who refused; it books everything as paid before, and no function can be
/// entered meanwhile.
contract Treasury is ITreasury, Succession, ReentrancyGuardTransient {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;
    using TokenTransfer for IERC20;

    /// @dev What one epoch was given and has paid, and which of its payouts were made.
    struct Purse {
        uint128 funded;
        uint128 paid;
        mapping(uint256 word => uint256 bits) paidWords;
    }

    bytes32 public constant PAYER_ROLE = keccak256("PAYER_ROLE");

    /// @inheritdoc ITreasury
    IAnchor public immutable anchor;
    /// @inheritdoc ITreasury
    IERC20 public immutable token;

    mapping(bytes32 scope => mapping(uint64 epoch => Purse)) private _purses;

    constructor(IAnchor anchor_, IERC20 token_, TreasuryRoles memory roles) Authority(roles.governance, roles.pauser) {
        if (address(anchor_).code.length == 0) revert Missing("anchor");
        if (address(token_).code.length == 0) revert Missing("token");
        if (roles.payer == address(0)) revert Missing("payer");

        anchor = anchor_;
        token = token_;
        _grantRole(PAYER_ROLE, roles.payer);
    }

    /// @inheritdoc ITreasury
    function fund(bytes32 scope, uint64 epoch, uint256 amount) external nonReentrant {
        if (anchor.committed(scope, epoch).root == 0) revert NothingCommitted(scope, epoch);

        Purse storage purse = _purses[scope][epoch];
        uint256 funded = purse.funded + amount;
        purse.funded = funded.toUint128();

        bytes32 linked = _link(abi.encode(Funded.selector, sequence + 1, scope, epoch, msg.sender, amount, funded));
        emit Funded(sequence, scope, epoch, msg.sender, amount, funded, linked);

        token.pullExact(msg.sender, amount);
    }

    /// @inheritdoc ITreasury
    function payRange(
        bytes32 scope,
        uint64 epoch,
        uint256 firstIndex,
        bytes32[] calldata records,
        bytes32[] calldata proof
    ) external onlyRole(PAYER_ROLE) whenNotPaused nonReentrant {
        Purse storage purse = _purses[scope][epoch];
        Commitment memory commitment = _requirePayable(scope, epoch, purse);
        _requireAligned(firstIndex, records.length, commitment.payoutCount);
        uint256 shift = firstIndex % 256;
        uint256 word = firstIndex / 256;
        uint256 mask = (type(uint256).max >> (256 - records.length)) & ~(purse.paidWords[word] >> shift);
        (bytes32 node, uint256 amount) = _fold(_payoutDomain(scope, epoch), firstIndex, records, mask);
        _requireProof(node, commitment.root, proof);

        _book(purse, amount, commitment.payoutTotal);
        purse.paidWords[word] |= mask << shift;

        (uint256 refusedMask, uint256 refusedAmount) = _sendAll(records, mask);
        if (refusedMask != 0) {
            purse.paidWords[word] ^= refusedMask << shift;
            purse.paid -= uint128(refusedAmount);
        }

        _reportRange(scope, epoch, firstIndex, records.length, mask ^ refusedMask, refusedMask, amount - refusedAmount);
    }

    /// @inheritdoc ITreasury
    function claim(
        bytes32 scope,
        uint64 epoch,
        uint256 index,
        address account,
        uint256 amount,
        bytes32[] calldata proof
    ) external whenNotPaused nonReentrant {
        Purse storage purse = _purses[scope][epoch];
        Commitment memory commitment = _requirePayable(scope, epoch, purse);
        if (index >= commitment.payoutCount) revert IndexOutOfRange(commitment.payoutCount, index);
        if (isPaid(scope, epoch, index)) revert AlreadyPaid(scope, epoch, index);
        if (account == address(this)) revert AccountIsTreasury();
        bytes32 leaf = SettlementTree.payoutLeaf(_payoutDomain(scope, epoch), index, account, amount);
        _requireProof(leaf, commitment.root, proof);

        _book(purse, amount, commitment.payoutTotal);
        purse.paidWords[index / 256] |= 1 << (index % 256);

        bytes32 linked = _link(
            abi.encode(Claimed.selector, sequence + 1, scope, epoch, index, account, amount, msg.sender)
        );
        emit Claimed(sequence, scope, epoch, index, account, amount, msg.sender, linked);

        token.safeTransfer(account, amount);
    }

    /// @inheritdoc ITreasury
    function reclaim(
        bytes32 scope,
        uint64 epoch,
        address to
    ) external onlyRole(GOVERNANCE_ROLE) whenNotPaused nonReentrant {
        Purse storage purse = _purses[scope][epoch];
        Commitment memory commitment = _requirePayable(scope, epoch, purse);
        uint256 surplus = purse.funded - commitment.payoutTotal;
        if (surplus == 0) revert NoSurplus(scope, epoch);
        if (to == address(this)) revert AccountIsTreasury();

        purse.funded = commitment.payoutTotal;

        bytes32 linked = _link(abi.encode(Reclaimed.selector, sequence + 1, scope, epoch, to, surplus));
        emit Reclaimed(sequence, scope, epoch, to, surplus, linked);

        token.safeTransfer(to, surplus);
    }

    /// @inheritdoc ITreasury
    function paidWord(bytes32 scope, uint64 epoch, uint256 word) external view returns (uint256) {
        return _purses[scope][epoch].paidWords[word];
    }

    /// @inheritdoc ITreasury
    function fundedOf(bytes32 scope, uint64 epoch) external view returns (uint256) {
        return _purses[scope][epoch].funded;
    }

    /// @inheritdoc ITreasury
    function paidOf(bytes32 scope, uint64 epoch) external view returns (uint256) {
        return _purses[scope][epoch].paid;
    }

    /// @inheritdoc ITreasury
    function isPaid(bytes32 scope, uint64 epoch, uint256 index) public view returns (bool) {
        return (_purses[scope][epoch].paidWords[index / 256] >> (index % 256)) & 1 == 1;
    }

    /// @dev Sends what the mask names and returns what did not arrive.
    function _sendAll(bytes32[] calldata records, uint256 mask) private returns (uint256 refusedMask, uint256 refused) {
        for (uint256 i = 0; i < records.length; ++i) {
            if ((mask >> i) & 1 == 0) continue;
            (address account, uint256 amount) = _unpack(records[i]);
            if (account == address(this) || !token.trySend(account, amount)) {
                refusedMask |= 1 << i;
                refused += amount;
            }
        }
    }

    function _book(Purse storage purse, uint256 amount, uint256 payoutTotal) private {
        uint256 paid = purse.paid + amount;
        if (paid > payoutTotal) revert TotalExceeded(payoutTotal, paid);
        purse.paid = uint128(paid);
    }

    function _reportRange(
        bytes32 scope,
        uint64 epoch,
        uint256 firstIndex,
        uint256 count,
        uint256 paidMask,
        uint256 refusedMask,
        uint256 amount
    ) private {
        bytes32 linked = _link(
            abi.encode(RangePaid.selector, sequence + 1, scope, epoch, firstIndex, count, paidMask, refusedMask, amount)
        );
        emit RangePaid(sequence, scope, epoch, firstIndex, count, paidMask, refusedMask, amount, linked);
    }

    /// @dev An epoch pays only when its settlement is final and its whole committed total is there.
    function _requirePayable(
        bytes32 scope,
        uint64 epoch,
        Purse storage purse
    ) private view returns (Commitment memory commitment) {
        commitment = anchor.committed(scope, epoch);
        if (!commitment.finalized) revert NotFinal(scope, epoch);
        if (purse.funded < commitment.payoutTotal) revert Underfunded(commitment.payoutTotal, purse.funded);
    }

    function _payoutDomain(bytes32 scope, uint64 epoch) private view returns (bytes32) {
        return SettlementTree.domain(SettlementTree.PAYOUT, address(anchor), scope, epoch);
    }

    function _requireAligned(uint256 firstIndex, uint256 count, uint256 payoutCount) private pure {
        if (count == 0 || count > 256) revert RangeMisaligned(firstIndex, count);
        if (firstIndex >= payoutCount || payoutCount - firstIndex < count) {
            revert IndexOutOfRange(payoutCount, firstIndex);
        }
        uint256 size = 1 << Math.log2(count, Math.Rounding.Ceil);
        bool last = payoutCount - firstIndex == count;
        if (firstIndex % size != 0 || (count != size && !last)) revert RangeMisaligned(firstIndex, count);
    }

    function _requireProof(bytes32 node, bytes32 root, bytes32[] calldata proof) private pure {
        bytes32 actual = MerkleProof.processProofCalldata(proof, node);
        if (actual != root) revert ProofMismatch(root, actual);
    }

    /// @dev The node above the block's leaves, and the sum of the amounts that the mask names.
    function _fold(
        bytes32 domain,
        uint256 firstIndex,
        bytes32[] calldata records,
        uint256 mask
    ) private pure returns (bytes32 node, uint256 sum) {
        bytes32[] memory nodes = new bytes32[](records.length);
        for (uint256 i = 0; i < records.length; ++i) {
            (address account, uint256 amount) = _unpack(records[i]);
            nodes[i] = SettlementTree.payoutLeaf(domain, firstIndex + i, account, amount);
            if ((mask >> i) & 1 == 1) sum += amount;
        }
        node = SettlementTree.foldInPlace(nodes);
    }

    function _unpack(bytes32 record) private pure returns (address account, uint256 amount) {
        return (address(bytes20(record)), uint96(uint256(record)));
    }
}
