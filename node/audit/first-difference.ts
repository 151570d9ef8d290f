// The first place where two values of JSON part, named by its path, with both values.

/** The first place where a claim and its recomputation part. */
export type Difference = { readonly field: string; readonly claimed: string; readonly recomputed: string };

/** Characters of a value that are shown: a hash and a short record fit, a whole epoch does not. */
const shownCharacters = 1_000;

/** A value as people read it in a difference. */
export function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return String(value);
  const text =
    JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each)) ?? "nothing";
  return text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters)}…`;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** The paths are those of JavaScript: `rewards[2].amount`. */
const member = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

/**
 * The first difference between two values, going through the members of the recomputed one in their order, then through what only
 * the claimed one has; lists element by element, then by length. Undefined where they are equal.
 */
export function firstDifference(claimed: unknown, recomputed: unknown, path = ""): Difference | undefined {
  if (Object.is(claimed, recomputed)) return undefined;
  if (Array.isArray(claimed) && Array.isArray(recomputed)) return firstInList(claimed, recomputed, path);
  if (isObject(claimed) && isObject(recomputed) && !Array.isArray(claimed) && !Array.isArray(recomputed)) {
    return firstInRecord(claimed, recomputed, path);
  }
  return { field: path, claimed: shown(claimed), recomputed: shown(recomputed) };
}

function firstInList(
  claimed: readonly unknown[],
  recomputed: readonly unknown[],
  path: string,
): Difference | undefined {
  const both = Math.min(claimed.length, recomputed.length);
  for (let at = 0; at < both; at++) {
    const difference = firstDifference(claimed[at], recomputed[at], `${path}[${at}]`);
    if (difference !== undefined) return difference;
  }
  if (claimed.length === recomputed.length) return undefined;
  return { field: member(path, "length"), claimed: String(claimed.length), recomputed: String(recomputed.length) };
}

function firstInRecord(claimed: object, recomputed: object, path: string): Difference | undefined {
  const [claims, finds] = [new Map<string, unknown>(Object.entries(claimed)), Object.entries(recomputed)];
  for (const [name, value] of finds) {
    const difference = firstDifference(claims.get(name), value, member(path, name));
    if (difference !== undefined) return difference;
  }
  const known = new Set(finds.map(([name]) => name));
  const extra = [...claims].find(([name, value]) => !known.has(name) && value !== undefined);
  return extra && { field: member(path, extra[0]), claimed: shown(extra[1]), recomputed: "nothing" };
}
