// `scs token`: bearer tokens, made and revoked by the operator on the machine of the database.
import { Argument, Option, type Command } from "commander";
import { randomBytes } from "node:crypto";
import { tokenScopes } from "#application/scopes.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { issueToken, listTokens, revokeToken, tokenDigest } from "#storage/tokens.ts";
import { writeNew } from "../documents/json-document.ts";
import { define, group, type Invocation } from "./command.ts";
import { withDatabase } from "./operator-database.ts";
import { parseHash, wholeNumber } from "./options.ts";

type IssueOptions = { readonly days: number; readonly out?: string };

async function issue(invocation: Invocation<readonly [string, readonly string[]], IssueOptions>): Promise<void> {
  const { args, options, output, configuration } = invocation;
  const [given, scopes] = args;
  const subject = given.startsWith("0x") ? given.toLowerCase() : given;
  const now = new Date();
  const until = new Date(now.getTime() + options.days * 86_400_000);
  const chance = { random: (size: number) => randomBytes(size), now };
  const token = await withDatabase(configuration(), "node", (database) =>
    issueToken(database, { subject, scopes, until }, chance),
  );
  const digest = tokenDigest(token);
  if (options.out !== undefined) writeNew(options.out, `${token}\n`, { mode: 0o600 });
  const kept = options.out === undefined ? { token } : { file: options.out };
  output.answer({ ...kept, digest, subject, scopes, until }, () => {
    output.say(options.out === undefined ? token : `written to ${options.out}`);
    output.say(`digest ${digest}, for ${subject} until ${until.toISOString()}: ${scopes.join(", ")}`);
  });
}

function registerRest(token: Command): void {
  define<readonly [Hex]>(token, {
    name: "revoke",
    summary: "Revoke a token for good, named by its digest; processes forget it within seconds.",
    example: `scs token revoke 0x${"ab".repeat(32)}`,
    arguments: [new Argument("<digest>", "digest, as issue and list show it").argParser(parseHash)],
    run: async ({ args: [digest], output, configuration }) => {
      const revoked = await withDatabase(configuration(), "node", (database) =>
        revokeToken(database, digest, new Date()),
      );
      if (!revoked) throw new ProtocolError("AUTH_TOKEN_INVALID", { digest });
      output.answer({ digest, revoked }, () => output.say(`${digest} is revoked`));
    },
  });
  define(token, {
    name: "list",
    summary: "List the tokens that have not expired, by digest; the tokens themselves are kept nowhere.",
    example: "scs token list",
    run: async ({ output, configuration }) => {
      const tokens = await withDatabase(configuration(), "node", (database) => listTokens(database, new Date()));
      output.answer(tokens, () =>
        output.table(
          ["digest", "subject", "scopes", "until", "revoked"],
          tokens.map(({ digest, subject, scopes, until, revokedAt }) => [
            digest,
            subject,
            scopes.join(", "),
            until.toISOString(),
            revokedAt?.toISOString() ?? "",
          ]),
        ),
      );
    },
  });
}

export function register(program: Command): void {
  const token = group(program, "token", "Issue, list and revoke bearer tokens.");
  define<readonly [string, readonly string[]], IssueOptions>(token, {
    name: "issue",
    summary: "Issue a token; it is shown once and cannot be read again.",
    example: `scs token issue 0x${"12".repeat(20)} own:read task:submit --days 30 --out alice.token`,
    arguments: [
      new Argument("<subject>", "whom the token acts for: an address, or a name for operators"),
      new Argument("<scopes...>", "what it may be used for").choices(Object.keys(tokenScopes)),
    ],
    options: [
      new Option("--days <days>", "how long it holds").argParser(wholeNumber(1, 3_650)).default(90),
      new Option("--out <file>", "write it into a file that only its owner can read, instead of showing it"),
    ],
    run: issue,
  });
  registerRest(token);
}
