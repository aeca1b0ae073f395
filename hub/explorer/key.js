// A caller's own key, read from a file in the browser: its bytes go nowhere else.

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const BYTES_MAX = 16_384;

class KeyError extends Error {}

// The pair of a file: a private key that nothing can export again, and the public JWK.
export async function keyOf(file) {
  if (file.size > BYTES_MAX) throw new KeyError("文件过大，不是密钥 The file is too large for a key");
  const text = (await file.text()).trim();
  const form = text.startsWith("{") ? jwkOf(text) : pemOf(text);
  let opened;
  try {
    opened = await crypto.subtle.importKey(...form, CURVE, true, ["sign"]);
  } catch {
    throw new KeyError("不是 P-256 私钥 This is no private key on P-256");
  }
  const { d, ...whole } = await crypto.subtle.exportKey("jwk", opened);
  const { kty, crv, x, y } = whole;
  const privateKey = await crypto.subtle.importKey("jwk", { kty, crv, x, y, d }, CURVE, false, ["sign"]);
  return { privateKey, jwk: { kty, crv, x, y } };
}

function jwkOf(text) {
  let jwk;
  try {
    jwk = JSON.parse(text);
  } catch {
    throw new KeyError("文件不是合法的 JSON The file is not JSON");
  }
  if (!jwk.d) throw new KeyError("这是公钥；请选择私钥 This is a public key: choose the private one");
  const { kty, crv, x, y, d } = jwk;
  return ["jwk", { kty, crv, x, y, d }];
}

function pemOf(text) {
  const [, label, body] = /^-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----$/m.exec(text) ?? [];
  if (label === "ENCRYPTED PRIVATE KEY") throw new KeyError("私钥有密码；请导出无密码的 PKCS #8 The key has a password: export it without one");
  if (label === "EC PRIVATE KEY") throw new KeyError("请转成 PKCS #8：openssl pkcs8 -topk8 -nocrypt Turn it into PKCS #8 first");
  if (label !== "PRIVATE KEY") throw new KeyError("没有找到 PKCS #8 私钥或 JWK No PKCS #8 private key and no JWK in this file");
  return ["pkcs8", Uint8Array.from(atob(body.replace(/\s/g, "")), (letter) => letter.charCodeAt(0))];
}
