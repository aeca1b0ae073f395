// A supergraph of some subgraphs: node compose.mjs <supergraph> <name>=<address>=<file> …
import { readFile, writeFile } from "node:fs/promises";
import { parse } from "graphql";
import { composeServices } from "@apollo/composition";

const [out, ...named] = process.argv.slice(2);
const made = composeServices(await Promise.all(named.map(async (each) => {
  const [name, url, file] = each.split("=");
  return { name, url, typeDefs: parse(await readFile(file, "utf-8")) };
})));
if (made.errors?.length) throw new Error(made.errors.map(String).join("\n"));
await writeFile(out, made.supergraphSdl);
