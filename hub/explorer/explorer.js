// The explorer: named samples, an editor, the answer with its sources, and the schema to read.
import { Session } from "/explore/access.js";

const at = (id) => document.getElementById(id);
const element = (name, content, className) => {
  const made = document.createElement(name);
  if (content !== undefined) made.textContent = content;
  if (className) made.className = className;
  return made;
};

const session = new Session();
let samples = [];

function age(seconds) {
  if (seconds === null || Number.isNaN(seconds)) return "—";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

function showSources(sources) {
  const rows = (sources ?? []).map((source) => {
    const row = element("tr");
    const seconds = source.asOf ? (Date.now() - Date.parse(source.asOf)) / 1000 + session.skew : null;
    row.append(
      element("td", source.id), element("td", source.status, source.status),
      element("td", source.servedFrom ?? "—"), element("td", source.asOf ?? "—"), element("td", age(seconds)));
    return row;
  });
  at("sources").tBodies[0].replaceChildren(...rows);
}

function showAnswer(answer, status, milliseconds, bytes) {
  const extensions = answer.extensions ?? {};
  const facts = [`HTTP ${status}`, `${milliseconds.toFixed(0)} ms`, `${bytes.toLocaleString()} B`];
  if (extensions.cost) facts.push(`cost ${extensions.cost.requested ?? JSON.stringify(extensions.cost)}`);
  if (extensions.denied) facts.push(`hidden ${JSON.stringify(extensions.denied)}`);
  if (extensions.requestId) facts.push(extensions.requestId);
  at("facts").replaceChildren(...facts.map((fact) => element("span", fact)));
  at("errors").replaceChildren(...(answer.errors ?? []).map((error) =>
    element("p", `${error.extensions?.code ?? ""} ${error.message} ${error.path ? error.path.join(".") : ""}`, "error")));
  showSources(extensions.sources);
  at("data").textContent = JSON.stringify(answer.data ?? null, null, 2);
  document.body.dataset.state = "answered";
}

async function run() {
  const button = at("run");
  button.disabled = true;
  document.body.dataset.state = "asking";
  try {
    const written = at("variables").value.trim();
    const started = performance.now();
    const response = await session.post(at("document").value, written ? JSON.parse(written) : {});
    const body = await response.text();
    showAnswer(JSON.parse(body), response.status, performance.now() - started, new Blob([body]).size);
  } catch (error) {
    at("errors").replaceChildren(element("p", String(error), "error"));
    document.body.dataset.state = "failed";
  } finally {
    button.disabled = false;
  }
}

function choose(sample) {
  at("document").value = sample.document;
  at("variables").value = JSON.stringify(sample.variables ?? {}, null, 2);
}

const typeName = (type) => type.kind === "NON_NULL" ? `${typeName(type.ofType)}!`
  : type.kind === "LIST" ? `[${typeName(type.ofType)}]` : type.name;

const INTROSPECTION = `{ __schema { types { name kind description
  fields { name description args { name type { ...T } } type { ...T } }
  inputFields { name description type { ...T } } enumValues { name description } } } }
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

async function loadSchema() {
  const answer = await (await session.post(INTROSPECTION, {})).json();
  const types = (answer.data?.__schema.types ?? []).filter((type) => !type.name.startsWith("__"));
  types.sort((a, b) => (b.name === "Query") - (a.name === "Query") || a.name.localeCompare(b.name));
  const show = () => {
    const wanted = at("find").value.toLowerCase();
    const parts = [];
    for (const type of types) {
      const members = [...(type.fields ?? []), ...(type.inputFields ?? []), ...(type.enumValues ?? [])];
      const hits = type.name.toLowerCase().includes(wanted) ? members
        : members.filter((member) => member.name.toLowerCase().includes(wanted));
      if (wanted && !hits.length && !type.name.toLowerCase().includes(wanted)) continue;
      parts.push(element("h3", `${type.kind.toLowerCase()} ${type.name}`));
      if (type.description) parts.push(element("p", type.description));
      const list = element("dl");
      for (const member of hits) {
        const args = member.args?.length ? `(${member.args.map((a) => `${a.name}: ${typeName(a.type)}`).join(", ")})` : "";
        list.append(element("dt", `${member.name}${args}${member.type ? `: ${typeName(member.type)}` : ""}`),
          element("dd", member.description ?? ""));
      }
      parts.push(list);
    }
    at("schema").replaceChildren(...parts);
  };
  at("find").addEventListener("input", show);
  show();
}

async function start() {
  samples = await (await fetch("/explore/samples.json")).json();
  at("sample").replaceChildren(...samples.map((sample) => element("option", sample.title)));
  at("sample").addEventListener("change", (event) => choose(samples[event.target.selectedIndex]));
  choose(samples[0]);
  at("run").addEventListener("click", run);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
  });
  at("docs").addEventListener("toggle", () => loadSchema(), { once: true });
  try {
    await session.open();
    at("session").textContent = `${session.client.clientId} · ${session.client.scopes.join(" ")}`;
    document.body.dataset.state = "ready";
    await run();
  } catch (error) {
    at("session").textContent = `没有沙箱会话 No sandbox session: ${error.message}. Start the hub with HUB_SANDBOX=1 on a loopback address.`;
    document.body.dataset.state = "failed";
  }
}

start();
