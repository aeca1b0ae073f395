// The audit suite of graphql-http against a running hub: node audit.mjs <hub> <access.js>
//
// The suite sends no credentials, and documents of its own need a client. So each of its requests
// gets a token and a proof of possession, by the explorer's own code; method, address, body and
// every header of the suite go out as the suite made them.
import { readFile } from "node:fs/promises";
import { serverAudits } from "graphql-http";

const [base, access] = process.argv.slice(2);
const source = await readFile(access, "base64");
const { Session } = await import(`data:text/javascript;base64,${source}`);
const session = new Session(base);
await session.open();

async function fetchFn(url, init = {}) {
  const proven = await session.headers(init.method ?? "GET");
  return fetch(url, { ...init, headers: { ...init.headers, ...proven } });
}

const results = [];
for (const audit of serverAudits({ url: `${base}/graphql`, fetchFn })) {
  const { status, id, name, reason } = await audit.fn();
  results.push({ status, id, name, reason });
}
console.log(JSON.stringify(results));
