// Voucher cases: found by any number, every check with what it rests on, the money of the voucher, and for
// its issuer the next decision. The page asks at the public interface, under the key of its reader.
import { signIn } from "/pages/access.js";
import { at, bodyOf, button, count, element, localTime, refusalLine, saveAs, wordsOf } from "/pages/dom.js";
import { ask, linesOf, showErrors, working } from "/pages/desk.js";
import { drawLedger, drawMovements, yuan } from "/pages/voucher_money.js";
import { Parties } from "/pages/parties.js";
import { Deciding } from "/pages/voucher_decision.js";
import { Session } from "/pages/session.js";
import { PagedTable } from "/pages/table.js";
import { inWords, language, t } from "/pages/words.js";

const ASKED = ["catalogue:read", "service:read", "voucher:read", "voucher:verify", "voucher:claim", "receipt:read"];
const SEPARATOR = " · ";
const LISTED_MAX = 100; // of what a document lists at once
const FIGURES = [["HELD", "held"], ["SUBMITTED", "wait_county"], ["COUNTY_OK", "wait_city"], ["CITY_OK", "wait_settle"]];

const session = new Session(location.origin);
const told = Object.fromEntries(["documents", "states", "events", "vouchers", "checks", "missing", "refused", "types"]
  .map((name) => [name, JSON.parse(at("desk").dataset[name])]));
let me = { party: null, scopes: [] };
let open = null; // the case on the page

const asked = (name, variables, signed) => ask(session, told.documents[name], variables, signed);

const parties = new Parties(async (keys) => (await asked("parties", { keys })).data.institutions?.nodes ?? []);

// -- what there is ---------------------------------------------------------------------------------

const mono = (text) => element("code", text ?? "—");
const opener = (text, id) => button(text, () => working(() => openCase(id)), "link");

const claims = new PagedTable(at("claims"), {
  label: t("vouchers.claims"), className: "keys",
  columns: [
    { title: t("vouchers.claim"), cell: (one) => opener(`${one.code} / ${one.claimNo}`, one.id), value: (one) => `${one.code}/${one.claimNo}` },
    { title: t("vouchers.state"), cell: (one) => stateOf(one), value: (one) => one.state },
    { title: t("vouchers.amount"), className: "number", cell: (one) => yuan(one.voucherFen), value: (one) => one.voucherFen ?? 0 },
    { title: t("vouchers.provider"), cell: (one) => parties.cell(one.providerKey), value: (one) => one.providerKey },
    { title: t("vouchers.holder"), cell: (one) => parties.cell(one.holderKey), value: (one) => one.holderKey ?? "" },
    { title: t("vouchers.issuer"), cell: (one) => (one.issuerKey === me.party ? t("vouchers.ours") : parties.cell(one.issuerKey)), value: (one) => one.issuerKey },
    { title: t("vouchers.since"), cell: (one) => (one.changedAt ? localTime(one.changedAt) : "—"), value: (one) => one.changedAt ?? "" },
  ],
});

const vouchers = new PagedTable(at("vouchers"), {
  label: t("vouchers.vouchers"), className: "keys",
  columns: [
    { title: t("vouchers.voucher"), cell: (one) => opener(one.code, one.id), value: (one) => one.code },
    { title: t("vouchers.state"), cell: (one) => told.vouchers[one.state] ?? one.state, value: (one) => one.state },
    { title: t("vouchers.granted"), className: "number", cell: (one) => yuan(one.grantedFen), value: (one) => one.grantedFen ?? 0 },
    { title: t("vouchers.use_until"), cell: (one) => one.useUntil ?? "—", value: (one) => one.useUntil ?? "" },
    { title: t("vouchers.cash_until"), cell: (one) => one.cashUntil ?? "—", value: (one) => one.cashUntil ?? "" },
    { title: t("vouchers.issuer"), cell: (one) => parties.cell(one.issuerKey), value: (one) => one.issuerKey },
  ],
});

