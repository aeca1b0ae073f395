// The explorer: named samples, an editor, the answer with its sources, and the schema to read.
import { Session } from "/explore/access.js";
import { element, showJson, showSchema } from "/explore/show.js";

const at = (id) => document.getElementById(id);
const session = new Session(location.origin);
const NARROW = matchMedia("(max-width: 60rem)");
const IN_WORDS = {
  OK: "正常", STALE: "已过期", NEVER: "从未应答", ERROR: "出错", TIMEOUT: "超时", OPEN: "已断开",
  DENIED: "被拒绝", BAD_DATA: "数据有误",
};
let samples = [];
let exampleKey = ""; // of an instrument that an answer named; samples about one instrument use it

function age(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

function sourceRow(source) {
  const row = element("tr");
  const status = element("td", `${IN_WORDS[source.status] ?? ""} ${source.status}`, source.status);
  if (source.errorCode) status.append(` ${source.errorCode}`);
  const heard = Boolean(source.asOf);
  const time = element("time", heard ? new Date(source.asOf).toLocaleString("sv-SE") : "—");
  time.title = time.dateTime = source.asOf ?? "";
  const asOf = element("td");
  asOf.append(time);
  const seconds = (Date.now() - Date.parse(source.asOf)) / 1000 + session.skew;
  row.append(
    element("td", source.id), status, element("td", heard ? source.servedFrom ?? "—" : "—"), asOf,
    element("td", heard ? age(seconds) : "—"), element("td", source.rows?.toLocaleString() ?? "—"));
  return row;
}

// An error says its code, its words, where it applies and, small, what a developer needs.
function errorLine(code, message, more) {
  const line = element("p", undefined, "error");
  line.append(element("b", code), ` ${message}`);
  if (more) line.append(element("small", more));
  return line;
}

function graphQLError(error) {
  const { code = "ERROR", detail, scope } = error.extensions ?? {};
  const more = [
    error.path?.join("."), scope && `scope ${scope}`, detail,
    error.locations?.map(({ line, column }) => `行 line ${line}, 列 column ${column}`).join("; "),
  ];
  return errorLine(code, error.message, more.filter(Boolean).join(" · "));
}

function clear() {
  for (const id of ["facts", "errors", "data"]) at(id).replaceChildren();
  at("sources").tBodies[0].replaceChildren();
}

function failed(code, message, more) {
  clear();
  at("errors").replaceChildren(errorLine(code, message, more));
  document.body.dataset.state = "failed";
}

function showAnswer(answer, status, milliseconds, bytes) {
  const extensions = answer.extensions ?? {};
  const facts = [`HTTP ${status}`, `${milliseconds.toFixed(0)} ms`, `${bytes.toLocaleString()} B`];
  if (extensions.cost) facts.push(`开销 cost ${extensions.cost.requested}`);
  if (extensions.denied) facts.push(`未显示 hidden ${extensions.denied}`);
  if (extensions.requestId) facts.push(`请求 request ${extensions.requestId}`);
  at("facts").replaceChildren(...facts.map((fact) => element("span", fact)));
  const problems = answer.errors ?? (answer.code ? [{ message: answer.detail ?? answer.title, extensions: { code: answer.code, detail: answer.hint } }] : []);
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
    failed("NOT_JSON", "变量不是合法的 JSON Variables are not JSON", error.message);
    return;
  }
  at("run").disabled = true;
  document.body.dataset.state = "asking";
  try {
    const started = performance.now();
    const response = await session.post(at("document").value, variables, navigator.language);
    const body = await response.text();
    showAnswer(JSON.parse(body), response.status, performance.now() - started, new Blob([body]).size);
  } catch (error) {
    failed("NO_ANSWER", "枢纽没有应答 The hub did not answer", error.message);
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

async function start() {
  at("run").addEventListener("click", runAndShow);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); runAndShow(); }
  });
  at("docs").addEventListener("toggle", () => showSchema(session, at("schema"), at("find")), { once: true });
  try {
    samples = await (await fetch("/explore/samples.json")).json();
    at("sample").replaceChildren(...samples.map((sample) => element("option", sample.title)));
    at("sample").addEventListener("change", (event) => choose(samples[event.target.selectedIndex]));
    choose(samples[0]);
    await session.open();
  } catch (error) {
    at("session").textContent = "没有会话 No session";
    failed("NO_SESSION", "无法建立会话 No session could be opened", error.message);
    return;
  }
  at("session").textContent = session.client
    ? `沙箱客户端 Sandbox client ${session.client.clientId} · ${session.client.scopes.join(" ")}`
    : "匿名：仅限所列示例 Anonymous: the samples as they are (HUB_SANDBOX=1 on this machine allows more)";
  document.body.dataset.state = "ready";
  await run();
}

start();
