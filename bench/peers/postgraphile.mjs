// PostGraphile 5 on the hub's own tables: Amber preset, connection filter, virtual keys by smart
// tags (the tables have no foreign keys), simple lists where no page is asked for. With JWT_SECRET
// its own token check is on (preset lazy-jwt), which also hands the claims to PostgreSQL.
//
// Environment: PGHOST PGPORT PGUSER PGDATABASE, PORT, POOL, JWT_SECRET.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PgLazyJWTPreset } from "postgraphile/presets/lazy-jwt";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { jsonPgSmartTags } from "postgraphile/utils";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";
import pg from "pg";

const jwt = process.env.JWT_SECRET;
const pool = new pg.Pool({ max: Number(process.env.POOL) });
const child = (fields) => [
  `(instrument_key) references public.instrument (key)|@foreignFieldName ${fields}Connection` +
    `|@foreignSimpleFieldName ${fields}`,
];
const tags = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      "public.institution": { tags: { unique: "key" } },
      "public.instrument": {
        tags: {
          unique: "key",
          foreignKey: "(institution_key) references public.institution (key)|@fieldName institution",
        },
      },
      "public.instrument_listing": {
        tags: {
          foreignKey: "(item_id) references public.instrument (item_id)|@fieldName instrument",
        },
      },
      "public.service_offer_source": { tags: { simpleCollections: "both", foreignKey: child("offers") } },
      "public.occupancy_source": {
        tags: { simpleCollections: "both", foreignKey: child("occupancies") },
      },
    },
  },
});

const preset = {
  extends: [
    PostGraphileAmberPreset,
    PostGraphileConnectionFilterPreset,
    ...(jwt ? [PgLazyJWTPreset] : []),
  ],
  plugins: [tags],
  disablePlugins: ["PgIndexBehaviorsPlugin"], // it hides columns without an index of their own
  pgServices: [makePgService({ pool, schemas: ["public"] })],
  schema: {
    ...(jwt ? { pgJwtSecret: jwt } : {}),
    defaultBehavior: "-insert -update -delete +list",
    connectionFilterArrays: true,
  },
  grafast: { explain: false },
  grafserv: { graphiql: false, watch: false, websockets: false, graphqlPath: "/graphql" },
};

const server = createServer();
const made = postgraphile(preset);
const serv = made.createServ(grafserv);
await serv.addTo(server);
if (process.env.PRINT_SCHEMA) {
  const { printSchema } = await import("postgraphile/graphql");
  console.log(printSchema(await made.getSchema()));
}
server.keepAliveTimeout = 30_000;
server.listen(Number(process.env.PORT), "127.0.0.1", () => console.error("ready"));
process.on("SIGTERM", () => process.exit(0));
