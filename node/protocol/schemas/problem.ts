// The one shape of every error answer: RFC 9457 application/problem+json with a stable code.
import { Type, type Static } from "typebox";
import { closed } from "./primitives.ts";

export const Problem = closed(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String(),
    retry: Type.Boolean(),
    remedy: Type.String(),
    requestId: Type.String(),
    detail: Type.Record(Type.String(), Type.Unknown()),
    errors: Type.Optional(Type.Array(closed({ path: Type.String(), message: Type.String() }))),
  },
  { $id: "problem" },
);

export type Problem = Static<typeof Problem>;
