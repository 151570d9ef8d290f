// npm skips OPTIONAL packages whose "engines" reject the Node that npm itself runs on
// (system Node 20 -> @nomicfoundation/edr-* is dropped silently). Here `node` is already the
// pinned one (node_modules/.bin is first on PATH), so let npm finish under it, from the lockfile.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const npm = process.env.npm_execpath;
const outer = /node\/v(\d+)\./.exec(process.env.npm_config_user_agent ?? "")?.[1];
const inner = process.versions.node.split(".")[0];
if (
  npm &&
  outer !== undefined &&
  Number(outer) < 22 &&
  Number(inner) >= 22 &&
  !process.env.COMPLETE_INSTALL &&
  existsSync("package-lock.json")
) {
  const args = [npm, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
  const r = spawnSync(process.execPath, args, { stdio: "inherit", env: { ...process.env, COMPLETE_INSTALL: "1" } });
  process.exit(r.status ?? 1);
}
