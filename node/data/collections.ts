// Defining a collection: whose it is, what its fields stand for, and a key of its own.
import { strict as assert } from "node:assert";
import { canonicalText } from "#protocol/canonical.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { CollectionDefinition } from "#protocol/schemas/vault.ts";
import { insertCollection, lockVault, readVault } from "#storage/records.ts";
import { keyBytes, wrappingBytes, wrapVaultKey } from "./sealing.ts";
import type { VaultDeps } from "./vault-deps.ts";

/**
 * Keeps a collection's definition; the same again changes nothing. A vault has one operator, and a field is the only one for
 * its attribute: otherwise it would be a guess which one a query means.
 * @throws ProtocolError GOVERNANCE_ACT_REFUSED for another definition under the same name, another operator than the vault's,
 * or two fields for one attribute
 */
export async function defineCollection(
  { database, clock, random, masterKey }: Pick<VaultDeps, "database" | "clock" | "random" | "masterKey">,
  definition: CollectionDefinition,
): Promise<void> {
  assert(masterKey.length === keyBytes, "the master key has 32 bytes");
  const { vault, collection, operator, fields, aggregationScope } = definition;
  const refuse = (reason: string): never => {
    throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { vault, collection, reason });
  };
  const attributes = Object.values(fields);
  if (new Set(attributes).size < attributes.length) refuse("two fields stand for one attribute");
  await database.transaction(async (transaction) => {
    await lockVault(transaction, vault);
    const others = await readVault(transaction, vault);
    if (others.some((each) => each.operator !== operator)) refuse("the vault has another operator");
    const known = others.find((each) => each.collection === collection);
    if (known !== undefined) {
      const isSame =
        canonicalText(known.fields) === canonicalText(fields) && known.aggregationScope === aggregationScope;
      if (!isSame) refuse("the collection has another definition");
      return;
    }
    const vaultKey = random(keyBytes);
    const wrappedKey = wrapVaultKey(masterKey, definition, vaultKey, random(wrappingBytes));
    await insertCollection(transaction, { ...definition, wrappedKey }, clock());
  });
}
