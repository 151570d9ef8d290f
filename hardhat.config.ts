// How the contracts are compiled and tested: with the compiler from package-lock.json, so that nothing is downloaded.
import { createRequire } from "node:module";
import { defineConfig } from "hardhat/config";
import hardhatNetworkHelpers from "@nomicfoundation/hardhat-network-helpers";
import hardhatViem from "@nomicfoundation/hardhat-viem";

const resolve = createRequire(import.meta.url).resolve;

const compiler = {
  version: "0.8.37",
  path: resolve("solc/soljson.js"),
  settings: { optimizer: { enabled: true, runs: 10_000 }, viaIR: true, evmVersion: "prague" },
};

export default defineConfig({
  plugins: [hardhatViem, hardhatNetworkHelpers],
  solidity: {
    // Hardhat's own "production" profile would keep version and path but drop the settings.
    profiles: { default: compiler, production: { ...compiler, isolated: true } },
  },
  paths: { sources: "contracts", tests: { solidity: "test/contracts" } },
  networks: {
    default: { type: "edr-simulated", chainType: "l1", hardfork: "prague", chainId: 31337 },
  },
  test: { solidity: { fuzz: { runs: 256 }, invariant: { runs: 16, depth: 256, failOnRevert: false } } },
});
