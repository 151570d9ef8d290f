// Which JSON-RPC methods the local chain answers, and which of them change it.

/**
 * What a method does to the chain: `read` changes nothing; `write` may add blocks or move the clock and is
 * always allowed; `test` changes state in ways no real chain allows and needs test mode.
 */
export type MethodKind = "read" | "write" | "test" | "refused";

const readMethods: ReadonlySet<string> = new Set([
  "debug_traceCall",
  "debug_traceTransaction",
  "eth_accounts",
  "eth_blockNumber",
  "eth_call",
  "eth_chainId",
  "eth_coinbase",
  "eth_estimateGas",
  "eth_feeHistory",
  "eth_gasPrice",
  "eth_getBalance",
  "eth_getBlockByHash",
  "eth_getBlockByNumber",
  "eth_getBlockReceipts",
  "eth_getBlockTransactionCountByHash",
  "eth_getBlockTransactionCountByNumber",
  "eth_getCode",
  "eth_getLogs",
  "eth_getProof",
  "eth_getStorageAt",
  "eth_getTransactionByBlockHashAndIndex",
  "eth_getTransactionByBlockNumberAndIndex",
  "eth_getTransactionByHash",
  "eth_getTransactionCount",
  "eth_getTransactionReceipt",
  "eth_maxPriorityFeePerGas",
  "eth_syncing",
  "net_listening",
  "net_version",
  "web3_clientVersion",
  "web3_sha3",
]);

const writeMethods: ReadonlySet<string> = new Set([
  "eth_sendRawTransaction",
  "evm_increaseTime",
  "evm_mine",
  "evm_setNextBlockTimestamp",
  "hardhat_mine",
]);

const testMethods: ReadonlySet<string> = new Set([
  "eth_sendTransaction",
  "evm_revert",
  "evm_setAutomine",
  "evm_setBlockGasLimit",
  "evm_snapshot",
  "hardhat_dropTransaction",
  "hardhat_impersonateAccount",
  "hardhat_setBalance",
  "hardhat_setCode",
  "hardhat_setNextBlockBaseFeePerGas",
  "hardhat_setNonce",
  "hardhat_setStorageAt",
  "hardhat_stopImpersonatingAccount",
]);

/** Classifies a method; whatever is not listed is refused, so a new method of the engine is never open by accident. */
export function methodKind(method: string): MethodKind {
  if (readMethods.has(method)) return "read";
  if (writeMethods.has(method)) return "write";
  if (testMethods.has(method)) return "test";
  return "refused";
}
