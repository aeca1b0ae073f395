// A university sends a table: look what would happen, correct it, send it, keep the receipts. The page
// asks at the public interface, under the key of its reader.
import { signIn } from "/pages/access.js";
import { at, bodyOf, count, element, reasonOf, refusalLine, saveAs, wordsOf } from "/pages/dom.js";
import { showErrors } from "/pages/desk.js";
import { base64url, nonce, Session } from "/pages/session.js";
import { ReceiptList } from "/pages/receipts.js";
import { CheckedFile } from "/pages/sheets.js";
import { drawSheets } from "/pages/sheet_view.js";
import { XLSX } from "/pages/workbook.js";
import { language, t } from "/pages/words.js";

const MIB = 1024 * 1024;
const FILE_TYPE = "application/octet-stream";
const ASKED = ["records:push", "receipt:read", "catalogue:read"]; // of the operator, for a new client
const ATTEMPT = "hub.attempt.";
const LOOK_AFTER_MS = 1500; // the log signs about once a second
const LOOKS = 4;

const session = new Session(location.origin);
const receipts = new ReceiptList(session);
let file = null; // { name, bytes }
let checked = null; // CheckedFile: what the last check of this file found
let isWritten = false;

const problemText = (problem) => (language === "en" ? problem.messageEn : problem.messageZh);

// A refusal in words; where several things are wrong, each with its place.
function refusal(body) {
  const problems = body.problems ?? [];
  const told = [refusalLine(body.code, wordsOf(body), problems.length ? "" : body.hint)];
  for (const each of problems) {
    const line = each.line ? t("submit.line", { n: each.line }) : "";
    told.push(refusalLine(each.code, `${line}${problemText(each)}`, each.where));
  }
  return told;
}

// One thing at a time; the page says that it works.
async function working(act) {
  const buttons = [...document.querySelectorAll("main button")].filter((each) => !each.disabled);
  for (const each of buttons) each.disabled = true;
  document.body.dataset.state = "working";
  at("busy").textContent = t("submit.working");
  showErrors();
  try {
    await act();
  } catch (error) {
    showErrors(refusalLine("NO_ANSWER", t("submit.failed", { why: reasonOf(error) })));
  } finally {
    for (const each of buttons) each.disabled = false;
    at("busy").textContent = "";
    ready();
    document.body.dataset.state = "ready";
  }
}

const ready = () => { at("check").disabled = !(session.client && at("source").value && file); };

async function digest(...texts) {
  const parts = await Promise.all(texts.map((each) =>
    crypto.subtle.digest("SHA-256", typeof each === "string" ? new TextEncoder().encode(each) : each)));
  const whole = new Uint8Array(parts.flatMap((each) => [...new Uint8Array(each)]));
  return base64url(await crypto.subtle.digest("SHA-256", whole));
}

const readingChosen = () => at("reading").selectedOptions[0]?.dataset ?? {};

// What decides the answer. The same file, read in the same way, is the same request: sent twice, or
// after the page was loaded again, it is written once.
async function requestId(bytes) {
  const { name = "", version = "" } = readingChosen();
  const asked = await digest(bytes, at("source").value, `${name}@${version}`, String(at("units").checked));
  return { asked, key: `page-${asked}-${localStorage.getItem(ATTEMPT + asked) ?? 0}` };
}

async function sendFile(name, bytes, isDry) {
  const query = { source: at("source").value, name, cells: "true", marked: "true", rows: "true" };
  if (readingChosen().name) query.mapping = readingChosen().name;
  if (isDry) query.dryRun = "true";
  if (at("units").checked) query.unitsAreRight = "true";
  const idempotencyKey = isDry ? `page-check-${nonce()}` : (await requestId(bytes)).key;
  const answer = await session.request("POST", "/files", { query, body: bytes, type: FILE_TYPE, idempotencyKey, signed: true });
  return { ok: answer.ok, body: await bodyOf(answer) };
}

// What the hub refused as a whole. A table that it does not know gets a draft of a mapping.
async function refusedFile(body) {
  const codes = (body.problems ?? []).map((each) => each.code);
  at("units-label").hidden = !codes.includes("UNIT_DOUBTED") && !at("units").checked;
  if (!codes.includes("HEADER_UNKNOWN")) return showErrors(...refusal(body));
  showErrors(element("p", t("submit.unknown_table"), "note"));
  return draft();
}

function clearResult() {
  checked = null;
  at("result").hidden = at("draft").hidden = true;
  at("sheets").replaceChildren();
}