function stateOf(claim) {
  const words = told.states[claim.state] ?? claim.state;
  const holds = claim.holdReasons ?? [];
  return holds.length ? element("span", [words, " ", element("b", t("vouchers.is_held"), "late")]) : words;
}

async function drawLists() {
  const { data, problems } = await asked("desk", { states: ["RESERVED", "CONSUMED", "SUBMITTED", "COUNTY_OK", "CITY_OK"] });
  me = data.me ?? me;
  const [some, held] = [data.voucherClaims, data.vouchers];
  const named = [...some?.nodes ?? [], ...held?.nodes ?? []].flatMap((one) => [one.providerKey, one.holderKey, one.issuerKey]);
  await parties.learn([me.party, ...named]);
  at("lists").hidden = !some && !held;
  if (some) {
    // Of an office the figures are those of its own vouchers; it may see claims on others' by agreement.
    const own = some.nodes.filter((one) => one.issuerKey === me.party), isOffice = own.length > 0;
    const counted = isOffice ? own : some.nodes, number = { HELD: counted.filter((one) => one.holdReasons?.length).length };
    for (const one of counted) number[one.state] = (number[one.state] ?? 0) + 1;
    at("figures").replaceChildren(...FIGURES.map(([code, name]) => element("li", [element("b", count(number[code] ?? 0)), t(`vouchers.${name}`)])));
    const rank = (one) => (one.issuerKey === me.party ? 2 : 0) + (one.holdReasons?.length ? 1 : 0);
    claims.show([...some.nodes].sort((a, b) => rank(b) - rank(a)));
    at("claims-told").textContent = listed(some) + (isOffice ? ` ${t("vouchers.own", { n: count(own.length) })}` : "");
  }
  if (held) {
    vouchers.show(held.nodes);
    at("vouchers-told").textContent = listed(held);
  }
  showErrors(...linesOf(problems));
}

const listed = ({ totalCount, nodes }) => (totalCount === 0 ? t("vouchers.none")
  : totalCount > LISTED_MAX ? t("vouchers.more", { n: count(nodes.length), all: count(totalCount) }) : t("vouchers.number", { n: count(totalCount) }));

// -- finding -----------------------------------------------------------------------------------------

const tail = (key) => (key ? key.slice(key.lastIndexOf("/") + 1) : "—");
const found = new PagedTable(at("found"), {
  label: t("vouchers.found"), className: "keys",
  columns: [
    { title: t("vouchers.claim"), cell: (one) => (one.claim ? opener(tail(one.claimKey), one.claim) : "—"), value: (one) => one.claimKey ?? "" },
    { title: t("vouchers.state"), cell: (one) => told.states[one.claimState] ?? "—", value: (one) => one.claimState ?? "" },
    { title: t("vouchers.voucher"), cell: (one) => linked(one, one.voucher, one.voucherKey) },
    { title: t("vouchers.service"), cell: (one) => linked(one, one.service, one.serviceKey) },
    { title: t("vouchers.order"), cell: (one) => linked(one, one.order, one.orderKey) },
  ],
});
// Of a case with a claim, the claim opens it; else whatever there is.
const linked = (one, id, key) => (id && !one.claim ? opener(tail(key), id) : mono(tail(key)));

async function find() {
  const by = at("by").value || null;
  const { data, problems } = await asked("cases", { text: at("text").value, by });
  showErrors(...linesOf(problems));
  at("case").hidden = true; // the case of an earlier search would be taken for the answer to this one
  at("found-told").textContent = "";
  at("found").hidden = true;
  const list = data.voucherCases;
  if (!list) return;
  found.show(list.cases);
  at("found").hidden = list.cases.length === 0;
  at("found-told").textContent = list.cases.length === 0 ? t("vouchers.nothing")
    : t(list.isWhole ? "vouchers.cases" : "vouchers.more_cases", { n: count(list.cases.length) });
  const [only] = list.cases;
  if (list.cases.length === 1) await openCase(only.claim ?? only.service ?? only.order ?? only.voucher);
}

