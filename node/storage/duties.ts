// Single writers: a named duty is one process's at a time, and whoever lost it can no longer write.
import { ProtocolError } from "#protocol/errors.ts";
import type { Queryable } from "./database.ts";

/** Where duties are kept: the node's own, or the signer's, whose role writes nowhere else. */
export type DutySchema = "work" | "payout";

/** A duty in somebody's hands. The fence grows each time it goes to another holder. */
export type Duty = {
  readonly schema: DutySchema;
  readonly name: string;
  readonly holder: string;
  readonly fence: bigint;
};

const acquireText = (schema: DutySchema): string => `INSERT INTO ${schema}.duty (duty, holder, held_until, fence)
  VALUES ($1, $2, $3, 1)
  ON CONFLICT (duty) DO UPDATE SET holder = $2, held_until = $3,
    fence = duty.fence + CASE WHEN duty.holder = $2 AND duty.held_until > $4 THEN 0 ELSE 1 END
  WHERE duty.holder = $2 OR duty.held_until <= $4
  RETURNING fence`;

/**
 * Takes a duty, or prolongs it for who has it; undefined while another holder's time runs. A holder names one process, never
 * two. Time decides only who may try: what keeps two apart is the fence, see {@link requireDuty}.
 */
export async function acquireDuty(
  database: Queryable,
  request: {
    readonly schema: DutySchema;
    readonly name: string;
    readonly holder: string;
    readonly seconds: number;
    readonly now: Date;
  },
): Promise<Duty | undefined> {
  const { schema, name, holder, seconds, now } = request;
  const until = new Date(now.getTime() + seconds * 1000);
  const { rows } = await database.query<{ fence: bigint }>(
    { name: `acquire-duty-${schema}`, text: acquireText(schema) },
    [name, holder, until, now],
  );
  const fence = rows[0]?.fence;
  return fence === undefined ? undefined : { schema, name, holder, fence };
}

/**
 * Makes the open transaction depend on a duty: nobody else can take it before the transaction ends (LAYR-05). Every
 * transaction that writes under a duty begins with this.
 * @throws ProtocolError INTERNAL_LEASE_LOST when somebody else holds it, or held it in between
 */
export async function requireDuty(transaction: Queryable, duty: Duty): Promise<void> {
  const { schema, name, holder, fence } = duty;
  const { rowCount } = await transaction.query(
    {
      name: `require-duty-${schema}`,
      text: `SELECT 1 FROM ${schema}.duty WHERE duty = $1 AND holder = $2 AND fence = $3 FOR SHARE`,
    },
    [name, holder, fence],
  );
  if (rowCount !== 1) throw new ProtocolError("INTERNAL_LEASE_LOST", { duty: name, holder });
}

/** Gives every duty of a holder back before its time, so that another process need not wait. What it lost stays lost. */
export async function releaseDuties(
  database: Queryable,
  { schema, holder, now }: Pick<Duty, "schema" | "holder"> & { readonly now: Date },
): Promise<void> {
  await database.query(`UPDATE ${schema}.duty SET held_until = $2 WHERE holder = $1 AND held_until > $2`, [
    holder,
    now,
  ]);
}
