// Duty-free instruments under supervision: what is in term, which reports are due, which services others
// got, whether a use or a disposal is allowed and by which way. The page asks at the public interface, under the key of its reader.
import { signIn } from "/pages/access.js";
import { at, count, element, localTime, saveAs } from "/pages/dom.js";
import { askOne, working } from "/pages/desk.js";
import { strip } from "/pages/plot.js";
import { Session } from "/pages/session.js";
import { PagedTable } from "/pages/table.js";
import { inWords, t } from "/pages/words.js";

const DAY_MS = 86_400_000;
const SOON_DAYS = 60; // a report that is due within them is told by a figure
const SERVICES = "service:read";
const ASKED = ["catalogue:read", "customs:read", SERVICES]; // of the operator, for a new client
const EARLIEST = "1970-01-01"; // before any service that a system noted
const KEYS_MAX = 500; // instruments whose services are asked for at once
const ANSWERS_MAX = 20; // of one visit that stay on the page

const session = new Session(location.origin);
const DISTRICTS = JSON.parse(at("desk").dataset.districts);
const TYPES = JSON.parse(at("result").dataset.types);
let signed = ""; // the answer on the page as a JWS

const asked = (documentId, variables) => askOne(session, documentId, variables);
const days = (from, until) => Math.round((Date.parse(until) - Date.parse(from)) / DAY_MS);

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

// -- services to others ----------------------------------------------------------------------------

const PURPOSES = JSON.parse(at("purpose").dataset.choices);
const SHANGHAI = "+08:00";

const services = new PagedTable(at("services"), {
  label: t("customs.services"),
  className: "served",
  columns: [
    { title: t("customs.instrument"), cell: (one) => element("small", one.instrumentKey), value: (one) => one.instrumentKey },
    { title: t("customs.served"), cell: (one) => one.userName ?? one.userKey ?? "—", value: (one) => one.userName ?? one.userKey ?? "" },
    { title: t("customs.purpose"), cell: (one) => PURPOSES[one.purpose] ?? one.purpose },
    { title: t("customs.began"), cell: (one) => localTime(one.startedAt), value: (one) => one.startedAt },
    { title: t("customs.where"), cell: (one) => (one.outsidePremises ? one.outsideAddress ?? t("customs.elsewhere") : t("customs.inside")) },
    { title: t("customs.papers"), cell: (one) => [one.customsNoticeNo, one.taxRecord].filter(Boolean).join(" · ") || "—" },
  ],
});

// Of each instrument since its first item in term was released; an item without a day hides none.
function releases(items) {
  const since = new Map();
  for (const { instrument, releasedOn } of items) {
    const day = releasedOn ?? EARLIEST, known = since.get(instrument);
    since.set(instrument, known === undefined || day < known ? day : known);
  }
  return since;
}

async function drawServices(items) {
  const since = releases(items), keys = [...since.keys()].slice(0, KEYS_MAX);
  const may = session.client.scopes.includes(SERVICES);
  services.show([]);
  at("services-told").textContent = may ? t("customs.no_service") : t("customs.no_scope", { scope: SERVICES });
  if (!may || keys.length === 0) return;
  const first = [...since.values()].sort()[0];
  const found = await asked(at("desk").dataset.services, { instruments: keys, from: `${first}T00:00:00${SHANGHAI}` });
  if (!found) return;
  const rows = found.nodes.filter((one) => one.startedAt && Date.parse(one.startedAt) >= Date.parse(`${since.get(one.instrumentKey)}T00:00:00${SHANGHAI}`));
  services.show(rows);
  const more = found.pageInfo.hasNextPage || since.size > keys.length;
  if (rows.length) at("services-told").textContent = t(more ? "customs.more_services" : "customs.services_shown", { n: count(rows.length) });
}

// -- a use, a disposal -----------------------------------------------------------------------------

function drawEvidence(evidence) {
  at("evidence").replaceChildren();
  if (evidence.length === 0) return;
  const shown = new PagedTable(at("evidence"), {
    label: t("customs.evidence"),
    columns: [
      { title: t("customs.evidence"), cell: (each) => TYPES[each.recordType] ?? each.recordType },
      { title: t("customs.number"), cell: (each) => element("code", each.key) },
      { title: t("kit.source"), cell: (each) => each.source },
      { title: t("kit.as_of"), cell: (each) => (each.asOf ? localTime(each.asOf) : "—") },
    ],
  });
  shown.show(evidence);
}

