// Apollo Gateway before a supergraph: node apollo.mjs <supergraph> <port> [<milliseconds that a subgraph may take>]
//
// Its documented settings for production, and Node's own fetch, which keeps connections.
import { readFile } from "node:fs/promises";
import { ApolloGateway, RemoteGraphQLDataSource } from "@apollo/gateway";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";

const [file, port, limit] = process.argv.slice(2);
const fetcher = limit
  ? (url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(Number(limit)) })
  : (url, init) => fetch(url, init);
const gateway = new ApolloGateway({
  supergraphSdl: await readFile(file, "utf-8"),
  buildService: ({ url }) => new RemoteGraphQLDataSource({ url, fetcher }),
});
const server = new ApolloServer({ gateway, introspection: false, includeStacktraceInErrorResponses: false });
await startStandaloneServer(server, { listen: { host: "127.0.0.1", port: Number(port) } });
