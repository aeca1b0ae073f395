// A receipt, checked in the browser: docs/standard/receipts.md, without signatures of witnesses and
// producers. Numbers of steps are those of its section 7.

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true });
const BYTES_MAX = 65_536; // of a receipt
const MEMBERS = ["authority", "h", "jws", "k", "key", "p", "revision", "salt", "t", "v"];
const OPTIONAL = new Set(["jws", "k"]);
const ED25519 = 0x01;

// `verdict`: a name of the section [verify] of the words.
export class ProofError extends Error {
  constructor(verdict) { super(verdict); this.verdict = verdict; }
}
const need = (holds, verdict) => { if (!holds) throw new ProofError(verdict); };

const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(parts)));

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

function fromBase64(letters) {
  try {
    const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
    if (toBase64(bytes) === letters) return bytes;
  } catch { /* told below */ }
  throw new ProofError("malformed");
}
const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
const toBase64url = (bytes) => toBase64(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const fromBase64url = (letters) =>
  fromBase64(letters.replace(/-/g, "+").replace(/_/g, "/") + "=".repeat((4 - (letters.length % 4)) % 4));
const same = (a, b) => a.length === b.length && a.every((byte, n) => byte === b[n]);

// RFC 8785 over what the standard allows: text, whole numbers, truth values, lists, objects.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  need(["string", "boolean"].includes(typeof value) || Number.isSafeInteger(value), "bad_record");
  return JSON.stringify(value);
}

function isCanonical(bytes) {
  try {
    const written = text.decode(bytes);
    return canonical(JSON.parse(written)) === written;
  } catch {
    return false;
  }
}

// Step 1.
function read(bytes) {
  need(bytes.length <= BYTES_MAX, "malformed");
  let written;
  try {
    written = text.decode(bytes);
  } catch {
    throw new ProofError("malformed");
  }
  const parts = /^c2sp\.org\/tlog-proof@v1\nextra ([A-Za-z0-9+/=]+)\nindex (0|[1-9]\d{0,15})\n((?:[A-Za-z0-9+/=]{44}\n){0,63})\n([^]*)$/.exec(written);
  need(parts, "malformed");
  const [, extra, index, hashes, note] = parts;
  const raw = fromBase64(extra);
  need(isCanonical(raw), "malformed");
  const evidence = JSON.parse(text.decode(raw));
  const stated = Object.keys(evidence);
  const fits = stated.every((name) => MEMBERS.includes(name)) && MEMBERS.every((name) => OPTIONAL.has(name) || name in evidence)
    && evidence.v === 2 && Number.isSafeInteger(evidence.revision) && evidence.revision >= 1
    && stated.every((name) => ["v", "revision"].includes(name) || typeof evidence[name] === "string");
  need(fits && !("jws" in evidence && !("k" in evidence)), "malformed");
  return { evidence, index: Number(index), path: hashes.split("\n").filter(Boolean).map(fromBase64), note };
}

function u32(number) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

// Step 4: `h` is the salted hash of authority, key, revision and record.
async function saltedHash({ authority, key, revision, salt }, canon) {
  const [whose, which] = [utf8.encode(authority), utf8.encode(key)];
  const bytes = fromBase64url(salt);
  need(bytes.length === 32, "malformed");
  return sha256(Uint8Array.of(3), bytes, u32(whose.length), whose, u32(which.length), which, u32(revision), canon);
}

async function leafHash({ v, t, h, p, k, jws }) {
  const entry = { v, t, h, p };
  if (k !== undefined) entry.k = k;
  if (jws !== undefined) {
    const signature = /^([\w-]+)\.\.([\w-]+)$/.exec(jws);
    need(signature, "malformed");
    entry.s = toBase64url(await sha256(utf8.encode(`${signature[1]}.${signature[2]}`)));
  }
  return sha256(Uint8Array.of(0), utf8.encode(canonical(entry)));
}

// Step 5: a log of the policy signed the checkpoint, and its name is the origin.
async function checkpoint(note, policy) {
  const cut = note.indexOf("\n\n");
  need(cut > 0, "malformed");
  const signed = note.slice(0, cut + 1), lines = note.slice(cut + 2).split("\n").filter(Boolean);
  const [origin, size, root, ...rest] = signed.slice(0, -1).split("\n");
  need(/^(0|[1-9]\d{0,15})$/.test(size ?? "") && root && rest.length === 0, "malformed");
  const keys = policy.split("\n").flatMap((line) => {
    const found = /^log (\S+)\+([0-9a-f]{8})\+(\S+)/.exec(line);
    return found && found[1] === origin ? [{ id: found[2], bytes: fromBase64(found[3]) }] : [];
  });
  let isChecked = false, isKnown = false;
  for (const line of lines) {
    const [, name, letters] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    need(letters, "malformed");
    const bytes = fromBase64(letters);
    const id = [...bytes.slice(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const key = name === origin && keys.find((each) => each.id === id && each.bytes[0] === ED25519);
    if (!key) continue;
    isKnown = true;
    const holds = await ed25519(key.bytes.slice(1), bytes.slice(4), utf8.encode(signed));
    need(holds !== false, "bad_log_sig");
    isChecked ||= holds === true;
  }
  need(isKnown, "bad_log_sig");
  return { origin, size: Number(size), root: fromBase64(root), isChecked };
}

// Whether a signature holds; null where the browser does not know Ed25519.
async function ed25519(key, signature, signed) {
  let opened;
  try {
    opened = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, opened, signature, signed);
}

// Step 7, as RFC 9162 section 2.1.3.2. Sizes stay below 2^53, so shifts are divisions.
async function isUnder(leaf, index, { size, root }, path) {
  if (index >= size) return false;
  let [fn, sn, hash] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = await sha256(Uint8Array.of(1), sibling, hash);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else {
      hash = await sha256(Uint8Array.of(1), hash, sibling);
    }
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && same(hash, root);
}

// What is proved; ProofError says what does not hold. `receipt`, `canon`: bytes; `policy`: text.
export async function verify(receipt, canon, policy) {
  const { evidence, index, path, note } = read(receipt);
  need(isCanonical(canon), "bad_record");
  need(toBase64url(await saltedHash(evidence, canon)) === evidence.h, "bad_leaf");
  const log = await checkpoint(note, policy);
  need(await isUnder(await leafHash(evidence), index, log, path), "bad_inclusion");
  const assurance = evidence.jws ? "PRODUCER_SIGNED" : evidence.k ? "REQUEST_SIGNED" : "HUB_OBSERVED";
  const { t, p, authority, key, revision } = evidence;
  return { type: t, party: p, authority, key, revision, index, size: log.size, origin: log.origin, assurance, isChecked: log.isChecked };
}
