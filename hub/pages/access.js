// Signing in on a page: with a key of a file, with one that this browser made and keeps, or by asking
// for a registration with a new one. The form is access.html.
import { at, bodyOf, button, element, reasonOf, wordsOf } from "/pages/dom.js";
import { forget, keep, keptKeys, keyOf, newPair } from "/pages/key.js";
import { t } from "/pages/words.js";

const CLIENT_ID = /^[a-z0-9][a-z0-9._-]{2,63}$/;

// `entered()` is called when the session has a client; `asks`: the scopes that a new client asks for.
export function signIn(session, { entered, asks }) {
  const tell = (text) => { at("refused").textContent = text; };

  async function use(clientId, pair) {
    await session.use(clientId, pair);
    await entered();
    at("own").open = false;
  }

  async function useFile() {
    const [file] = at("key").files, clientId = at("client").value.trim();
    tell("");
    if (!globalThis.crypto?.subtle) return tell(t("access.insecure"));
    if (!file || !clientId) return tell(t("access.incomplete"));
    at("use").disabled = true;
    try {
      await use(clientId, await keyOf(file));
    } catch (error) {
      tell(reasonOf(error));
    } finally {
      at("key").value = "";
      at("use").disabled = false;
    }
  }

  async function useKept(key) {
    tell("");
    try {
      await use(key.clientId, key);
    } catch (error) {
      tell(`${reasonOf(error)} ${t("access.not_yet")}`);
    }
  }

  async function showKept() {
    const keys = await keptKeys().catch(() => []); // a browser may keep nothing for a private window
    at("kept").hidden = keys.length === 0;
    at("kept").replaceChildren(...keys.map((key) => element("li", [
      `${key.clientId} `, button(t("access.use"), () => useKept(key)), " ",
      button(t("access.forget"), async () => {
        if (!confirm(t("access.forget_sure", { client: key.clientId }))) return;
        await forget(key.clientId);
        await showKept();
      }),
    ])));
  }

  async function apply() {
    const clientId = at("new-client").value.trim(), name = at("new-name").value.trim();
    const source = at("new-source").value.trim();
    const told = (text) => { at("applied").textContent = text; };
    if (!globalThis.crypto?.subtle) return told(t("access.insecure"));
    if (!CLIENT_ID.test(clientId)) return told(t("access.bad_client"));
    if (!name) return told(t("access.no_name"));
    at("apply").disabled = true;
    try {
      const pair = await newPair();
      const sender = new session.constructor(location.origin);
      const answer = await sender.apply(pair, { clientId, name, scopes: asks, sources: source ? [source] : [] });
      const body = await bodyOf(answer);
      if (!answer.ok) return told(`${body.code} ${wordsOf(body)} ${body.hint ?? ""}`);
      await keep({ clientId, ...pair, requestId: body.requestId });
      told(t("access.applied", { request: body.requestId, client: clientId, kid: body.kid }));
      await showKept();
    } catch (error) {
      told(reasonOf(error));
    } finally {
      at("apply").disabled = false;
    }
  }

  at("use").addEventListener("click", useFile);
  at("apply").addEventListener("click", apply);
  return showKept();
}
