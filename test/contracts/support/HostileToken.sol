// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice How a transfer to an account goes wrong.
enum Refusal {
    None,
    Revert,
    AnswerFalse,
    AnswerShort,
    AnswerHuge,
    BurnGas,
    CallBack
}

/// @title A token whose recipients can refuse in every way a token allows, and that can call back or take a fee
contract HostileToken is ERC20("Hostile", "HST") {
    mapping(address account => Refusal) public refusalOf;
    address public callTarget;
    bytes public callData;
    bool public calledBack;
    uint256 public fee;
    bool public silent;

    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }

    function setRefusal(address account, Refusal refusal) external {
        refusalOf[account] = refusal;
    }

    function setCallBack(address target, bytes calldata data) external {
        (callTarget, callData) = (target, data);
    }

    function setFee(uint256 fee_) external {
        fee = fee_;
    }

    /// @dev Silent: transfers answer nothing, as some old tokens do.
    function setSilent(bool silent_) external {
        silent = silent_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        Refusal refusal = refusalOf[to];
        if (refusal == Refusal.Revert) revert("refused");
        if (refusal == Refusal.AnswerFalse) return false;
        if (refusal == Refusal.AnswerShort) _answer(31);
        if (refusal == Refusal.AnswerHuge) _fail(60_000);
        if (refusal == Refusal.BurnGas) _burn();
        if (refusal == Refusal.CallBack) _callBack();
        super.transfer(to, amount);
        if (silent) _answer(0);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (callTarget != address(0)) _callBack();
        super.transferFrom(from, to, amount);
        if (fee != 0) _update(to, address(this), fee);
        return true;
    }

    function _callBack() private {
        (bool called, ) = callTarget.call(callData);
        calledBack = called;
    }

    function _burn() private view {
        while (gasleft() > 0) {
            if (address(this).balance == 1) break;
        }
    }

    function _answer(uint256 size) private pure {
        assembly {
            mstore(0x00, 0)
            return(0x00, size)
        }
    }

    function _fail(uint256 size) private pure {
        assembly {
            revert(0x00, size)
        }
    }
}
