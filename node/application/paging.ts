// Pages of lists: where a page begins and how long it may be, the same for every list.
import { Type, type TString } from "typebox";
import type { PageRequest } from "#storage/reading.ts";
import { defaultPageRows, mostPageRows } from "./messages.ts";

/** `next` of a list that is in the order of a count. */
export const countAfter = Type.String({ pattern: "^[0-9]{1,18}$", description: "`next` of the page before." });
/** `next` of a list that is in the order of scope and epoch. */
export const epochAfter = Type.String({
  pattern: "^[a-z0-9][a-z0-9-]{0,63}/[0-9]{1,15}$",
  description: "`next` of the page before.",
});
/** `next` of a list that is in the order of scope, epoch, revision and index. */
export const itemAfter = Type.String({
  pattern: "^[a-z0-9][a-z0-9-]{0,63}/[0-9]{1,15}/[0-9]{1,9}/[0-9]{1,9}$",
  description: "`next` of the page before.",
});

/** `next` of a list that is in the order of name and kind. */
export const kindAfter = Type.String({
  pattern: "^[A-Za-z0-9_.-]{1,64}/(text|integer|decimal)$",
  description: "`next` of the page before.",
});

/** The query parameters of a list. */
export const pageQuery = (after: TString) => ({
  after: Type.Optional(after),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: mostPageRows, default: defaultPageRows })),
});

/** What a validated query asks for. */
export function pageRequest(query: { readonly after?: string; readonly limit?: number }): PageRequest {
  return { after: query.after, limit: query.limit ?? defaultPageRows };
}
