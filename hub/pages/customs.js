// Duty-free instruments under supervision: what is in term, which reports are due, whether a use is
// allowed and by which way. The page asks at the public interface, under the key of its reader.
import { signIn } from "/pages/access.js";
import { at, bodyOf, count, element, localTime, reasonOf, refusalLine, saveAs, wordsOf } from "/pages/dom.js";
import { strip } from "/pages/plot.js";
import { Session } from "/pages/session.js";
import { PagedTable } from "/pages/table.js";
import { language, t } from "/pages/words.js";

const DAY_MS = 86_400_000;
const SOON_DAYS = 60; // a report that is due within them is told by a figure
const ASKED = ["catalogue:read", "customs:read"]; // of the operator, for a new client

const session = new Session(location.origin);
const DISTRICTS = JSON.parse(at("desk").dataset.districts);
const TYPES = JSON.parse(at("result").dataset.types);
let signed = ""; // the answer on the page as a JWS

const inWords = ({ zh, en }) => (language === "en" ? en : zh);
const showErrors = (...lines) => at("errors").replaceChildren(...lines);
const days = (from, until) => Math.round((Date.parse(until) - Date.parse(from)) / DAY_MS);

async function working(act) {
  document.body.dataset.state = "working";
  showErrors();
  try {
    await act();
  } catch (error) {
    showErrors(refusalLine("NO_ANSWER", reasonOf(error)));
  } finally {
    document.body.dataset.state = "ready";
  }
}

// The answer of a registered document, or nothing where it was refused, which the page then says.
async function asked(documentId, variables) {
  const body = JSON.stringify({ documentId, variables });
  const answer = await session.request("POST", "/graphql", { body, type: "application/json", accept: "application/graphql-response+json" });
  const told = await bodyOf(answer);
  const problems = told.errors?.map(({ message, extensions }) => ({ code: extensions?.code, detail: extensions?.detail ?? message })) ?? (answer.ok ? [] : [told]);
  showErrors(...problems.map((each) => refusalLine(each.code, wordsOf(each))));
  return problems.length ? null : Object.values(told.data)[0];
}

// -- what is in term -----------------------------------------------------------------------------

function term(item) {
  if (item.lastDay === null) return element("span", item.missing ? inWords(item.missing) : t("customs.unknown"), "late");
  const whole = days(item.releasedOn, item.lastDay), left = item.daysLeft;
  const words = t("customs.days_left", { n: count(left), day: item.lastDay });
  return element("div", [strip(`${item.instrumentName ?? item.instrument}: ${words}`, whole - left, whole), element("small", words)], "term");
}

function report(item) {
  if (item.overdue.length) return element("b", t("customs.overdue_years", { years: item.overdue.join(", ") }), "bad");
  if (item.missing) return element("span", inWords(item.missing), "late");
  return item.nextDueOn ?? t("customs.none_due");
}

const table = new PagedTable(at("items"), {
  label: t("customs.items"),
  className: "due",
  columns: [
    { title: t("customs.instrument"), cell: (item) => element("span", [item.instrumentName ?? "", " ", element("small", item.instrument)]), value: (item) => item.instrumentName ?? item.instrument },
    { title: t("customs.term"), cell: term, value: (item) => item.daysLeft ?? -1 },
    { title: t("customs.report"), cell: report, value: (item) => (item.overdue.length ? "" : item.nextDueOn ?? "9") },
    { title: t("customs.declaration"), cell: (item) => element("code", `${item.declarationNo}/${item.itemNo}`) },
  ],
});

function drawItems({ on, items, isWhole }) {
  const soon = items.filter((item) => item.nextDueOn && days(on, item.nextDueOn) <= SOON_DAYS);
  const figures = [["in_term", items.length], ["overdue", items.filter((item) => item.overdue.length).length], ["due_soon", soon.length]];
  at("figures").replaceChildren(...figures.map(([name, number]) => element("li", [element("b", count(number)), t(`customs.${name}`)])));
  at("left-out").hidden = isWhole;
  table.show(items);
  at("known").replaceChildren(...[...new Set(items.map((item) => item.instrument))].map((key) => element("option", undefined, undefined, { value: key })));
}

// -- a use ---------------------------------------------------------------------------------------

function drawAnswer(told) {
  const names = { ALLOW: "allow", DENY: "deny", UNKNOWN: "unknown_answer" };
  at("answer").textContent = t(`customs.${names[told.answer]}`);
  at("result").dataset.answer = told.answer;
  at("way").replaceChildren(...told.reasons.map((reason) => element("li", inWords(reason))));
  const validity = [told.asOf && t("customs.as_of", { at: localTime(told.asOf) }), told.validUntil && t("customs.valid_until", { at: localTime(told.validUntil) })];
  at("validity").textContent = validity.filter(Boolean).join(" ");
  at("evidence").replaceChildren();
  if (told.evidence.length) {
    const shown = new PagedTable(at("evidence"), {
      label: t("customs.evidence"),
      columns: [
        { title: t("customs.evidence"), cell: (each) => TYPES[each.recordType] ?? each.recordType },
        { title: t("customs.number"), cell: (each) => element("code", each.key) },
        { title: t("kit.source"), cell: (each) => each.source },
        { title: t("kit.as_of"), cell: (each) => (each.asOf ? localTime(each.asOf) : "—") },
      ],
    });
    shown.show(told.evidence);
  }
  signed = told.jws ?? "";
  at("keep").hidden = !signed;
  at("result").hidden = false;
  at("result").focus();
}

const STATED = { yes: true, no: false };

async function askUse() {
  at("result").hidden = true;
  const district = at("district").value;
  const told = await asked(at("desk").dataset.use, {
    instrument: at("instrument").value.trim(), user: at("user").value.trim(), purpose: at("purpose").value,
    from: at("from").value, until: at("until").value,
    place: district ? { district, name: at("place").value } : null,
    agreementSigned: STATED[at("agreement").value] ?? null,
  });
  if (told) drawAnswer(told);
}

// -- beginning -----------------------------------------------------------------------------------

async function entered() {
  const { clientId, scopes } = session.client;
  at("session").textContent = t("customs.session", { client: clientId });
  at("asking").hidden = false;
  at("result").hidden = true;
  at("desk").hidden = !scopes.includes("customs:read");
  await working(async () => {
    const found = at("desk").hidden ? null : await asked(at("desk").dataset.due, {});
    if (found) drawItems(found);
  });
}

const options = (choices) => Object.entries(choices).map(([code, words]) => element("option", words, undefined, { value: code }));

async function start() {
  at("purpose").append(...options(JSON.parse(at("purpose").dataset.choices)));
  at("district").append(...options(DISTRICTS));
  at("district").addEventListener("change", () => { at("place").disabled = !at("district").value; });
  at("form").addEventListener("submit", (event) => {
    event.preventDefault();
    working(askUse);
  });
  at("print").addEventListener("click", () => print());
  at("keep").addEventListener("click", () => saveAs("customs-decision.jws", signed, "application/jose"));
  await signIn(session, { entered, asks: ASKED });
  document.body.dataset.state = "ready";
}

start();
