// The explorer: named samples, an editor, the answer with its sources, and the schema to read.
import { signIn } from "/pages/access.js";
import { age, at, count, element, localTime, reasonOf, refusalLine, wordsOf } from "/pages/dom.js";
import { Session } from "/pages/session.js";
import { known, t } from "/pages/words.js";
import { showJson, showSchema } from "/explore/show.js";

const session = new Session(location.origin, "/graphql");
const NARROW = matchMedia("(max-width: 60rem)");
const ASKED = ["catalogue:read", "receipt:read", "graphql:adhoc"]; // of the operator, for a new client
let samples = [];
let exampleKey = ""; // of an instrument that an answer named; samples about one instrument use it

function sourceRow(source) {
  const row = element("tr");
  const status = element("td", `${known(`state.${source.status}`) ?? ""} ${source.status}`, source.status);
  if (source.errorCode) status.append(` ${source.errorCode}`);
  const heard = Boolean(source.asOf);
  const time = element("time", heard ? localTime(source.asOf) : "—");
  time.title = time.dateTime = source.asOf ?? "";
  const asOf = element("td");
  asOf.append(time);
  const seconds = (Date.now() - Date.parse(source.asOf)) / 1000 + session.skew;
  row.append(
    element("td", source.id), status, element("td", heard ? source.servedFrom ?? "—" : "—"), asOf,
    element("td", heard ? age(seconds) : "—"), element("td", source.rows == null ? "—" : count(source.rows)));
  return row;
}

function graphQLError(error) {
  const { code = "ERROR", detail, scope } = error.extensions ?? {};
  const more = [
    error.path?.join("."), scope && `scope ${scope}`, detail,
    error.locations?.map((place) => t("explorer.place", place)).join("; "),
  ];
  return refusalLine(code, error.message, more.filter(Boolean).join(" · "));
}

function clear() {
  for (const id of ["facts", "errors", "data"]) at(id).replaceChildren();
  at("sources").tBodies[0].replaceChildren();
}

function failed(code, message, more) {
  clear();
  at("errors").replaceChildren(refusalLine(code, message, more));
  document.body.dataset.state = "failed";
}

// A refusal outside of GraphQL (RFC 9457) as an error of an answer.
function refusal(body) {
  const { code, hint } = body;
  if (code === "TOKEN_MISSING") {
    at("session").textContent = t("explorer.closed");
    at("own").open = true;
  }
  return { message: wordsOf(body), extensions: { code, detail: hint } };
}

function showAnswer(answer, status, milliseconds, bytes) {
  const extensions = answer.extensions ?? {};
  const facts = [`HTTP ${status}`, `${milliseconds.toFixed(0)} ms`, `${count(bytes)} B`];
  if (extensions.cost) facts.push(t("explorer.cost", { n: extensions.cost.requested }));
  if (extensions.denied) facts.push(t("explorer.hidden", { n: extensions.denied }));
  if (extensions.requestId) facts.push(t("explorer.request", { id: extensions.requestId }));
  at("facts").replaceChildren(...facts.map((fact) => element("span", fact)));
  const problems = answer.errors ?? (answer.code ? [refusal(answer)] : []);
  at("errors").replaceChildren(...problems.map(graphQLError));
  at("sources").tBodies[0].replaceChildren(...(extensions.sources ?? []).map(sourceRow));
  showJson(at("data"), answer.data);
  exampleKey = answer.data?.instruments?.nodes?.[0]?.key ?? exampleKey;
  document.body.dataset.state = "answered";
}

function writtenVariables() {
  const written = at("variables").value.trim();
  return written ? JSON.parse(written) : {};
}

async function run() {
  if (at("run").disabled) return;
  let variables;
  try {
    variables = writtenVariables();
  } catch (error) {
    failed("NOT_JSON", t("explorer.bad_variables"), error.message);
    return;
  }
  at("run").disabled = true;
  document.body.dataset.state = "asking";
  try {
    const started = performance.now();
    const response = await session.post(at("document").value, variables);
    const body = await response.text();
    showAnswer(JSON.parse(body), response.status, performance.now() - started, new Blob([body]).size);
  } catch (error) {
    failed("NO_ANSWER", t("explorer.no_answer"), reasonOf(error));
  } finally {
    at("run").disabled = false;
  }
}

async function runAndShow() {
  await run();
  if (NARROW.matches) at("answer").scrollIntoView();
}

function choose(sample) {
  const variables = { ...sample.variables };
  if (variables.key === "") {
    const institution = sample.name.startsWith("institution_");
    variables.key = institution ? exampleKey.split("/")[0] : exampleKey;
  }
  at("document").value = sample.document;
  at("variables").value = JSON.stringify(variables, null, 2);
  clear();
}

function showSession() {
  const kind = session.isOwn ? "explorer.own" : "explorer.sandbox";
  at("session").textContent = session.client
    ? t(kind, { client: session.client.clientId, scopes: session.client.scopes.join(" ") })
    : t("explorer.anonymous");
}

async function entered() {
  showSession();
  await run();
}

async function start() {
  at("run").addEventListener("click", runAndShow);
  signIn(session, { entered, asks: ASKED });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); runAndShow(); }
  });
  at("docs").addEventListener("toggle", () => showSchema(at("schema"), at("find")), { once: true });
  try {
    samples = await (await fetch("/explore/samples.json")).json();
    at("sample").replaceChildren(...samples.map((sample) => element("option", sample.title)));
    at("sample").addEventListener("change", (event) => choose(samples[event.target.selectedIndex]));
    choose(samples[0]);
    await session.open();
  } catch (error) {
    at("session").textContent = t("explorer.no_session");
    failed("NO_SESSION", t("explorer.no_session_why"), error.message);
    return;
  }
  showSession();
  document.body.dataset.state = "ready";
  await run();
}

start();
