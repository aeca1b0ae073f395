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

const nonce = () => base64url(crypto.getRandomValues(new Uint8Array(18)));

export class Session {
  #key; #jwk; #kid; #token; #expires = 0; #dpopNonce;
  skew = 0;

  async open() {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    this.#key = pair.privateKey;
    this.#jwk = { kty, crv, x, y };
    this.#kid = await sha256(JSON.stringify({ crv, kty, x, y }));
    this.server = await this.#json("/.well-known/oauth-authorization-server");
    this.resource = await this.#json("/.well-known/oauth-protected-resource/graphql");
    const made = await fetch("/sandbox/clients", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: "explorer", jwk: this.#jwk }),
    });
    if (!made.ok) throw new Error(`/sandbox/clients: ${made.status} ${await made.text()}`);
    this.client = await made.json();
  }

  async #json(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    this.skew = Math.round((Date.parse(answer.headers.get("Date")) - Date.now()) / 1000) || 0;
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

  async #fetchToken() {
    const url = this.server.token_endpoint, id = this.client.clientId, now = this.#now();
    const assertion = await this.#sign(
      { alg: "ES256", kid: this.#kid, typ: "client-authentication+jwt" },
      { iss: id, sub: id, aud: this.server.issuer, iat: now, exp: now + 120, jti: nonce() });
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded", DPoP: await this.#proof("POST", url) },
      body: new URLSearchParams({
        grant_type: "client_credentials", resource: this.resource.resource, scope: this.client.scopes.join(" "),
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", client_assertion: assertion,
      }),
    });
    this.#dpopNonce = answer.headers.get("DPoP-Nonce") ?? this.#dpopNonce;
    const body = await answer.json();
    if (body.error === "use_dpop_nonce") return this.#fetchToken();
    if (!answer.ok) throw new Error(`token: ${body.error} ${body.error_description ?? ""}`);
    this.#token = body.access_token;
    this.#expires = now + body.expires_in - 30;
  }

  async post(query, variables) {
    if (this.#now() >= this.#expires) await this.#fetchToken();
    const url = new URL("/graphql", this.server.issuer).href;
    return fetch("/graphql", {
      method: "POST",
      headers: {
        "Content-Type": "application/json", Accept: "application/graphql-response+json",
        Authorization: `DPoP ${this.#token}`, DPoP: await this.#proof("POST", url, this.#token),
      },
      body: JSON.stringify({ query, variables }),
    });
  }
}
