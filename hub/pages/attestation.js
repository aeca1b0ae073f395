// How an attestation is checked without the hub, and where who may see a claim gets one. The page asks at
// the public interface, under the key of its reader; the file is saved as it came.
import { signIn } from "/pages/access.js";
import { at, bodyOf, element, localTime, reasonOf, refusalLine, saveAs, wordsOf } from "/pages/dom.js";
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

// The answer of a registered document, or nothing where it was refused, which the page then says.
async function asked(documentId) {
  const variables = { issuer: at("issuer").value.trim(), code: at("code").value.trim(), claimNo: at("claim").value.trim() };
  const body = JSON.stringify({ documentId, variables });
  const answer = await session.request("POST", "/graphql", { body, type: "application/json", accept: "application/graphql-response+json" });
  const told = await bodyOf(answer);
  const problems = told.errors?.map(({ message, extensions }) => ({ code: extensions?.code, detail: extensions?.detail ?? message })) ?? (answer.ok ? [] : [told]);
  at("errors").replaceChildren(...problems.map((each) => refusalLine(each.code, wordsOf(each))));
  return problems.length ? null : Object.values(told.data)[0];
}

async function working(act) {
  document.body.dataset.state = "working";
  at("errors").replaceChildren();
  at("told").textContent = "";
  at("checks").hidden = true;
  try {
    await act();
  } catch (error) {
    at("errors").replaceChildren(refusalLine("NO_ANSWER", reasonOf(error)));
  } finally {
    document.body.dataset.state = "ready";
  }
}

async function attest() {
  const found = await asked(at("form").dataset.attest);
  if (!found) return;
  at("checks").hidden = found.checks.length === 0;
  table.show(found.checks);
  if (found.text === null) {
    at("told").textContent = t("attestation.none", { why: REASONS[found.refused] ?? found.missing ?? "" });
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
    working(attest);
  });
  at("now").addEventListener("click", () => at("form").reportValidity() && working(tellState));
  const entered = async () => {
    at("session").textContent = t("customs.session", { client: session.client.clientId });
    at("form").hidden = false;
  };
  await signIn(session, { entered, asks: ASKED });
  document.body.dataset.state = "ready";
}

start();
