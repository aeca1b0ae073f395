// How a page without a server side of its own gets an answer from the hub: a key pair that cannot
// leave the browser, a sandbox client for it, and a token bound to the key (RFC 7523, RFC 9449).

const text = new TextEncoder();

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const part = (object) => base64url(text.encode(JSON.stringify(object)));

async function sha256(value) {
  return base64url(await crypto.subtle.digest("SHA-256", text.encode(value)));
}

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

const nonce = () => base64url(crypto.getRandomValues(new Uint8Array(18)));

class ForgottenError extends Error {}

// `base`: the origin that requests go to. Proofs and tokens name the hub's public address instead,
// which may be another name of the same hub (localhost and 127.0.0.1).
export class Session {
  #base; #key; #jwk; #kid; #token; #expires = 0; #dpopNonce;
  client = null; // null: an anonymous caller
  isOwn = false; // whether the caller brought the key, and not the sandbox made the client
  skew = 0;

  constructor(base) { this.#base = base; }

  async #find() {
    this.server = await this.#json("/.well-known/oauth-authorization-server");
    this.resource = await this.#json("/.well-known/oauth-protected-resource/graphql");
  }

  async #hold(privateKey, { kty, crv, x, y }) {
    this.#key = privateKey;
    this.#jwk = { kty, crv, x, y };
    this.#kid = await sha256(JSON.stringify({ crv, kty, x, y }));
    this.#token = undefined;
    this.#expires = 0;
  }

  // A new key, and a sandbox client for it, where this hub is a sandbox.
  async open() {
    this.client = null;
    this.isOwn = false;
    await this.#find();
    if (!globalThis.crypto?.subtle) return; // browsers make keys on https or a loopback address only
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    await this.#hold(pair.privateKey, await crypto.subtle.exportKey("jwk", pair.publicKey));
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
  async use(clientId, { privateKey, jwk }) {
    const before = [this.#key, this.#jwk, this.#kid, this.#token, this.#expires, this.client, this.isOwn];
    try {
      await this.#find();
      await this.#hold(privateKey, jwk);
      this.client = { clientId };
      this.isOwn = true;
      await this.#fetchToken();
    } catch (error) {
      [this.#key, this.#jwk, this.#kid, this.#token, this.#expires, this.client, this.isOwn] = before;
      throw error;
    }
  }

  async #json(path) {
    const answer = await fetch(this.#base + path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    const ahead = Math.round((Date.parse(answer.headers.get("Date")) - Date.now()) / 1000) || 0;
    this.skew = Math.abs(ahead) > NOTABLE_S ? ahead : 0;
    return answer.json();
  }

  #now() { return Math.floor(Date.now() / 1000) + this.skew; }

  async #sign(header, claims) {
    const signed = `${part(header)}.${part(claims)}`;
    const made = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, this.#key, text.encode(signed));
    return `${signed}.${base64url(made)}`;
  }

  async #proof(method, url, token) {
    const claims = { htm: method, htu: url, iat: this.#now(), jti: nonce() };
    if (token) claims.ath = await sha256(token);
    if (this.#dpopNonce) claims.nonce = this.#dpopNonce;
    return this.#sign({ typ: "dpop+jwt", alg: "ES256", jwk: this.#jwk }, claims);
  }

  async #fetchToken(again = true) {
    const url = this.server.token_endpoint, id = this.client.clientId, now = this.#now();
    const assertion = await this.#sign(
      { alg: "ES256", kid: this.#kid, typ: "client-authentication+jwt" },
      { iss: id, sub: id, aud: this.server.issuer, iat: now, exp: now + 120, jti: nonce() });
    const answer = await fetch(this.#base + new URL(url).pathname, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded", DPoP: await this.#proof("POST", url) },
      body: new URLSearchParams({
        grant_type: "client_credentials", resource: this.resource.resource,
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", client_assertion: assertion,
      }),
    });
    this.#dpopNonce = answer.headers.get("DPoP-Nonce") ?? this.#dpopNonce;
    const body = await answer.json();
    if (body.error === "use_dpop_nonce" && again) return this.#fetchToken(false);
    if (body.error === "invalid_client") {
      throw new ForgottenError("枢纽不认识这个客户端和密钥，或已停用 The hub does not know this client with this key, or it was ended (invalid_client)");
    }
    if (!answer.ok) throw new Error(`token: ${body.error} ${body.error_description ?? ""}`);
    this.#token = body.access_token;
    this.client.scopes = body.scope.split(" ");
    this.#expires = now + body.expires_in - 30;
  }

  // What a request to the GraphQL endpoint must carry; a proof is good for one request.
  async headers(method) {
    if (!this.client) return {};
    if (this.#now() >= this.#expires) await this.#fetchToken();
    const url = new URL("/graphql", this.server.issuer).href;
    return { Authorization: `DPoP ${this.#token}`, DPoP: await this.#proof(method, url, this.#token) };
  }

  // A token that has ended is replaced, once. A hub that has forgotten a sandbox client (its database
  // is new) is asked for another one.
  async post(query, variables, language = "zh") {
    let answer;
    try {
      answer = await this.#post(query, variables, language);
    } catch (error) {
      if (this.isOwn || !(error instanceof ForgottenError)) throw error;
    }
    if (answer && (!this.client || !answer.headers.has("WWW-Authenticate"))) return answer;
    if (this.isOwn) this.#expires = 0;
    else await this.open();
    return this.#post(query, variables, language);
  }

  async #post(query, variables, language) {
    return fetch(this.#base + "/graphql", {
      method: "POST",
      headers: {
        "Content-Type": "application/json", Accept: "application/graphql-response+json",
        "Accept-Language": language, ...(await this.headers("POST")),
      },
      body: JSON.stringify({ query, variables }),
    });
  }
}