// -- a case ------------------------------------------------------------------------------------------

const RANK = { INVALID: "DENY", UNKNOWN: "UNKNOWN", VALID: "ALLOW" };
const VERDICTS = { INVALID: "invalid", UNKNOWN: "unknown", VALID: "valid" };
const RESULTS = { FAIL: "fail", UNKNOWN: "unknown", PASS: "pass" };
const FORCE = { IN_FORCE: "law_in_force", UNDECIDED: "law_undecided", DRAFT: "law_draft", ENDED: "law_ended" };
const forceOf = ({ status }) => (FORCE[status] ? t(`vouchers.${FORCE[status]}`) : status);
const SIGNS = { FAIL: "✗", UNKNOWN: "?", PASS: "✓" };
const COLOUR = { FAIL: "bad", UNKNOWN: "late", PASS: "state" };

async function openCase(id) {
  at("decided").hidden = true;
  await drawCase(id);
  at("case").hidden = false;
  at("case").focus();
}

async function drawCase(id) {
  const { data, problems } = await asked("case", { id });
  showErrors(...linesOf(problems));
  const file = data.voucherCase;
  if (!file) {
    if (!problems.length) showErrors(refusalLine("NOT_FOUND", t("vouchers.gone")));
    return;
  }
  const key = file.case.voucherKey ?? file.case.claimKey?.slice(0, file.case.claimKey.lastIndexOf("/")) ?? "";
  const cut = key.lastIndexOf("/");
  open = { id, file, issuer: key.slice(0, cut), code: key.slice(cut + 1), claimNo: file.case.claimKey ? tail(file.case.claimKey) : null };
  const checks = await askChecks();
  drawVerdict(file, checks);
  drawChecks(file, checks);
  drawStations(file.stations);
  drawRecords(file);
  drawParameters(file);
  drawLedger(file, at("ledger"), at("money-told"));
  await drawMoney();
  deciding.show(open, me, file);
}

// Only a claim for a service that is known can be checked.
async function askChecks() {
  const { case: one } = open.file;
  if (!one.claim || !one.serviceKey || one.claimFen === null) return { lacking: t("vouchers.not_checkable") };
  const scope = "voucher:verify";
  if (!session.client.scopes.includes(scope)) return { lacking: t("vouchers.no_scope", { scope }) };
  const { data, problems } = await asked("checks", { issuer: open.issuer, code: open.code, service: one.serviceKey, fen: one.claimFen, claimNo: open.claimNo });
  return { ...data.verifyService, lacking: data.verifyService ? "" : problems.map(wordsOf).join(" ") };
}

const checkWords = (check) => {
  const why = check.missing ? `${told.missing[check.missing] ?? lawName(check) ?? check.missing}` : "";
  return `${told.checks[check.code] ?? check.code}${why ? ` (${why})` : ""}`;
};
const lawName = ({ missing, parameter }) => (missing.startsWith("VOUCHER_") && parameter ? t("vouchers.no_value", { name: parameter }) : undefined);

