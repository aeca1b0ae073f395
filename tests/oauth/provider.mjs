// A person signs in at an institution's OpenID provider (oidc-provider, a certified one) and asks the
// hub with what comes out:  node provider.mjs <hub> <port of the provider> <audience>
// The browser's side is oauth4webapi: code flow with PKCE, `nonce` = thumbprint of the browser's key.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";
import * as oauth from "oauth4webapi";

const [base, port, audience] = process.argv.slice(2);
const home = `http://127.0.0.1:${port}`;
const callback = "https://portal.example/callback";
const groups = { chen: ["instrument-office"], li: ["students"] };
const provider = new Provider(home, {
  clients: [{
    client_id: audience, redirect_uris: [callback], response_types: ["code"],
    grant_types: ["authorization_code"], token_endpoint_auth_method: "none",
    id_token_signed_response_alg: "RS256",
  }],
  claims: { openid: ["sub", "groups"] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/sign-in/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, groups: groups[id] }) }),
  loadExistingGrant: async (context) => {
    const grant = new context.oidc.provider.Grant(
      { clientId: audience, accountId: context.oidc.session.accountId });
    grant.addOIDCScope("openid");
    await grant.save();
    return grant;
  },
});
let person;
const handler = provider.callback();
const server = createServer(async (request, response) => {
  if (!request.url.startsWith("/sign-in/")) return handler(request, response);
  await provider.interactionFinished(request, response, { login: { accountId: person } });
});
await new Promise((done) => server.listen(Number(port), "127.0.0.1", done));

const insecure = { [oauth.allowInsecureRequests]: true };
async function discovered(address, algorithm) {
  const url = new URL(address);
  return oauth.processDiscoveryResponse(
    url, await oauth.discoveryRequest(url, { algorithm, ...insecure }));
}

// What a browser does: follow redirects with cookies, until the portal is reached.
async function follow(url) {
  const jar = new Map();
  for (let step = 0; step < 12; step++) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [name, ...rest] = line.split(";")[0].split("=");
      jar.set(name, rest.join("="));
    }
    const next = answer.headers.get("location");
    if (!next) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
    url = new URL(next, url);
    if (url.href.startsWith(callback)) return url;
  }
  throw new Error("no end of redirects");
}

async function thumbprint(key) {
  const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", key);
  const bytes = new TextEncoder().encode(JSON.stringify({ crv, kty, x, y }));
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("base64url");
}

async function signIn(who, keys) {
  person = who;
  const as = await discovered(home, "oidc");
  const client = { client_id: audience };
  const verifier = oauth.generateRandomCodeVerifier();
  const nonce = await thumbprint(keys.publicKey);
  const url = new URL(as.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: audience, redirect_uri: callback, response_type: "code", scope: "openid", nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
  });
  const parameters = oauth.validateAuthResponse(as, client, await follow(url));
  const answer = await oauth.authorizationCodeGrantRequest(
    as, client, oauth.None(), parameters, callback, verifier, insecure);
  const result = await oauth.processAuthorizationCodeResponse(
    as, client, answer, { expectedNonce: nonce, requireIdToken: true });
  return result.id_token;
}

async function exchange(idToken, keys, more = {}) {
  const as = await discovered(base, "oauth2");
  const client = { client_id: audience };
  const DPoP = oauth.DPoP(client, keys);
  const ask = async () => oauth.processGenericTokenEndpointResponse(as, client,
    await oauth.genericTokenEndpointRequest(as, client, oauth.None(),
      "urn:ietf:params:oauth:grant-type:jwt-bearer",
      { assertion: idToken, resource: base, ...more }, { DPoP, ...insecure }));
  try {
    try {
      return { token: await ask(), DPoP };
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      return { token: await ask(), DPoP };
    }
  } catch (error) {
    return { error: error.error ?? error.code ?? String(error) };
  }
}

const told = {};
for (const who of ["chen", "li"]) {
  const keys = await oauth.generateKeyPair("ES256");
  const idToken = await signIn(who, keys);
  const { token, DPoP, error } = await exchange(idToken, keys);
  if (error) throw new Error(error);
  const claims = JSON.parse(Buffer.from(token.access_token.split(".")[1], "base64url"));
  const answer = await oauth.protectedResourceRequest(token.access_token, "GET",
    new URL("/clients/self", base), undefined, undefined, { DPoP, ...insecure });
  told[who] = { claims, scope: token.scope, status: answer.status };
  told[who].stolen = (await exchange(idToken, await oauth.generateKeyPair("ES256"))).error;
  told[who].wider = (await exchange(idToken, keys, { scope: "records:push" })).error;
  const [head, body, signature] = idToken.split(".");
  const changed = Buffer.from(JSON.stringify({
    ...JSON.parse(Buffer.from(body, "base64url")), groups: ["instrument-office"], sub: "x",
  })).toString("base64url");
  told[who].forged = (await exchange(`${head}.${changed}.${signature}`, keys)).error;
}
console.log(JSON.stringify(told));
server.closeAllConnections();
server.close();