async function check() {
  if (!file) return showErrors(element("p", t("submit.choose_first"), "error"));
  clearResult();
  const { ok, body } = await sendFile(file.name, file.bytes, true);
  if (!ok) return refusedFile(body);
  checked = new CheckedFile(body);
  isWritten = false;
  show();
  at("result").focus();
}

const correctedName = () => `${file.name.replace(/\.[^.]*$/, "")}-corrected.xlsx`;
const corrected = () => checked.corrected(at("sending").dataset.rowNumber);

async function recheck() {
  const { ok, body } = await sendFile(correctedName(), corrected(), true);
  if (!ok) return showErrors(...refusal(body));
  checked.take(body);
  show();
}

const entriesOf = (report) => report.tables.flatMap((table) => table.entries);

// The file first, then what was corrected of it: a row that comes back with the file is sent again.
// What still comes back can be corrected and sent after that. While rows of the file wait for their home
// hub it is sent again as it is, which is the same request: what had been written is not written twice.
async function submit() {
  if (!checked.isChecked) return showErrors(element("p", t("submit.unsaved"), "error"));
  const facts = { source: at("source").value, file: file.name, at: new Date().toISOString() };
  if (!isWritten || checked.waiting) {
    const { ok, body } = await sendFile(file.name, file.bytes, false);
    if (!ok) return showErrors(...refusal(body));
    receipts.add(entriesOf(body), facts);
    isWritten = true;
    checked.written = [body, ...(checked.written ?? []).slice(1)];
    checked.wait(body);
    show();
  }
  if (checked.edited.length) {
    const { ok, body } = await sendFile(correctedName(), corrected(), false);
    if (!ok) showErrors(...refusal(body));
    else {
      receipts.add(entriesOf(body), facts);
      checked.take(body, true);
      checked.written.push(body);
    }
  }
  show();
  at("result").focus();
  watchReceipts();
}

async function anew() {
  const { asked } = await requestId(file.bytes);
  localStorage.setItem(ATTEMPT + asked, Number(localStorage.getItem(ATTEMPT + asked) ?? 0) + 1);
  await check();
}

async function watchReceipts() {
  for (let n = 0; n < LOOKS; n++) {
    await new Promise((done) => { setTimeout(done, LOOK_AFTER_MS); });
    if (await receipts.look()) return;
  }
}

const sum = (reports, name) => reports.reduce((all, report) => all + report.tables.reduce((n, table) => n + table[name], 0), 0);

function figures() {
  const reports = checked.written ?? [checked.report];
  const shown = [
    [sum([reports[0]], "read"), "submit.read"],
    [sum(reports, "accepted") + (isWritten ? 0 : checked.recovered), isWritten ? "submit.accepted" : "submit.would_accept"],
    [sum(reports, "duplicate"), "submit.same"],
    [checked.refused, "submit.refused"],
    [checked.unsettled, "submit.unsettled"],
    [checked.doubted, "submit.doubted"],
    [checked.fixed, "submit.fixed"],
  ];
  at("figures").replaceChildren(...shown.map(([value, name]) => element("li", [element("b", count(value)), t(name)])));
}

function verdict() {
  const waits = checked.unsettled ? t("submit.waits", { n: count(checked.unsettled), hubs: checked.homes.join(", ") }) : "";
  if (!isWritten) return `${t(checked.refused || checked.doubted ? "submit.correct_how" : "submit.all_good")}${waits}`;
  const [first] = checked.written;
  if (first.replayed && checked.written.every((each) => each.replayed)) return t("submit.replayed");
  const told = t("submit.submitted", {
    accepted: count(sum(checked.written, "accepted")), same: count(sum(checked.written, "duplicate")), refused: count(checked.refused),
  });
  return `${told}${waits}${checked.fixed ? t("submit.corrected_wait") : ""}`;
}

function show() {
  at("result").hidden = false;
  at("result-title").textContent = t(isWritten ? "submit.result_written" : "submit.result");
  figures();
  at("verdict").textContent = verdict();
  drawSheets(at("sheets"), checked, { isOpen: !isWritten || checked.refused > 0, edited: buttons });
  buttons();
}

function buttons() {
  const waiting = checked.edited.filter((row) => !row.isChecked).length;
  at("recheck").hidden = waiting === 0;
  at("recheck").textContent = t("submit.recheck", { n: waiting });
  const asksAgain = isWritten && checked.unsettled > 0;
  at("submit").hidden = isWritten && checked.edited.length === 0 && !asksAgain;
  at("submit").textContent = asksAgain ? t("submit.ask_again", { n: count(checked.unsettled) })
    : checked.refused ? t("submit.submit_left", { n: count(checked.refused) }) : t("submit.submit");
  at("marked").hidden = !checked.report.marked;
  at("anew").hidden = !(isWritten && checked.written[0].replayed);
}

