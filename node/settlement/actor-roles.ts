// Who had which role when: a lookup over every change of roles.
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { RoleChange } from "#storage/settlement-items.ts";

/** Whether an account had a role at a time, by the changes of roles, each account's and role's in order. */
export function roleLookup(changes: readonly RoleChange[]): (account: Hex, role: string, at: Date) => boolean {
  const byHolder = new Map<string, RoleChange[]>();
  for (const change of changes) {
    const key = `${change.role}/${change.account}`;
    const earlier = byHolder.get(key);
    if (earlier) earlier.push(change);
    else byHolder.set(key, [change]);
  }
  return (account, role, at) => {
    const last = byHolder.get(`${role}/${account}`)?.findLast((change) => change.at.getTime() <= at.getTime());
    return last?.held ?? false;
  };
}
