// How a page without a server side of its own gets an answer from the hub: a key that signs, a token
// bound to the key (RFC 7523, RFC 9449), requests signed by it (RFC 9421). What each must look like is
// said in docs/standard/hub-sig-1.md. The hub's signature below its answers is not checked here: page
// and answer come over the same connection from the same host, and who forged one would forge both.
import { keyId, newPair } from "/pages/key.js";
import { language, t } from "/pages/words.js";

const utf8 = new TextEncoder();
const LIFETIME_S = 120; // of an assertion
const SIGNED_S = 240; // of a signed request
const base64 = (bytes) => {
  let letters = "";
  for (const byte of new Uint8Array(bytes)) letters += String.fromCharCode(byte);
  return btoa(letters);
};
export const base64url = (bytes) => base64(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
export const nonce = () => base64url(crypto.getRandomValues(new Uint8Array(18)));
const digestOf = (bytes) => crypto.subtle.digest("SHA-256", bytes);
const part = (object) => base64url(utf8.encode(JSON.stringify(object)));

// What the hub says of a refusal (RFC 9457), or nothing.
async function inWords(answer) {
  try {
    const { code, title, detail, hint } = await answer.json();
    return [code, title, detail ?? hint].filter(Boolean).join(" ");
  } catch {
    return "";
  }
}

// A Date header has whole seconds and a way behind it: less than this is no difference of clocks.
const NOTABLE_S = 5;

class ForgottenError extends Error {}

// `base`: the origin that requests go to. Proofs and tokens name the hub's public address instead,
// which may be another name of the same hub (localhost and 127.0.0.1). `resource`: the path for
// which tokens are good; empty for all of the hub.
export class Session {
  #base; #resource; #key; #jwk; #kid; #token; #expires = 0; #dpopNonce;
  client = null; // null: an anonymous caller
  isOwn = false; // whether the caller brought the key, and not the sandbox made the client
  skew = 0;

  constructor(base, resource = "") { [this.#base, this.#resource] = [base, resource]; }

  async find() {
    this.server = await this.#json("/.well-known/oauth-authorization-server");
    this.resource = await this.#json(`/.well-known/oauth-protected-resource${this.#resource}`);
  }

  async #hold({ privateKey, jwk }) {
    [this.#key, this.#jwk, this.#kid] = [privateKey, jwk, await keyId(jwk)];
    [this.#token, this.#expires] = [undefined, 0];
  }

  // A new key, and a sandbox client for it, where this hub is a sandbox.
  async open() {
    this.client = null;
    this.isOwn = false;
    await this.find();
    if (!globalThis.crypto?.subtle) return; // browsers make keys on https or a loopback address only
    await this.#hold(await newPair());
    // The proof shows that the key is ours; the hub registers the key that made it.
    const url = new URL("/sandbox/clients", this.server.issuer).href;
    const made = await fetch(this.#base + "/sandbox/clients", {
      method: "POST",
      headers: { "Content-Type": "application/json", DPoP: await this.#proof("POST", url) },
      body: JSON.stringify({ name: "explorer" }),
    });
    if (made.status === 404) return; // no sandbox here: what anonymous callers may ask is left
    if (!made.ok) throw new Error(`/sandbox/clients: HTTP ${made.status} ${await inWords(made)}`);
    this.#dpopNonce = made.headers.get("DPoP-Nonce") ?? undefined;
    this.client = await made.json();
  }

  // A registered client with its own key; fetches a token, so that a wrong one is told at once.
  async use(clientId, pair) {
    const before = [this.#key, this.#jwk, this.#kid, this.#token, this.#expires, this.client, this.isOwn];
    try {
      await this.find();
      await this.#hold(pair);
      this.client = { clientId };
      this.isOwn = true;
      await this.#fetchToken();
    } catch (error) {
      [this.#key, this.#jwk, this.#kid, this.#token, this.#expires, this.client, this.isOwn] = before;
      throw error;
    }
  }

  // Asks the operator to register a new client: what the hub said of the request.
  async apply(pair, { clientId, name, scopes, sources }) {
    await this.find();
    await this.#hold(pair);
    const proof = await this.#assertion(clientId);
    const document = { version: "hub-registration-1", clientId, name, jwk: this.#jwk, kid: this.#kid, scopes, sources, proof };
    return fetch(this.#base + "/clients", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept-Language": language },
      body: JSON.stringify(document),
    });
  }

  async #json(path) {
    const answer = await fetch(this.#base + path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    const ahead = Math.round((Date.parse(answer.headers.get("Date")) - Date.now()) / 1000) || 0;
    this.skew = Math.abs(ahead) > NOTABLE_S ? ahead : 0;
    return answer.json();
  }

  #now() { return Math.floor(Date.now() / 1000) + this.skew; }

  #signature(bytes) { return crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, this.#key, bytes); }

  async #jws(header, claims) {
    const signed = `${part(header)}.${part(claims)}`;
    return `${signed}.${base64url(await this.#signature(utf8.encode(signed)))}`;
  }

  async #proof(method, url, token) {
    const claims = { htm: method, htu: url.split(/[?#]/, 1)[0], iat: this.#now(), jti: nonce() };
    if (token) claims.ath = base64url(await digestOf(utf8.encode(token)));
    else if (this.#dpopNonce) claims.nonce = this.#dpopNonce;
    return this.#jws({ typ: "dpop+jwt", alg: "ES256", jwk: this.#jwk }, claims);
  }

  #assertion(id) {
    const now = this.#now();
    return this.#jws(
      { alg: "ES256", kid: this.#kid, typ: "client-authentication+jwt" },
      { iss: id, sub: id, aud: this.server.issuer, iat: now, exp: now + LIFETIME_S, jti: nonce() });
  }

  async #fetchToken(again = true) {
    const url = this.server.token_endpoint, now = this.#now();
    const answer = await fetch(this.#base + new URL(url).pathname, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded", DPoP: await this.#proof("POST", url) },
      body: new URLSearchParams({
        grant_type: "client_credentials", resource: this.resource.resource,
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: await this.#assertion(this.client.clientId),
      }),
    });
    this.#dpopNonce = answer.headers.get("DPoP-Nonce") ?? this.#dpopNonce;
    const body = await answer.json().catch(() => ({ error: `HTTP ${answer.status}` })); // a proxy's page
    if (body.error === "use_dpop_nonce" && again) return this.#fetchToken(false);
    if (body.error === "invalid_client") throw new ForgottenError(t("access.unknown"));
    if (!answer.ok) throw new Error(`token: ${body.error} ${body.error_description ?? ""}`);
    this.#token = body.access_token;
    this.client.scopes = body.scope.split(" ");
    this.#expires = now + body.expires_in - 30;
  }

  // What shows who asks; a proof is good for one request.
  async headers(method, path) {
    if (!this.client) return {};
    if (this.#now() >= this.#expires) await this.#fetchToken();
    const url = new URL(path, this.server.issuer).href;
    return { authorization: `DPoP ${this.#token}`, dpop: await this.#proof(method, url, this.#token) };
  }

  // A request of this client. `query`: parameters of the address. `signed`: over `body`, as section 4
  // of hub-sig-1 says; it then needs `idempotencyKey` where it writes.
  async request(method, path, { query = {}, body, type, accept, idempotencyKey, signed = false } = {}) {
    const asked = new URLSearchParams(query).toString();
    const target = asked ? `${path}?${asked}` : path;
    const bytes = typeof body === "string" ? utf8.encode(body) : body;
    const send = async () => {
      const authorised = await this.headers(method, path);
      const headers = signed
        ? await this.#signed(method, target, { authorised, bytes: bytes ?? new Uint8Array(), type, idempotencyKey })
        : { ...authorised, ...(type && { "content-type": type }) };
      return fetch(this.#base + target, { method, headers: { ...headers, ...(accept && { accept }), "accept-language": language }, body: bytes });
    };
    const answer = await send();
    const isEnded = this.client && answer.status === 401 && answer.headers.has("WWW-Authenticate");
    if (!isEnded) return answer;
    this.#expires = 0; // a token that has ended is replaced, once
    return send();
  }

  async #signed(method, target, { authorised, bytes, type, idempotencyKey }) {
    const headers = {
      "content-digest": `sha-256=:${base64(await digestOf(bytes))}:`,
      ...(type && { "content-type": type }), ...authorised,
      ...(idempotencyKey && { "idempotency-key": idempotencyKey }),
    };
    const values = { "@method": method, "@target-uri": new URL(target, this.server.issuer).href, ...headers };
    const covered = Object.keys(values).map((name) => `"${name}"`).join(" ");
    const now = this.#now();
    const params = `(${covered});created=${now};expires=${now + SIGNED_S};nonce="${nonce()}"`
      + `;keyid="${this.#kid}";alg="ecdsa-p256-sha256";tag="hub-req-1"`;
    const lines = Object.entries(values).map(([name, value]) => `"${name}": ${value}`);
    const signed = [...lines, `"@signature-params": ${params}`].join("\n");
    const signature = base64(await this.#signature(utf8.encode(signed)));
    return { ...headers, "signature-input": `hub=${params}`, signature: `hub=:${signature}:` };
  }

  // A question. A hub that has forgotten a sandbox client (its database is new) is asked for another.
  async post(query, variables) {
    const asked = {
      body: JSON.stringify({ query, variables }), type: "application/json",
      accept: "application/graphql-response+json",
    };
    try {
      const answer = await this.request("POST", "/graphql", asked);
      if (this.isOwn || !this.client || !answer.headers.has("WWW-Authenticate")) return answer;
    } catch (error) {
      if (this.isOwn || !(error instanceof ForgottenError)) throw error;
    }
    await this.open();
    return this.request("POST", "/graphql", asked);
  }
}
