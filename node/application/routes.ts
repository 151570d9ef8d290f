// The whole REST surface: every operation, and the document that describes them.
import { Type } from "typebox";
import { openApiDocument } from "./openapi.ts";
import { route, type Route } from "./route.ts";
import { actorRoutes } from "./routes/actors.ts";
import { challengeRoutes } from "./routes/challenges.ts";
import { documentRoutes } from "./routes/documents.ts";
import { explanationRoutes } from "./routes/explanations.ts";
import { governanceRoutes } from "./routes/governance.ts";
import { localAttributeRoutes } from "./routes/local-attributes.ts";
import { settlementRoutes } from "./routes/settlements.ts";
import { taskRoutes } from "./routes/tasks.ts";
import { vaultRoutes } from "./routes/vaults.ts";

const description: Route = route({
  method: "GET",
  path: "/openapi.json",
  operationId: "getOpenApi",
  tag: "documents",
  summary: "Read this document",
  description: "The OpenAPI 3.1 description of this surface. Public.",
  access: { kind: "public" },
  successes: { 200: { description: "The document.", schema: Type.Unknown() } },
  refusals: [],
  handle: () => Promise.resolve({ status: 200, body: document }),
});

/** Every operation, in the order of the document. */
export const routes: readonly Route[] = [
  ...taskRoutes,
  ...vaultRoutes,
  ...actorRoutes,
  ...settlementRoutes,
  ...explanationRoutes,
  ...challengeRoutes,
  ...localAttributeRoutes,
  ...governanceRoutes,
  ...documentRoutes,
  description,
];

/** What `GET /openapi.json` answers. */
export const document = openApiDocument(routes);