function saveMarked() {
  const bytes = Uint8Array.from(atob(checked.report.marked.base64), (letter) => letter.charCodeAt(0));
  saveAs(`${file.name.replace(/\.[^.]*$/, "")}-marked.xlsx`, bytes, XLSX);
}

async function draft() {
  const query = { source: at("source").value, name: file.name };
  const answer = await session.request("POST", "/mappings/draft", {
    query, body: file.bytes, type: FILE_TYPE, idempotencyKey: `page-draft-${nonce()}`, signed: true,
  });
  if (!answer.ok) return showErrors(...refusal(await bodyOf(answer)));
  at("mapping-text").value = await answer.text();
  at("mapping-name").value = file.name.replace(/\.[^.]*$/, "");
  at("mapping-errors").replaceChildren();
  at("draft").hidden = false;
  at("mapping-name").focus();
}

async function keepMapping() {
  const name = at("mapping-name").value.trim();
  if (!name) return at("mapping-errors").replaceChildren(element("p", t("submit.no_mapping_name"), "error"));
  const answer = await session.request("POST", "/mappings", {
    query: { source: at("source").value, name }, body: at("mapping-text").value, type: "application/toml",
    idempotencyKey: `page-mapping-${nonce()}`, signed: true,
  });
  if (!answer.ok) return at("mapping-errors").replaceChildren(...refusal(await bodyOf(answer)));
  at("mapping-errors").replaceChildren();
  await listMappings(name);
  await check();
}

async function listMappings(chosen = "") {
  const options = [element("option", t("submit.monthly"), undefined, { value: "" })];
  if (session.client && at("source").value) {
    const answer = await session.request("GET", "/mappings", { query: { source: at("source").value } });
    for (const { name, version } of answer.ok ? (await bodyOf(answer)).mappings : []) {
      options.push(element("option", t("submit.mapping", { name, version }), undefined, { "data-name": name, "data-version": version, value: `m:${name}` }));
    }
  }
  at("reading").replaceChildren(...options);
  at("reading").value = chosen ? `m:${chosen}` : "";
}

async function entered() {
  const answer = await session.request("GET", "/clients/self");
  if (!answer.ok) throw new Error(refusal(await bodyOf(answer))[0].textContent);
  const { clientId, party, sources } = await bodyOf(answer);
  at("session").textContent = t("submit.session", { client: clientId, party });
  const may = session.client.scopes.includes("records:push");
  at("lacking").textContent = !may ? t("submit.no_scope") : sources.length ? "" : t("submit.no_source");
  at("source").replaceChildren(...(may ? sources : []).map((source) => element("option", source)));
  at("source").disabled = !at("source").value;
  await listMappings();
  ready();
}

async function take(chosen) {
  if (!chosen) return;
  file = null;
  clearResult();
  at("units").checked = false;
  at("units-label").hidden = true;
  showErrors();
  const most = Number(at("sending").dataset.bytesMax); // of one POST /files
  if (chosen.size > most) {
    const told = t("submit.too_large", { size: Math.ceil(chosen.size / MIB), most: most / MIB });
    at("chosen").textContent = "";
    showErrors(element("p", [told, " ", element("code", `deltahub client submit "${chosen.name}"`)], "error"));
  } else {
    file = { name: chosen.name, bytes: new Uint8Array(await chosen.arrayBuffer()) };
    at("chosen").textContent = t("submit.chosen", { name: file.name, size: Math.ceil(chosen.size / 1024) });
  }
  ready();
}

function takesDrops(place) {
  for (const name of ["dragenter", "dragover"]) {
    place.addEventListener(name, (event) => { event.preventDefault(); place.classList.add("over"); });
  }
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    at("file").value = "";
    take(event.dataTransfer.files[0]);
  });
}

function start() {
  const acts = { check, recheck, submit, anew, "keep-mapping": keepMapping };
  for (const [id, act] of Object.entries(acts)) at(id).addEventListener("click", () => working(act));
  at("marked").addEventListener("click", saveMarked);
  at("file").addEventListener("change", () => take(at("file").files[0]));
  at("source").addEventListener("change", () => working(() => listMappings()));
  takesDrops(at("drop"));
  // What was typed into cells is nowhere else.
  addEventListener("beforeunload", (event) => { if (checked?.edited.length) event.preventDefault(); });
  listMappings();
  at("own").open = true;
  signIn(session, { entered, asks: ASKED });
  document.body.dataset.state = "ready";
}

start();
