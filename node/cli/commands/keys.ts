// `scs keys`: make keys, show their addresses, seal them into keystores.
import { Option, type Command } from "commander";
import { existsSync } from "node:fs";
import { sealKeystore } from "#payout/keystore.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { readBytes, writeNew } from "../documents/json-document.ts";
import { provideKeyIn } from "../keys.ts";
import type { Output } from "../output.ts";
import { define, group } from "./command.ts";
import { fileArgument } from "./options.ts";
import { existingKey } from "./signing.ts";

const answerAddress = (output: Output, file: string, address: string): void =>
  output.answer({ file, address }, () => output.say(address));

function passwordIn(file: string): string {
  const password = Buffer.from(readBytes(file)).toString("utf8").trim();
  if (password !== "") return password;
  throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${file} holds no password`] });
}

export function register(program: Command): void {
  const keys = group(program, "keys", "Make keys and keystores. No command shows a private key.");
  define<readonly [string]>(keys, {
    name: "new",
    summary: "Make a key in a file that only its owner can read, and show its address.",
    example: "scs keys new alice.key",
    arguments: [fileArgument("file", "key file to make")],
    run: ({ args: [file], output }) => {
      if (existsSync(file)) throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${file} exists already`] });
      answerAddress(output, file, provideKeyIn(file).address);
    },
  });
  define<readonly [string]>(keys, {
    name: "address",
    summary: "Show the address of a key.",
    example: "scs keys address alice.key",
    arguments: [fileArgument("file", "key file")],
    run: ({ args: [file], output }) => answerAddress(output, file, existingKey(file).address),
  });
  define<readonly [string, string], { readonly passwordFile: string }>(keys, {
    name: "keystore",
    summary: "Seal a key into an encrypted keystore (Web3 Secret Storage), as the payout signer takes it.",
    example: "scs keys keystore payer.key payer.json --password-file payer.password",
    arguments: [fileArgument("key-file", "key file"), fileArgument("keystore-file", "keystore to make")],
    options: [
      new Option(
        "--password-file <file>",
        "file that holds the keystore's password; - for stdin",
      ).makeOptionMandatory(),
    ],
    run: async ({ args: [keyFile, keystoreFile], options, output }) => {
      const { address, privateKey } = existingKey(keyFile);
      const sealed = await sealKeystore(privateKey, passwordIn(options.passwordFile));
      writeNew(keystoreFile, sealed, { mode: 0o600 });
      answerAddress(output, keystoreFile, address);
    },
  });
}
