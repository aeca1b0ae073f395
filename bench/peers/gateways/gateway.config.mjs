// Hive Gateway as its pages on performance and production say: one worker, as every contestant has one core;
// parsed and validated documents and plans are kept by default. What a subgraph may take and how long answers
// are kept are settings of a run.
import { defineConfig } from "@graphql-hive/gateway";

const limit = Number(process.env.SUBGRAPH_MS ?? 0);
const kept = Number(process.env.ANSWERS_KEPT_MS ?? 0);
export const gatewayConfig = defineConfig({
  logging: "error",
  fork: 1,
  landingPage: false,
  graphiql: false,
  ...(limit ? { upstreamTimeout: limit } : {}),
  ...(kept ? { responseCaching: { session: () => null, ttl: kept } } : {}),
});