function drawVerdict(file, { verdict, checks = [], lacking, inLog }) {
  const one = file.case, held = one.heldFor.map(inWords);
  const wrong = [
    ...held.map((why) => element("li", [element("b", t("vouchers.held_for", { why }))], "late")),
    ...(file.fault ? [element("li", t("vouchers.fault", { code: file.fault }), "bad")] : []),
    ...(inLog === false ? [element("li", t("vouchers.not_in_log"), "late")] : []),
    ...checks.filter(({ result }) => result === "FAIL").map((check) => element("li", [`${t("vouchers.fails")} `, checkWords(check)], "bad")),
    ...checks.filter(({ result }) => result === "UNKNOWN").map((check) => element("li", [`${t("vouchers.unknown")} `, checkWords(check)], "late")),
    ...file.stations.filter(({ missing }) => missing.length).map((station) => element("li", t("vouchers.lacks", { station: inWords(station), what: station.missing.map(inWords).join(SEPARATOR) }), "soft")),
  ];
  const state = one.claimState ? told.states[one.claimState] ?? one.claimState : t("vouchers.no_claim");
  const words = verdict ? t(`vouchers.${VERDICTS[verdict] ?? "unknown"}`) : t("vouchers.unchecked");
  at("verdict").textContent = `${state} · ${words}`;
  at("named").textContent = [open.code && `${t("vouchers.voucher")} ${open.code}`, open.claimNo && `${t("vouchers.claim")} ${open.claimNo}`, one.serviceKey, one.orderKey].filter(Boolean).join(" · ");
  at("case").dataset.answer = held.length && verdict !== "INVALID" ? "UNKNOWN" : RANK[verdict] ?? "";
  at("wrong").replaceChildren(...(wrong.length ? wrong : [element("li", t("vouchers.nothing_wrong"))]));
  at("checks-told").textContent = lacking || t("vouchers.checked", { n: checks.length });
}

function drawChecks(file, { checks = [] }) {
  at("checks").replaceChildren();
  if (checks.length === 0) return;
  const law = Object.fromEntries(file.parameters.map((each) => [each.name, each]));
  const shown = new PagedTable(at("checks"), {
    label: t("vouchers.checks"), className: "checks",
    columns: [
      { title: t("vouchers.result"), cell: ({ result }) => element("span", `${SIGNS[result] ?? "?"} ${t(`vouchers.${RESULTS[result] ?? "unknown"}`)}`, COLOUR[result]) },
      { title: t("vouchers.check"), cell: checkWords },
      { title: t("vouchers.rests_on"), cell: ({ code }) => evidence(file.records.filter(({ checks: on }) => on.includes(code))) },
      { title: t("vouchers.parameter"), cell: (check) => parameterCell(check, law, file.lackingParameters) },
    ],
  });
  shown.show(checks);
}

// A check that passes may have needed no value of its parameter.
function parameterCell({ parameter: name, result }, law, lacking) {
  if (!name) return "—";
  const value = law[name], isLacked = lacking.includes(name) && result !== "PASS";
  if (!value) return element("span", [element("code", name), isLacked ? ` ${t("vouchers.no_value_short")}` : ""], isLacked ? "late" : "");
  return element("span", [`${inWords(value)}: ${value.value} `, element("small", forceOf(value))]);
}

const evidence = (records) => (records.length === 0 ? "—"
  : element("span", records.flatMap((each, n) => [n ? ", " : "", receiptLink(each, `${told.types[each.recordType] ?? each.recordType} ${each.entryId}`)])));

function receiptLink({ recordType, entryId }, text) {
  const fetchBoth = () => working(async () => {
    for (const [path, name, type] of [[`/receipts/${entryId}`, `${recordType}-${entryId}.tlog-proof`, "text/plain"], [`/records/${entryId}`, `${recordType}-${entryId}.json`, "application/json"]]) {
      const answer = await session.request("GET", path);
      if (answer.status !== 200) {
        const body = answer.status === 202 ? { code: "ACCEPTED", title: t("vouchers.not_in_log") } : await bodyOf(answer);
        return showErrors(refusalLine(body.code, wordsOf(body)));
      }
      saveAs(name, await answer.arrayBuffer(), type);
    }
  });
  const made = button(text, fetchBoth, "link");
  made.title = t("vouchers.receipt_of");
  return made;
}

function drawStations(stations) {
  at("stations").replaceChildren(...stations.map((station) => {
    const rows = station.facts.map((fact) => element("div", [element("dt", inWords(fact)), element("dd", language === "en" ? fact.valueEn : fact.valueZh)]));
    const missing = station.missing.map((each) => element("p", inWords(each), "late"));
    return element("section", [element("h4", inWords(station)), element("dl", rows), ...missing], "station");
  }));
}

