// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAnchor} from "../anchor/IAnchor.sol";
import {ISuccession} from "../succession/ISuccession.sol";

/// @notice First holders of the roles, each of which must be given.
struct TreasuryRoles {
    address governance;
    address payer;
    address pauser;
}

/// @title Treasury
/// @notice Pays what finalized settlements commit to, and nothing else. Every payment needs a proof to a finalized
/// SettlementRoot, so a stolen payer key can choose when the rightful are paid, never whom or how much.
///
/// Funds are kept apart per scope and epoch. An epoch pays nothing until its whole committed total is funded, and never
/// draws on another's funds. What is paid for an epoch never exceeds its committed total, whatever its leaves say.
///
/// A payout is a leaf (index, account, amount). A bit per index says that it was paid; bits are never cleared once the
/// transaction that set them is over, so no leaf is paid twice, by whichever way.
///
/// `payRange` takes an aligned block of 2^k consecutive leaves, at most 256, and one proof of the node above them. The
/// last block of a tree may be shorter: its last odd nodes move up unchanged, so that it still has one node. A
/// recipient that refuses, or that takes more than 100,000 gas, is skipped, left unpaid and reported; it can be paid
/// later. An index that was already paid is skipped too.
///
/// A pause stops everything that moves tokens out.
///
/// Tokens that take a fee on transfer are refused when funding. Tokens sent here without `fund` belong to no epoch and
/// stay.
interface ITreasury is ISuccession {
    /// @notice An epoch was given `amount`; `funded` is what it has been given in all, less what was reclaimed.
    event Funded(
        uint64 indexed sequence,
        bytes32 indexed scope,
        uint64 indexed epoch,
        address from,
        uint256 amount,
        uint256 funded,
        bytes32 runningHash
    );

    /// @notice A block of `count` leaves was handled. Bit i of a mask speaks of index `firstIndex + i`: paid now, or
    /// refused. A bit in neither mask was paid before. `amount` is the sum of what was paid now.
    event RangePaid(
        uint64 indexed sequence,
        bytes32 indexed scope,
        uint64 indexed epoch,
        uint256 firstIndex,
        uint256 count,
        uint256 paidMask,
        uint256 refusedMask,
        uint256 amount,
        bytes32 runningHash
    );

    /// @notice One leaf was paid to its account at the request of `by`.
    event Claimed(
        uint64 indexed sequence,
        bytes32 indexed scope,
        uint64 indexed epoch,
        uint256 index,
        address account,
        uint256 amount,
        address by,
        bytes32 runningHash
    );

    /// @notice What an epoch was given beyond its committed total went to `to`.
    event Reclaimed(
        uint64 indexed sequence,
        bytes32 indexed scope,
        uint64 indexed epoch,
        address to,
        uint256 amount,
        bytes32 runningHash
    );

    /// @notice The anchor has neither a standing candidate nor a finalized settlement for the epoch.
    error NothingCommitted(bytes32 scope, uint64 epoch);

    /// @notice The epoch's settlement is not final.
    error NotFinal(bytes32 scope, uint64 epoch);

    /// @notice The epoch was given less than it committed to pay.
    error Underfunded(uint256 committed, uint256 funded);

    /// @notice The payments would exceed the epoch's committed total: its leaves contradict its header.
    error TotalExceeded(uint256 committed, uint256 wouldBePaid);

    /// @notice The proof leads to another root than the finalized one.
    error ProofMismatch(bytes32 expected, bytes32 actual);

    /// @notice No payout has this index.
    error IndexOutOfRange(uint256 payoutCount, uint256 index);

    /// @notice The block is empty, longer than 256, not aligned to its size, or shorter than its size without being the
    /// last.
    error RangeMisaligned(uint256 firstIndex, uint256 count);

    /// @notice The payout was made before.
    error AlreadyPaid(bytes32 scope, uint64 epoch, uint256 index);

    /// @notice The epoch was given exactly what it committed to pay.
    error NoSurplus(bytes32 scope, uint64 epoch);

    /// @notice The treasury does not pay itself.
    error AccountIsTreasury();

    /// @notice Gives funds to one epoch that the anchor knows. Anyone may; pulls `amount` from the caller.
    function fund(bytes32 scope, uint64 epoch, uint256 amount) external;

    /// @notice Pays a block of leaves. Only PAYER_ROLE, not while paused.
    /// @param firstIndex index of the first leaf, a multiple of the block's size
    /// @param records one word a leaf: the account's 20 bytes, then the amount in 12; an amount beyond that has to be
    /// claimed
    /// @param proof from the block's node to the finalized root
    function payRange(
        bytes32 scope,
        uint64 epoch,
        uint256 firstIndex,
        bytes32[] calldata records,
        bytes32[] calldata proof
    ) external;

    /// @notice Pays one leaf to its account. Anyone may call it, not while paused. Reverts when the account refuses.
    function claim(
        bytes32 scope,
        uint64 epoch,
        uint256 index,
        address account,
        uint256 amount,
        bytes32[] calldata proof
    ) external;

    /// @notice Takes what a finalized epoch was given beyond its committed total. Only GOVERNANCE_ROLE, not while
    /// paused. What unpaid leaves need is out of reach.
    function reclaim(bytes32 scope, uint64 epoch, address to) external;

    /// @notice True when the payout with this index was made.
    function isPaid(bytes32 scope, uint64 epoch, uint256 index) external view returns (bool);

    /// @notice 256 payouts at once: bit i speaks of index `256 * word + i`.
    function paidWord(bytes32 scope, uint64 epoch, uint256 word) external view returns (uint256);

    /// @notice What an epoch has been given, less what was reclaimed, in base units.
    function fundedOf(bytes32 scope, uint64 epoch) external view returns (uint256);

    /// @notice What has been paid for an epoch, in base units.
    function paidOf(bytes32 scope, uint64 epoch) external view returns (uint256);

    /// @notice The anchor whose finalized roots are paid.
    function anchor() external view returns (IAnchor);

    /// @notice The token that is paid.
    function token() external view returns (IERC20);
}
