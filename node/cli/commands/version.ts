// `scs version`: semantic versions on their way from opened to published.
import { Argument, Option, type Command } from "commander";
import type { RegistryDraft } from "#application/messages.ts";
import { ask, showPage, type ApiOptions, type PageOptions } from "./api.ts";
import { define, group } from "./command.ts";
import { defineAct } from "./governing.ts";
import { apiOptions, pageOptions } from "./options.ts";
import { showRegistry } from "./registry-tables.ts";

type ListedVersion = {
  readonly semanticVersion: string;
  readonly base: string | null;
  readonly digest: string | null;
  readonly at: string;
};

const versionArgument = () => new Argument("<version>", "semantic version");

export function register(program: Command): void {
  const version = group(program, "version", "Open, amend and publish semantic versions.");
  defineAct<readonly [string], { readonly base: string }>(version, {
    name: "open",
    summary: "Begin a semantic version as a copy of a published one; it can be amended until it is published.",
    example: "scs version open 2026.2 --base 2026.1",
    arguments: [versionArgument()],
    options: [new Option("--base <version>", "the published version that it begins as").makeOptionMandatory()],
    order: ({ args: [semanticVersion], options: { base } }) => ({ kind: "open_version", semanticVersion, base }),
  });
  defineAct<readonly [string]>(version, {
    name: "publish",
    summary: "Publish an open version, for ever.",
    example: "scs version publish 2026.2",
    arguments: [versionArgument()],
    order: ({ args: [semanticVersion] }) => ({ kind: "publish_version", semanticVersion }),
  });
  define<readonly [string], ApiOptions>(version, {
    name: "show",
    summary: "Show an opened version as it stands, and what keeps it from being published.",
    example: "scs version show 2026.2",
    arguments: [versionArgument()],
    options: apiOptions(),
    run: async (invocation) => {
      const { args, output } = invocation;
      const draft = await ask<RegistryDraft>(invocation, "GET", `/v1/registries/${args[0]}/draft`);
      output.answer(draft, () => {
        output.say(`${args[0]}, opened from ${draft.base}`);
        showRegistry(output, draft.registry);
        for (const fault of draft.faults) output.say(`to mend: ${fault}`);
      });
    },
  });
  define<readonly [], ApiOptions & PageOptions & { readonly open?: boolean }>(version, {
    name: "list",
    summary: "List the published semantic versions, or those that are open.",
    example: "scs version list --open",
    options: [...apiOptions(), ...pageOptions(), new Option("--open", "those that are not published yet")],
    run: async (invocation) => {
      await showPage<ListedVersion>(invocation, {
        path: "/v1/registries",
        query: { state: invocation.options.open === true ? "open" : "published" },
        headings: ["version", "from", "digest", "at"],
        row: ({ semanticVersion, base, digest, at }) => [semanticVersion, base ?? "", digest ?? "", at],
      });
    },
  });
}
