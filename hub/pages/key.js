// A caller's own key: read from a file or made here. Its private half goes nowhere, and nothing that
// the page holds can take it out again. A key that was made here is kept by the browser (IndexedDB),
// because nobody has it anywhere else; one from a file is forgotten with the page.
import { t } from "/pages/words.js";

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const BYTES_MAX = 16_384;
const STORE = "keys";

class KeyError extends Error {}

const publicPart = ({ kty, crv, x, y }) => ({ kty, crv, x, y });

// The RFC 7638 thumbprint.
export async function keyId({ crv, kty, x, y }) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify({ crv, kty, x, y })));
  return btoa(String.fromCharCode(...new Uint8Array(digest))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export async function newPair() {
  const pair = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
  return { privateKey: pair.privateKey, jwk: publicPart(await crypto.subtle.exportKey("jwk", pair.publicKey)) };
}

// The pair of a file: a private key that nothing can export again, and the public JWK.
export async function keyOf(file) {
  if (file.size > BYTES_MAX) throw new KeyError(t("access.too_large"));
  const text = (await file.text()).trim();
  const form = text.startsWith("{") ? jwkOf(text) : pemOf(text);
  let opened;
  try {
    opened = await crypto.subtle.importKey(...form, CURVE, true, ["sign"]);
  } catch {
    throw new KeyError(t("access.not_p256"));
  }
  const { d, ...whole } = await crypto.subtle.exportKey("jwk", opened);
  const jwk = publicPart(whole);
  const privateKey = await crypto.subtle.importKey("jwk", { ...jwk, d }, CURVE, false, ["sign"]);
  return { privateKey, jwk };
}

function jwkOf(text) {
  let jwk;
  try {
    jwk = JSON.parse(text);
  } catch {
    throw new KeyError(t("access.not_json"));
  }
  if (!jwk.d) throw new KeyError(t("access.public_key"));
  return ["jwk", { ...publicPart(jwk), d: jwk.d }];
}

function pemOf(text) {
  const [, label, body] = /^-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----$/m.exec(text) ?? [];
  if (label === "ENCRYPTED PRIVATE KEY") throw new KeyError(t("access.encrypted"));
  if (label === "EC PRIVATE KEY") throw new KeyError(t("access.sec1"));
  if (label !== "PRIVATE KEY") throw new KeyError(t("access.no_key"));
  return ["pkcs8", Uint8Array.from(atob(body.replace(/\s/g, "")), (letter) => letter.charCodeAt(0))];
}

// What this browser keeps: { clientId, privateKey, jwk, requestId }.
function asked(how, act) {
  return new Promise((done, failed) => {
    const opening = indexedDB.open("hub", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "clientId" });
    opening.onerror = () => failed(opening.error);
    opening.onsuccess = () => {
      const request = act(opening.result.transaction(STORE, how).objectStore(STORE));
      request.onsuccess = () => { opening.result.close(); done(request.result); };
      request.onerror = () => failed(request.error);
    };
  });
}

export const keptKeys = () => asked("readonly", (store) => store.getAll());
export const keep = (key) => asked("readwrite", (store) => store.put(key));
export const forget = (clientId) => asked("readwrite", (store) => store.delete(clientId));
