#!/usr/bin/env node
// The `scs` command.
import { runCommandLine } from "./program.ts";

await runCommandLine(process.argv.slice(2));
