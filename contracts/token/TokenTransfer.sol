// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Token movements that must not surprise
library TokenTransfer {
    using SafeERC20 for IERC20;

    /// @notice Gas a single recipient may use. An ordinary ERC-20 takes under 40,000 for a new holder, one behind a
    /// proxy with lists of refused accounts about 60,000; more is not granted, so that a recipient with a hook cannot
    /// burn a whole batch.
    uint256 internal constant RECIPIENT_GAS = 100_000;

    /// @notice The contract received another amount than was pulled: the token takes a fee, or came back in.
    error ReceivedAmount(uint256 expected, uint256 received);

    /// @notice Too little gas is left to let the next recipient have its full share: a recipient is never called a
    /// refuser because the sender was thrifty.
    error GasLeft(uint256 required, uint256 available);

    /// @dev Pulls exactly `amount` from `from` to this contract, or reverts.
    function pullExact(IERC20 token, address from, uint256 amount) internal {
        uint256 held = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);

        uint256 received = token.balanceOf(address(this)) - held;
        if (received != amount) revert ReceivedAmount(amount, received);
    }

    /// @dev Sends `amount` to `to` with at most RECIPIENT_GAS, and says whether it arrived. A revert, a `false`, an
    /// answer that is neither a word nor empty, and running out of the granted gas all count as refused. At most one
    /// word of the answer is ever copied. This is SafeERC20.trySafeTransfer with a bound on gas and on the answer's
    /// length.
    function trySend(IERC20 token, address to, uint256 amount) internal returns (bool sent) {
        // The EVM keeps back a 64th of what is left; the rest of the margin covers a first touch of the token.
        uint256 required = RECIPIENT_GAS + RECIPIENT_GAS / 16;
        if (gasleft() < required) revert GasLeft(required, gasleft());

        bytes4 selector = IERC20.transfer.selector;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(0x00, selector)
            mstore(0x04, and(to, shr(96, not(0))))
            mstore(0x24, amount)
            sent := call(RECIPIENT_GAS, token, 0, 0x00, 0x44, 0x00, 0x20)
            if iszero(and(sent, and(eq(mload(0x00), 1), gt(returndatasize(), 31)))) {
                sent := and(sent, and(iszero(returndatasize()), gt(extcodesize(token), 0)))
            }
            mstore(0x40, free)
        }
    }
}
