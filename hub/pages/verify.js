// The page that checks a receipt: what the files say is looked at here and sent nowhere.
import { at, element, reasonOf } from "/pages/dom.js";
import { ProofError, verify } from "/pages/proof.js";
import { t } from "/pages/words.js";

const SHOWN = ["type", "party", "key", "revision", "assurance", "origin", "index", "size"];

async function policyText() {
  const [own] = at("policy").files;
  return own ? own.text() : (await fetch("/log/policy")).text();
}

function show(name, text) {
  at("verdict").replaceChildren(element("p", text, name));
  document.body.dataset.state = "ready";
}

async function check() {
  at("facts").replaceChildren();
  const [[receipt], [record]] = [at("receipt").files, at("record").files];
  if (!globalThis.crypto?.subtle) return show("error", t("access.insecure"));
  if (!receipt || !record) return show("error", t("verify.choose_first"));
  try {
    const bytes = async (file) => new Uint8Array(await file.arrayBuffer());
    const proved = await verify(await bytes(receipt), await bytes(record), await policyText());
    at("facts").replaceChildren(element("div", element("table", element("tbody", SHOWN.map((name) =>
      element("tr", [element("th", t(`verify.${name}`), undefined, { scope: "row" }), element("td", String(proved[name]))])))), "scroll", { tabindex: "0", role: "region", "aria-label": t("verify.title") }));
    return proved.isChecked ? show("note state", t("verify.good")) : show("note", t("verify.no_ed25519"));
  } catch (error) {
    return show("error", t("verify.bad", { why: error instanceof ProofError ? t(`verify.${error.verdict}`) : reasonOf(error) }));
  }
}

function start() {
  at("check").addEventListener("click", () => {
    document.body.dataset.state = "working";
    check();
  });
  document.body.dataset.state = "ready";
}

start();
