// A client of the hub in JavaScript: Node 20 or newer and one library, oauth4webapi.
//   npm install oauth4webapi@3
//   node hub.mjs HUB CLIENT KEY.pem [SOURCE ROWS.ndjson]
// Fetches a token, asks a question; with a source it pushes rows and fetches the first one's receipt.
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import * as oauth from "oauth4webapi";

if (![3, 5].includes(process.argv.length - 2)) {
  console.error("node hub.mjs HUB CLIENT KEY.pem [SOURCE ROWS.ndjson]");
  process.exit(2);
}
const [address, clientId, keyFile, source, rowsFile] = process.argv.slice(2);
const hub = address.replace(/\/+$/, "");
const options = hub.startsWith("http://127.0.0.1") ? { [oauth.allowInsecureRequests]: true } : {};
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
function stop(why) { console.error(why); process.exit(1); }
process.on("uncaughtException", (error) => stop(error.cause?.message || error.cause?.code || error.message));

// The key: as the library wants it, and its id (RFC 7638).
const secret = createPrivateKey(await readFile(keyFile));
const { x, y } = createPublicKey(secret).export({ format: "jwk" });
const kid = sha256(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`).toString("base64url");
const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
const privateKey = await crypto.subtle.importKey("jwk", secret.export({ format: "jwk" }), ecdsa, false, ["sign"]);
const publicKey = await crypto.subtle.importKey("jwk", { kty: "EC", crv: "P-256", x, y }, ecdsa, true, []);

const issuer = new URL(hub);
const server = await oauth.processDiscoveryResponse(
  issuer, await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...options }));
const client = { client_id: clientId };
const DPoP = oauth.DPoP(client, { privateKey, publicKey });
// `resource` says what the token is for; without it the answer is invalid_target.
const askForToken = async () => oauth.processClientCredentialsResponse(server, client,
  await oauth.clientCredentialsGrantRequest(
    server, client, oauth.PrivateKeyJwt({ key: privateKey, kid }), { resource: hub }, { DPoP, ...options }));
const refused = (error) => stop(`token refused: ${error.error ?? error.code ?? error.message}`);
const token = await askForToken()
  .catch((error) => oauth.isDPoPNonceError(error) ? askForToken() : Promise.reject(error)) // the nonce is known now
  .catch(refused);
console.log(`token     ${token.scope}`);

const call = (method, path, headers, body) => oauth.protectedResourceRequest(
  token.access_token, method, new URL(path, hub), new Headers(headers), body, { DPoP, ...options });
const query = "{ instruments(first: 1) { totalCount nodes { name { zh } } sources { id status asOf } } }";
const told = await (await call("POST", "/graphql", { "content-type": "application/json" }, JSON.stringify({ query }))).json();
if (told.errors) stop(`question refused: ${JSON.stringify(told.errors)}`);
const { totalCount, nodes } = told.data.instruments;
console.log(`question  ${totalCount} instruments, the first: ${nodes[0]?.name.zh ?? "-"}`);
if (!source) process.exit(0);

// A signed push (RFC 9421, RFC 9530): the library makes token and proof, the signature goes over both.
async function signed(url, { headers, ...rest }) {
  const sent = new Headers(headers);
  const names = ["content-digest", "content-type", "authorization", "dpop", "idempotency-key"];
  const values = [["@method", "POST"], ["@target-uri", String(url)], ...names.map((name) => [name, sent.get(name)])];
  const now = Math.floor(Date.now() / 1000);
  const params = `(${values.map(([name]) => `"${name}"`).join(" ")});created=${now};expires=${now + 300}`
    + `;nonce="${randomBytes(24).toString("base64url")}";keyid="${kid}";alg="ecdsa-p256-sha256";tag="hub-req-1"`;
  const base = [...values, ["@signature-params", params]].map(([name, value]) => `"${name}": ${value}`).join("\n");
  sent.set("signature-input", `hub=${params}`);
  const raw = sign("sha256", Buffer.from(base), { key: secret, dsaEncoding: "ieee-p1363" }); // r and s, 64 bytes
  sent.set("signature", `hub=:${raw.toString("base64")}:`);
  return fetch(url, { ...rest, headers: sent });
}
const rows = await readFile(rowsFile);
const pushed = await oauth.protectedResourceRequest(
  token.access_token, "POST", new URL(`/batches?source=${encodeURIComponent(source)}`, hub),
  new Headers({
    "content-type": "application/x-ndjson",
    "content-digest": `sha-256=:${sha256(rows).toString("base64")}:`,
    "idempotency-key": randomBytes(18).toString("base64url"),
  }),
  rows, { DPoP, ...options, [oauth.customFetch]: signed });
if (!pushed.ok) stop(`push refused: ${await pushed.text()}`);
const outcome = await pushed.json();
for (const row of outcome.rows) {
  console.log(`push      row ${row.row} ${row.outcome} ${row.entryId ?? ""} ${JSON.stringify(row.problems ?? "")}`);
}
const entry = outcome.rows.find((row) => row.entryId)?.entryId ?? stop("nothing was taken");

// The log signs about once a second: 202 until then.
async function get(path) {
  for (let i = 0; i < 30; i++) {
    const answer = await call("GET", path, {});
    if (answer.status === 200) return Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 202) stop(`${path}: ${await answer.text()}`);
    await new Promise((done) => setTimeout(done, 500));
  }
  return stop(`${path}: not signed yet`);
}
await writeFile(`${entry}.tlog-proof`, await get(`/receipts/${entry}`));
await writeFile(`${entry}.record.json`, await get(`/records/${entry}`));
console.log(`receipt   ${entry}.tlog-proof ${entry}.record.json`);
