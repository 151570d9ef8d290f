// Consent: keeping grants that their collection's operator signed, and taking them back.
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { grantDigest, grantIdOf } from "#protocol/messages.ts";
import type { Grant, GrantReceipt } from "#protocol/schemas/vault.ts";
import { recover } from "#protocol/signature.ts";
import { insertGrant, insertRevocation, readLiveGrants } from "#storage/grants.ts";
import { readGrant } from "#storage/reading.ts";
import { readHeads } from "#storage/records.ts";
import type { VaultDeps } from "./vault-deps.ts";

type GrantDeps = Pick<VaultDeps, "database" | "clock" | "domain">;

/**
 * Keeps a grant (LAYR-11); the same again changes nothing.
 * @param signature null where the operator was recognized by a token.
 * @throws ProtocolError SCHEMA_NOT_FOUND for an unknown collection, AUTH_SIGNATURE_INVALID when the signature is not its
 * operator's, AUTH_REPLAYED for a grant that was taken back
 */
export async function giveGrant(deps: GrantDeps, grant: Grant, signature: Hex | null): Promise<GrantReceipt> {
  const { vault, collection } = grant;
  const grantId = grantIdOf(grant);
  return await deps.database.transaction(async (transaction) => {
    const [head] = await readHeads(transaction, [{ vault, collection }]);
    if (head === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND", { vault, collection });
    if (signature !== null && recover(grantDigest(deps.domain, grant), signature) !== head.operator) {
      throw new ProtocolError("AUTH_SIGNATURE_INVALID", { operator: head.operator });
    }
    if (await insertGrant(transaction, grant, signature, deps.clock())) return { grantId };
    const live = await readLiveGrants(transaction, [grantId]);
    if (!live.has(grantId)) throw new ProtocolError("AUTH_REPLAYED", { grantId });
    return { grantId };
  });
}

/**
 * Takes a grant back for good: no plaintext is given under it from now on, also not to tasks that are on their way. Again
 * changes nothing.
 * @throws ProtocolError SCHEMA_NOT_FOUND for an unknown grant
 */
export async function revokeGrant({ database, clock }: GrantDeps, grantId: Hex): Promise<void> {
  await database.transaction(async (transaction) => {
    if ((await readGrant(transaction, grantId)) === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND", { grantId });
    await insertRevocation(transaction, grantId, clock());
  });
}
