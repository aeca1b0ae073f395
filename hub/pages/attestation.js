// How an attestation is checked without the hub, and where who may see a claim gets one. The page asks at
// the public interface, under the key of its reader; the file is saved as it came.
import { signIn } from "/pages/access.js";
import { at, element, localTime, saveAs } from "/pages/dom.js";
import { askOne, working } from "/pages/desk.js";
import { Session } from "/pages/session.js";
import { PagedTable } from "/pages/table.js";
import { t } from "/pages/words.js";

const ASKED = ["catalogue:read", "voucher:verify"]; // of the operator, for a new client
const FEN = 100;

const session = new Session(location.origin);
const STATES = JSON.parse(at("form").dataset.states);
const REASONS = JSON.parse(at("form").dataset.reasons);
const yuan = (fen) => (fen / FEN).toFixed(2);

const table = new PagedTable(at("checks"), {
  label: t("attestation.checks"),
  columns: [
    { title: t("attestation.checked"), cell: (each) => element("code", each.code) },
    { title: t("attestation.result"), cell: (each) => element("span", t(`attestation.${each.result}`), each.result === "PASS" ? "" : "late") },
    { title: t("attestation.missing"), cell: (each) => each.missing ?? "—" },
    { title: t("attestation.parameter"), cell: (each) => each.parameter ?? "—" },
  ],
});

const named = () => ({ issuer: at("issuer").value.trim(), code: at("code").value.trim(), claimNo: at("claim").value.trim() });
const asked = (documentId) => askOne(session, documentId, named());

// What the page told before goes first.
const anew = (act) => working(async () => {
  at("told").textContent = "";
  at("checks").hidden = true;
  await act();
});

async function attest() {
  const found = await asked(at("form").dataset.attest);
  if (!found) return;
  at("checks").hidden = found.checks.length === 0;
  table.show(found.checks);
  if (found.text === null) {
    at("told").textContent = t("attestation.none", { why: REASONS[found.refused ?? found.missing] ?? found.missing ?? "" });
    return;
  }
  saveAs("attestation.json", found.text, "application/json");
  at("told").textContent = t("attestation.saved", { until: found.validUntil, size: found.logSize });
}

async function tellState() {
  const found = await asked(at("form").dataset.state);
  if (!found) return;
  const parts = [t("attestation.state", { state: STATES[found.state] ?? found.state, at: localTime(found.lookedUpAt), home: found.home })];
  if (found.voucherFen !== null) parts.push(t("attestation.pays", { yuan: yuan(found.voucherFen) }));
  if (found.heldFor.length) parts.push(t("attestation.held", { why: found.heldFor.join(", ") }));
  at("told").textContent = parts.join(" ");
}

async function start() {
  at("form").addEventListener("submit", (event) => {
    event.preventDefault();
    anew(attest);
  });
  at("now").addEventListener("click", () => at("form").reportValidity() && anew(tellState));
  const entered = async () => {
    at("session").textContent = t("customs.session", { client: session.client.clientId });
    at("form").hidden = false;
  };
  await signIn(session, { entered, asks: ASKED });
  document.body.dataset.state = "ready";
}

start();
