// A client of profile hub-sig-1, written from docs/standard/hub-sig-1.md alone, with Node's own crypto:
//   node signed_client.mjs new <client id> <folder>      makes key.pem and registration.json
//   node signed_client.mjs <hub> <client id> <key.pem> <source> <rows.ndjson>
// Pushes and reads, registers another key in the sandbox and asks, and writes down what it met, as JSON.
// What must hold is said in test_signed_client.py.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

const b64u = (bytes) => Buffer.from(bytes).toString("base64url");
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const now = () => Math.floor(Date.now() / 1000);
const digest = (body) => `sha-256=:${sha256(body).toString("base64")}:`;
const thumbprint = ({ x, y }) => b64u(sha256(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`));

// Section 1: a key, its public JWK and its id.
class Key {
  constructor(secret) {
    this.secret = secret;
    const { kty, crv, x, y } = createPublicKey(secret).export({ format: "jwk" });
    this.jwk = { kty, crv, x, y };
    this.id = thumbprint(this.jwk);
  }

  sign(bytes) { return sign("sha256", Buffer.from(bytes), { key: this.secret, dsaEncoding: "ieee-p1363" }); }

  jws(header, claims) {
    const text = `${b64u(JSON.stringify({ alg: "ES256", ...header }))}.${b64u(JSON.stringify(claims))}`;
    return `${text}.${b64u(this.sign(text))}`;
  }
}

// Sections 2 and 3: a token and what goes with it.
class Client {
  constructor(base, id, key) { Object.assign(this, { base, id, key }); }

  proof(method, path, more = {}) {
    const claims = { jti: b64u(randomBytes(16)), htm: method, htu: this.base + path, iat: now(), ...more };
    return this.key.jws({ typ: "dpop+jwt", jwk: this.key.jwk }, claims);
  }

  async askForToken(nonce) {
    const claims = { iss: this.id, sub: this.id, aud: this.base, jti: b64u(randomBytes(16)), iat: now(), exp: now() + 60 };
    const assertion = this.key.jws({ typ: "client-authentication+jwt", kid: this.key.id }, claims);
    const answer = await fetch(`${this.base}/oauth/token`, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-www-form-urlencoded",
        DPoP: this.proof("POST", "/oauth/token", nonce ? { nonce } : {}),
      },
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: assertion,
        resource: this.base,
      }).toString(),
    });
    const body = await answer.json();
    if (body.error === "use_dpop_nonce" && !nonce) return this.askForToken(answer.headers.get("DPoP-Nonce"));
    if (!answer.ok) throw new Error(`token: ${JSON.stringify(body)}`);
    return body;
  }

  async token() { return (this.granted ??= await this.askForToken()).access_token; }

  // Section 4: a request, signed. `change` spoils it after it was signed.
  async signed(method, target, { body = "", type, key, change = (request) => request } = {}) {
    const token = await this.token();
    const headers = { "content-digest": digest(body) };
    if (type) headers["content-type"] = type;
    headers.authorization = `DPoP ${token}`;
    headers.dpop = this.proof(method, target.split("?")[0], { ath: b64u(sha256(token)) });
    if (key) headers["idempotency-key"] = key;
    const values = { "@method": method, "@target-uri": this.base + target, ...headers };
    const covered = Object.keys(values).map((name) => `"${name}"`).join(" ");
    const params = `(${covered});created=${now()};expires=${now() + 300};nonce="${b64u(randomBytes(24))}"`
      + `;keyid="${this.key.id}";alg="ecdsa-p256-sha256";tag="hub-req-1"`;
    const lines = Object.entries(values).map(([name, value]) => `"${name}": ${value}`);
    const base = [...lines, `"@signature-params": ${params}`].join("\n");
    const signature = `:${this.key.sign(base).toString("base64")}:`;
    const sent = change({
      method,
      headers: {
        ...headers, "accept-encoding": "identity",
        "signature-input": `hub=${params}`, signature: `hub=${signature}`,
      },
      body: body || undefined,
    });
    const answer = await fetch(this.base + target, sent);
    const told = { status: answer.status, headers: Object.fromEntries(answer.headers), body: Buffer.from(await answer.arrayBuffer()) };
    return { told, request: { method, target: this.base + target, digest: headers["content-digest"], signature } };
  }
}

// Section 5: what the hub signed. Gives the reason why an answer is not to be trusted, or null.
function wrong({ told, request }, keys) {
  const input = told.headers["signature-input"] ?? "";
  const signature = /^hub=:([A-Za-z0-9+/]+={0,2}):$/.exec(told.headers.signature ?? "")?.[1];
  const found = /^hub=(\(([^)]*)\)((?:;[a-z]+=(?:"[^"]*"|\d+))*))$/.exec(input);
  if (!found || !signature) return "no signature";
  const [, params, covered, rest] = found;
  const given = Object.fromEntries([...rest.matchAll(/;([a-z]+)=(?:"([^"]*)"|(\d+))/g)].map(([, name, a, b]) => [name, a ?? b]));
  if (Object.keys(given).sort().join() !== "alg,created,keyid,tag") return "parameters";
  if (given.tag !== "hub-res-1" || given.alg !== "ecdsa-p256-sha256") return "tag or algorithm";
  const key = keys[given.keyid];
  if (!key) return "unknown key";
  const values = [['"@status"', told.status], ['"content-digest"', told.headers["content-digest"]], ['"content-type"', told.headers["content-type"]]];
  if (told.headers["hub-log-size"] !== undefined) values.push(['"hub-log-size"', told.headers["hub-log-size"]]);
  values.push(
    ['"@method";req', request.method], ['"@target-uri";req', request.target],
    ['"content-digest";req', request.digest], ['"signature";req;key="hub"', request.signature]);
  if (covered !== values.map(([name]) => name).join(" ")) return "components";
  const base = [...values.map(([name, value]) => `${name}: ${value}`), `"@signature-params": ${params}`].join("\n");
  if (!verify("sha256", Buffer.from(base), { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64"))) return "signature";
  return told.headers["content-digest"] === digest(told.body) ? null : "digest";
}

const freshKey = () => new Key(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);

const [hub, id, keyFile, source, rowsFile] = process.argv.slice(2);
if (hub === "new") {
  const folder = keyFile, key = freshKey();
  const document = { version: "hub-registration-1", clientId: id, name: id, jwk: key.jwk, kid: key.id, scopes: [], sources: [] };
  await writeFile(`${folder}/key.pem`, key.secret.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  await writeFile(`${folder}/registration.json`, JSON.stringify(document));
  process.exit(0);
}
const metadata = await (await fetch(`${hub}/.well-known/oauth-authorization-server`)).json();
const base = metadata.issuer;
const { keys: published } = await (await fetch(metadata.jwks_uri)).json();
const keys = Object.fromEntries(published.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: "jwk" })]));
const seen = { thumbprints: published.every((jwk) => jwk.kid === thumbprint(jwk)) };

const text = (told) => told.body.toString("utf-8");
const code = ({ told }) => JSON.parse(text(told)).code;

const university = new Client(base, id, new Key(createPrivateKey(await readFile(keyFile))));
const rows = await readFile(rowsFile, "utf-8");
const batch = { body: rows, type: "application/x-ndjson", key: b64u(randomBytes(18)) };
const target = `/batches?source=${encodeURIComponent(source)}`;

const pushed = await university.signed("POST", target, batch);
seen.pushed = { status: pushed.told.status, wrong: wrong(pushed, keys), body: JSON.parse(text(pushed.told)) };
const again = await university.signed("POST", target, batch);
seen.again = { wrong: wrong(again, keys), replayed: JSON.parse(text(again.told)).replayed };
const other = await university.signed("POST", target, { ...batch, body: `${rows}\n` });
seen.otherBody = { status: other.told.status, wrong: wrong(other, keys), code: code(other) };

// What was changed on its way, on either side, is noticed.
const flipped = { ...pushed, told: { ...pushed.told, body: Buffer.from(text(pushed.told).replace("1", "2")) } };
seen.flippedBody = wrong(flipped, keys);
seen.otherStatus = wrong({ ...pushed, told: { ...pushed.told, status: 201 } }, keys);
seen.otherRequest = wrong({ ...pushed, request: again.request }, keys);
seen.changedOnTheWay = {
  body: code(await university.signed("POST", target, { ...batch, change: (sent) => ({ ...sent, body: rows.replace("A", "B") }) })),
  signature: code(await university.signed("POST", target, {
    ...batch, change: (sent) => ({ ...sent, headers: { ...sent.headers, signature: `hub=:${Buffer.alloc(64, 1).toString("base64")}:` } }),
  })),
  unsigned: code(await university.signed("POST", target, {
    ...batch, change: ({ headers: { signature, "signature-input": input, ...headers }, ...sent }) => ({ ...sent, headers }),
  })),
};

const entry = seen.pushed.body.rows[0].entryId;
const record = await university.signed("GET", `/records/${entry}`);
seen.record = { status: record.told.status, wrong: wrong(record, keys), body: JSON.parse(text(record.told)) };

// The sandbox registers whoever proves a key, for questions.
const visitor = new Client(base, "", freshKey());
const registered = await fetch(`${base}/sandbox/clients`, {
  method: "POST",
  headers: { "Content-Type": "application/json", DPoP: visitor.proof("POST", "/sandbox/clients") },
  body: JSON.stringify({ name: "signed client" }),
});
visitor.id = (await registered.json()).clientId;
const question = { body: JSON.stringify({ query: "{ serviceInfo { version } }" }), type: "application/json", key: b64u(randomBytes(18)) };
const asked = await visitor.signed("POST", "/graphql", question);
seen.asked = { status: asked.told.status, wrong: wrong(asked, keys), body: JSON.parse(text(asked.told)) };
const refused = await visitor.signed("GET", "/records/999999999");
seen.refused = { status: refused.told.status, wrong: wrong(refused, keys), code: code(refused) };
const forbidden = await visitor.signed("POST", target, batch);
seen.forbidden = { status: forbidden.told.status, wrong: wrong(forbidden, keys), code: code(forbidden) };
console.log(JSON.stringify(seen));
