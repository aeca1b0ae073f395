// The audit suite of graphql-http against a door of a running hub: node audit.mjs <hub> <hub/pages> <path>
//
// The suite sends no credentials, and documents of its own need a client. So each of its requests
// gets a token and a proof of possession, by the pages' own code; method, address, body and
// every header of the suite go out as the suite made them.
import { readFile } from "node:fs/promises";
import { serverAudits } from "graphql-http";

const [base, pages, path] = process.argv.slice(2);
const asModule = (text) => `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`;
const known = { "/pages/words.js": asModule('export const language = "en"; export const t = (name) => name;') };
async function load(name) {
  let text = await readFile(`${pages}/${name}`, "utf-8");
  for (const [path, address] of Object.entries(known)) text = text.replaceAll(`"${path}"`, `"${address}"`);
  return (known[`/pages/${name}`] = asModule(text));
}
await load("key.js");
const { Session } = await import(await load("session.js"));
const session = new Session(base);
await session.open();

async function fetchFn(url, init = {}) {
  const proven = await session.headers(init.method ?? "GET", path);
  return fetch(url, { ...init, headers: { ...init.headers, ...proven } });
}

const results = [];
for (const audit of serverAudits({ url: `${base}${path}`, fetchFn })) {
  const { status, id, name, reason } = await audit.fn();
  results.push({ status, id, name, reason });
}
console.log(JSON.stringify(results));
