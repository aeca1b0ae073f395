// The clients graphql-ws and graphql-sse, by people who do not know this hub, follow its changes:
//   node follow.mjs <ws|sse> <hub> <key.pem> <token>
// Every page is printed as a line of JSON. After the first change the connection is cut, so that the
// client has to find back by itself: with a new proof, and from the cursor that it was told last.
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createClient as createSSEClient } from "graphql-sse";
import { createClient as createWSClient } from "graphql-ws";
import WebSocket from "ws";

const [way, hub, keyFile, token] = process.argv.slice(2);
const b64u = (bytes) => Buffer.from(bytes).toString("base64url");
const key = createPrivateKey(await readFile(keyFile));
const { kty, crv, x, y } = createPublicKey(key).export({ format: "jwk" });
const tell = (line) => console.log(JSON.stringify(line));

function credentials(method) {
  const claims = {
    jti: b64u(randomBytes(16)), htm: method, htu: `${hub}/graphql`, iat: Math.floor(Date.now() / 1000),
    ath: b64u(createHash("sha256").update(token).digest()),
  };
  const header = { alg: "ES256", typ: "dpop+jwt", jwk: { kty, crv, x, y } };
  const text = `${b64u(JSON.stringify(header))}.${b64u(JSON.stringify(claims))}`;
  const proof = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return { Authorization: `DPoP ${token}`, DPoP: `${text}.${b64u(proof)}` };
}

let cut = () => {}, cuts = 0;
const retries = { retryAttempts: 5 };
const atOnce = async () => {};

function client() {
  if (way === "ws") {
    return createWSClient({
      url: `${hub.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, retryWait: atOnce, ...retries,
      connectionParams: () => credentials("GET"), shouldRetry: () => true,
      on: { connected: (socket) => { cut = () => socket.terminate(); } },
    });
  }
  return createSSEClient({
    url: `${hub}/graphql`, headers: () => credentials("POST"), retry: atOnce, ...retries,
    fetchFn: (url, init) => {
      const here = new AbortController();
      cut = () => here.abort();
      return fetch(url, { ...init, signal: AbortSignal.any([init.signal, here.signal]) });
    },
  });
}

const query = `subscription($after: String) { changes(after: $after, types: ["Instrument"]) {
  nodes { kind key } resync endCursor } }`;
const variables = { after: null };
const following = client();

// What is refused is told as the protocol has it, and ends nothing else.
await new Promise((done) => following.subscribe({ query: "subscription { nothing }" }, {
  next: ({ errors }) => tell({ refused: errors[0].extensions.code }),
  error: (errors) => { tell({ refused: errors[0].extensions.code }); done(); },
  complete: done,
}));
// A query is answered once.
await new Promise((done, failed) => following.subscribe({ query: "{ me { clientId } }" }, {
  next: ({ data }) => tell({ me: data.me.clientId }), error: failed, complete: done,
}));
following.subscribe({ query, variables }, {
  next: ({ data, errors }) => {
    if (errors) return tell({ errors: errors.map((error) => error.extensions.code) });
    variables.after = data.changes.endCursor;
    tell({ keys: data.changes.nodes.map((node) => node.key) });
    if (data.changes.nodes.length && cuts++ === 0) { tell({ cut: true }); cut(); }
  },
  error: (error) => tell({ error: String(error) }),
  complete: () => tell({ complete: true }),
});
