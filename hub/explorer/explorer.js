// The explorer: named samples, an editor, the answer with its sources, and the schema to read.
import { Session } from "/explore/access.js";
import { keyOf } from "/explore/key.js";
import { element, localTime, showJson, showSchema } from "/explore/show.js";

const at = (id) => document.getElementById(id);
const session = new Session(location.origin);
const NARROW = matchMedia("(max-width: 60rem)");
const IN_WORDS = {
  OK: "正常", STALE: "已过期", NEVER: "从未应答", ERROR: "出错", TIMEOUT: "超时", OPEN: "已断开",
  DENIED: "被拒绝", BAD_DATA: "数据有误",
};
// Refusals that come without words of their own.
const REFUSED = {
  TOKEN_MISSING: "此枢纽只应答持有密钥的客户端：请载入自己的密钥 This hub answers clients with a key only: load your own above",
  CLIENT_INACTIVE: "该客户端未启用，请联系运行方 This client is not active: ask the operator",
  TOKEN_REVOKED: "密钥或令牌已撤销，请联系运行方 The key or token was revoked: ask the operator",
};
const REFUSED_OTHERWISE = "身份未通过验证 The caller is not authenticated";
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
  const time = element("time", heard ? localTime(source.asOf) : "—");
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
  const name = element("a", code);
  name.href = "/guide/errors";
  const bold = element("b");
  bold.append(name);
  line.append(bold, ` ${message}`);
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

// A refusal outside of GraphQL (RFC 9457) as an error of an answer.
function refusal({ code, title, detail, hint }) {
  if (code === "TOKEN_MISSING") {
    at("session").textContent = "未接入：此枢纽不接受匿名提问 Not connected: this hub takes no anonymous questions";
    at("own").open = true;
  }
  return { message: detail ?? title ?? REFUSED[code] ?? REFUSED_OTHERWISE, extensions: { code, detail: hint } };
}

function showAnswer(answer, status, milliseconds, bytes) {
  const extensions = answer.extensions ?? {};
  const facts = [`HTTP ${status}`, `${milliseconds.toFixed(0)} ms`, `${bytes.toLocaleString()} B`];
  if (extensions.cost) facts.push(`开销 cost ${extensions.cost.requested}`);
  if (extensions.denied) facts.push(`未显示 hidden ${extensions.denied}`);
  if (extensions.requestId) facts.push(`请求 request ${extensions.requestId}`);
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

function showSession() {
  const kind = session.isOwn ? "客户端 Client" : "沙箱客户端 Sandbox client";
  at("session").textContent = session.client
    ? `${kind} ${session.client.clientId} · ${session.client.scopes.join(" ")}`
    : "匿名：至多可用所列示例 Anonymous: the samples as they are, at most";
}

async function useOwnKey() {
  const [file] = at("key").files, clientId = at("client").value.trim();
  at("refused").textContent = "";
  if (!globalThis.crypto?.subtle) {
    at("refused").textContent = "浏览器只在 https 或本机地址上提供密钥功能 Browsers handle keys on https or a loopback address only";
    return;
  }
  if (!file || !clientId) {
    at("refused").textContent = "请填写客户端标识并选择私钥文件 Give the client id and choose the key file";
    return;
  }
  at("use").disabled = true;
  try {
    await session.use(clientId, await keyOf(file));
    at("own").open = false;
    showSession();
    await run();
  } catch (error) {
    at("refused").textContent = error.message;
  } finally {
    at("key").value = "";
    at("use").disabled = false;
  }
}

async function start() {
  at("run").addEventListener("click", runAndShow);
  at("use").addEventListener("click", useOwnKey);
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
    at("session").textContent = "没有会话 No session";
    failed("NO_SESSION", "无法建立会话 No session could be opened", error.message);
    return;
  }
  showSession();
  document.body.dataset.state = "ready";
  await run();
}

start();
