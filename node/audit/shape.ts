// The shape of what no id commits to: nothing is in an archive but what the published schemas name.
import { Disproof, same } from "./disproof.ts";

/** An object has exactly these members; they come in their canonical order. */
export function members(place: string, value: object, names: readonly string[]): void {
  same(`${place} has`, Object.keys(value), names);
}

/** An account, in lower case. */
export function account(place: string, value: unknown): void {
  if (typeof value !== "string" || !/^0x[0-9a-f]{40}$/.test(value)) throw new Disproof(place, value, "an account");
}

/** A whole number that is not below zero. */
export function count(place: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw new Disproof(place, value, "a whole number from 0");
}