function drawRecords({ records, isWhole }) {
  at("records-told").textContent = isWhole ? "" : t("vouchers.records_cut");
  new PagedTable(at("records"), {
    label: t("vouchers.records"), className: "keys",
    columns: [
      { title: t("vouchers.kind"), cell: (each) => told.types[each.recordType] ?? each.recordType },
      { title: t("vouchers.key"), cell: (each) => mono(each.key) },
      { title: t("kit.source"), cell: (each) => each.source },
      { title: t("kit.as_of"), cell: (each) => localTime(each.asOf) },
      { title: t("vouchers.receipt"), cell: (each) => receiptLink(each, t("vouchers.entry", { n: each.entryId })) },
    ],
  }).show(records);
}

function drawParameters({ parameters, lackingParameters }) {
  const rows = [...lackingParameters.map((name) => ({ name, value: null })), ...parameters];
  at("parameters").replaceChildren(element("p", t("vouchers.no_day"), "soft"));
  if (rows.length === 0) return;
  new PagedTable(at("parameters"), {
    label: t("vouchers.parameters"), className: "keys",
    columns: [
      { title: t("vouchers.parameter"), cell: (each) => (each.value === null ? mono(each.name) : element("span", [`${inWords(each)} `, element("small", each.name)])) },
      { title: t("vouchers.value"), cell: (each) => (each.value === null ? element("b", t("vouchers.no_value_short"), "late") : `${each.value} ${each.unit}`) },
      { title: t("vouchers.force"), cell: (each) => (each.status ? forceOf(each) : "—") },
      { title: t("vouchers.basis"), cell: (each) => each.basis ?? "—" },
    ],
  }).show(rows);
}

async function drawMoney() {
  at("movements").replaceChildren();
  if (!open.code) return;
  const { data } = await asked("movements", { issuer: open.issuer, code: open.code });
  const moved = data.voucherMovements;
  if (!moved?.nodes.length) return;
  await parties.learn(moved.nodes.map(({ statedBy }) => statedBy));
  drawMovements(moved, at("movements"), told, parties);
}

async function savePack() {
  const id = open.file.case.claim ?? open.id;
  const answer = await session.request("GET", `/vouchers/pack/${encodeURIComponent(id)}?lang=${language}`);
  if (answer.status !== 200) {
    const body = await bodyOf(answer);
    return showErrors(refusalLine(body.code, wordsOf(body)));
  }
  saveAs(`voucher-case-${open.code || open.claimNo || "record"}${open.claimNo ? `-${open.claimNo}` : ""}.zip`, await answer.arrayBuffer(), "application/zip");
}

// -- deciding ----------------------------------------------------------------------------------------

const deciding = new Deciding({
  told, working, checkWords, showErrors, lines: linesOf,
  send: (name, input, idempotencyKey) => asked(name, { input }, { signed: true, idempotencyKey }),
  again: async () => {
    await drawCase(open.id);
    await drawLists();
  },
});

// -- beginning ---------------------------------------------------------------------------------------

async function entered() {
  const { clientId } = session.client;
  at("desk").hidden = at("case").hidden = at("lists").hidden = true;
  at("found").replaceChildren(); // what another client found is not this one's
  at("found-told").textContent = "";
  await working(async () => {
    await drawLists();
    at("session").textContent = t("vouchers.session", { client: clientId, party: parties.text(me.party) });
    at("desk").hidden = false;
  });
}

async function start() {
  at("form").addEventListener("submit", (event) => {
    event.preventDefault();
    working(find);
  });
  at("pack").addEventListener("click", () => working(savePack));
  at("print").addEventListener("click", () => print());
  await signIn(session, { entered, asks: ASKED });
  document.body.dataset.state = "ready";
}

start();
