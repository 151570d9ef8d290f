// `scs actor`: who may do what, over the REST API.
import { Argument, type Command } from "commander";
import { ActorRole } from "#protocol/schemas/vault.ts";
import type { Hex } from "#protocol/hash.ts";
import { ask, type ApiOptions } from "./api.ts";
import { define, group } from "./command.ts";
import { accountArgument, apiOptions } from "./options.ts";

const roleNames = (ActorRole as { readonly enum: readonly string[] }).enum;

export function register(program: Command): void {
  const actor = group(program, "actor", "Register who may do what.");
  define<readonly [Hex, readonly string[]], ApiOptions>(actor, {
    name: "add",
    summary: "Give an address exactly these roles; others it held end. For tokens with actor:write.",
    example: `scs actor add 0x${"12".repeat(20)} task_submitter data_producer`,
    arguments: [accountArgument(), new Argument("<roles...>", "roles of the address").choices(roleNames)],
    options: apiOptions(),
    run: async (invocation) => {
      const [address, roles] = invocation.args;
      const registered = await ask<{ address: Hex; roles: string[] }>(invocation, "POST", "/v1/actors", {
        address,
        roles,
      });
      const { output } = invocation;
      output.answer(registered, () => output.say(`${registered.address}: ${registered.roles.join(", ")}`));
    },
  });
}
