// oauth4webapi, a certified client library that nobody here wrote, against a running hub:
//   node client.mjs <hub> <client id> <key file, PKCS #8 PEM> <key id>
// Each step is what a partner's program does; what came out is printed as JSON for the test.
import { readFile } from "node:fs/promises";
import { createPrivateKey } from "node:crypto";
import * as oauth from "oauth4webapi";

const [base, clientId, file, kid] = process.argv.slice(2);
const insecure = { [oauth.allowInsecureRequests]: true }; // the hub of the test is on the loopback
const pem = createPrivateKey(await readFile(file));
const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
const pkcs8 = pem.export({ type: "pkcs8", format: "der" });
const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, ecdsa, false, ["sign"]);

const issuer = new URL(base);
const as = await oauth.processDiscoveryResponse(
  issuer, await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure }));
const client = { client_id: clientId };
const auth = oauth.PrivateKeyJwt({ key: privateKey, kid });
const proofKeys = await oauth.generateKeyPair("ES256");
const DPoP = oauth.DPoP(client, proofKeys);

// Ask again once with the nonce that the hub wants, as RFC 9449 section 8 says.
async function withNonce(ask) {
  try {
    return await ask();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return ask();
  }
}

const told = { wanted: as.grant_types_supported };
const parameters = { resource: base, scope: "catalogue:read" };
const token = await withNonce(async () => oauth.processClientCredentialsResponse(as, client,
  await oauth.clientCredentialsGrantRequest(as, client, auth, parameters, { DPoP, ...insecure })));
told.token = { type: token.token_type, scope: token.scope, seconds: token.expires_in };

const resource = new URL(base);
told.resource = await oauth.processResourceDiscoveryResponse(
  resource, await oauth.resourceDiscoveryRequest(resource, insecure));

const self = new URL("/clients/self", base);
const call = () => oauth.protectedResourceRequest(
  token.access_token, "GET", self, undefined, undefined, { DPoP, ...insecure });
told.self = (await (await call()).json()).clientId;

// The library as a resource server of its own: it verifies the hub's token and a proof.
const headers = new Headers();
const proof = oauth.DPoP(client, proofKeys);
let seen;
await oauth.protectedResourceRequest(token.access_token, "GET", self, headers, undefined, {
  DPoP: proof, ...insecure,
  [oauth.customFetch]: async (url, init) => { seen = new Request(url, init); return fetch(url, init); },
});
const claims = await oauth.validateJwtAccessToken(as, seen, base, insecure);
told.claims = { sub: claims.sub, bound: claims.cnf.jkt.length };

const introspect = async () => oauth.processIntrospectionResponse(as, client,
  await oauth.introspectionRequest(as, client, auth, token.access_token, insecure));
const before = await introspect();
told.active = [before.active, before.client_id];

await new Promise((done) => setTimeout(done, 1100)); // epochs and tokens differ by the second
await oauth.processRevocationResponse(
  await oauth.revocationRequest(as, client, auth, token.access_token, insecure));
told.active.push((await introspect()).active);
try {
  told.after = (await call()).status;
} catch (error) { // the library turns a challenge into an error of its own
  told.after = error.cause?.[0]?.parameters?.error ?? error.code;
}
console.log(JSON.stringify(told));
