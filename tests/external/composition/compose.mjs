// Both compositions of some subgraphs: node compose.mjs <folder> <name>=<address>=<file> …
// Says as JSON what each found wrong, and writes each supergraph into the folder, as <composition>.graphql.
import { readFile, writeFile } from "node:fs/promises";
import { parse } from "graphql";
import { composeServices as apollo } from "@apollo/composition";
import { composeServices as guild } from "@theguild/federation-composition";

const [folder, ...named] = process.argv.slice(2);
const services = await Promise.all(named.map(async (each) => {
  const [name, url, file] = each.split("=");
  return { name, url, typeDefs: parse(await readFile(file, "utf-8")) };
}));
const found = {};
for (const [name, compose] of Object.entries({ apollo, guild })) {
  const made = compose(services);
  found[name] = {
    errors: (made.errors ?? []).map((error) => `${error.extensions?.code}: ${error.message}`),
    hints: (made.hints ?? []).map((hint) => hint.definition?.code ?? hint.code ?? String(hint)),
  };
  if (made.supergraphSdl) await writeFile(`${folder}/${name}.graphql`, made.supergraphSdl);
}
console.log(JSON.stringify(found));