function drawEstimate({ estimate, noEstimate }) {
  at("estimate").hidden = !estimate && !noEstimate;
  if (estimate) at("estimate").textContent = t("customs.estimate", { base: estimate.base, value: estimate.value });
  if (noEstimate) at("estimate").textContent = t("customs.no_estimate", { why: inWords(noEstimate) });
}

// What was asked and answered stays, newest first, until the page is left.
function keepAnswer(question, words, way) {
  const line = element("li", [element("b", words), " ", question, element("br"), element("small", way.join(" → "))]);
  at("answers").prepend(line);
  while (at("answers").children.length > ANSWERS_MAX) at("answers").lastChild.remove();
  at("told").hidden = false;
}

const WORDS = { use: { ALLOW: "allow", DENY: "deny" }, disposal: { ALLOW: "may_dispose", DENY: "may_not_dispose" } };

function drawAnswer(told, question, kind) {
  const words = t(`customs.${WORDS[kind][told.answer] ?? "unknown_answer"}`), way = told.reasons.map(inWords);
  at("answer").textContent = words;
  at("question").textContent = question;
  at("result").dataset.answer = told.answer;
  at("way").replaceChildren(...told.reasons.map((reason, n) => element("li", way[n], told.missing && reason.code.startsWith(`${told.missing}:`) ? "late" : "")));
  const validity = [
    told.asOf && t("customs.as_of", { at: localTime(told.asOf) }), told.validUntil && t("customs.valid_until", { at: localTime(told.validUntil) }),
    told.undecided.length && t("customs.undecided", { names: told.undecided.join(", ") }),
  ];
  at("validity").textContent = validity.filter(Boolean).join(" ");
  drawEstimate(told);
  drawEvidence(told.evidence);
  signed = told.jws ?? "";
  at("keep").hidden = !signed;
  keepAnswer(question, words, way);
  at("result").hidden = false;
  at("result").focus();
}

const STATED = { yes: true, no: false };

const chosen = (id) => at(id).selectedOptions[0].textContent;

async function askUse() {
  at("result").hidden = true;
  const district = at("district").value, clinical = at("clinical").checked;
  const use = { instrument: at("instrument").value.trim(), user: at("user").value.trim(), from: at("from").value, until: at("until").value };
  const told = await asked(at("desk").dataset.use, {
    ...use, purpose: at("purpose").value, clinical,
    place: district ? { district, name: at("place").value } : null,
    agreementSigned: STATED[at("agreement").value] ?? null,
  });
  const place = district ? `${chosen("district")} ${at("place").value}` : chosen("district");
  const question = [use.instrument, use.user, clinical ? t("customs.clinical") : chosen("purpose"), `${use.from} – ${use.until}`, place];
  if (told) drawAnswer(told, question.join(" · "), "use");
}

async function askDisposal() {
  at("result").hidden = true;
  const instrument = at("disposed").value.trim(), on = at("on").value;
  const told = await asked(at("desk").dataset.dispose, { instrument, kind: at("kind").value, on, value: at("value").value.trim() || null });
  if (told) drawAnswer(told, [instrument, chosen("kind"), on].join(" · "), "disposal");
}

// -- beginning -----------------------------------------------------------------------------------

async function entered() {
  const { clientId, scopes } = session.client;
  at("session").textContent = t("customs.session", { client: clientId });
  at("asking").hidden = false;
  at("result").hidden = at("told").hidden = true;
  at("answers").replaceChildren(); // what another client was told is not this one's
  at("desk").hidden = !scopes.includes("customs:read");
  await working(async () => {
    const found = at("desk").hidden ? null : await asked(at("desk").dataset.due, {});
    if (!found) return;
    drawItems(found);
    await drawServices(found.items);
  });
}

const options = (choices) => Object.entries(choices).map(([code, words]) => element("option", words, undefined, { value: code }));

async function start() {
  at("purpose").append(...options(PURPOSES));
  at("kind").append(...options(JSON.parse(at("kind").dataset.choices)));
  at("district").append(...options(DISTRICTS));
  at("district").addEventListener("change", () => { at("place").disabled = !at("district").value; });
  at("form").addEventListener("submit", (event) => {
    event.preventDefault();
    working(askUse);
  });
  at("disposal").addEventListener("submit", (event) => {
    event.preventDefault();
    working(askDisposal);
  });
  at("print").addEventListener("click", () => print());
  at("keep").addEventListener("click", () => saveAs("customs-decision.jws", signed, "application/jose"));
  await signIn(session, { entered, asks: ASKED });
  document.body.dataset.state = "ready";
}

start();
