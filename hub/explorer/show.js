// How answers and the schema are drawn. Text goes into text nodes only, never into markup.
import { element, localTime } from "/pages/dom.js";
import { t } from "/pages/words.js";

const COLOURED_MAX = 200_000; // characters; longer answers are shown without colours
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|true|false|null/g;

const INSTANT = /^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"$/;

export function showJson(place, value) {
  if (value === undefined) return place.replaceChildren();
  const text = JSON.stringify(value, null, 2);
  if (text.length > COLOURED_MAX) return place.replaceChildren(text);
  const parts = [];
  let done = 0;
  for (const found of text.matchAll(TOKEN)) {
    const kind = found[2] ? "key" : found[1] ? "string" : "other";
    const shown = found[1] ?? found[0];
    const part = element("span", shown, kind);
    if (kind === "string" && INSTANT.test(shown)) part.dataset.local = localTime(shown.slice(1, -1));
    parts.push(text.slice(done, found.index), part);
    done = found.index + shown.length;
  }
  return place.replaceChildren(...parts, text.slice(done));
}

const BUILT_IN = new Set(["Int", "Float", "String", "Boolean", "ID"]);

// A type as written in a schema, its name a link to its own description.
function written(type) {
  const name = type.replace(/[[\]!]/g, "");
  if (BUILT_IN.has(name)) return [type];
  const link = element("a", name);
  link.href = `#type-${name}`;
  const [before, after] = type.split(name);
  return [before, link, after];
}

function member(found) {
  const term = element("dt", found.name);
  const args = (found.args ?? []).flatMap((arg, n) => [n ? ", " : "", `${arg.name}: `, ...written(arg.type)]);
  if (args.length) term.append("(", ...args, ")");
  if (found.type) term.append(": ", ...written(found.type));
  return [term, element("dd", found.description)];
}

function described(type, members) {
  const title = element("h3", `${type.name} `);
  title.id = `type-${type.name}`;
  title.append(element("small", type.kind));
  const list = element("dl");
  list.append(...members.flatMap(member));
  return [title, element("p", type.description), list];
}

function matching(types, wanted) {
  return types.flatMap((type) => {
    const named = (found) => `${found.name} ${found.description}`.toLowerCase().includes(wanted);
    if (named(type)) return described(type, type.members);
    const hits = type.members.filter(named);
    return hits.length ? described(type, hits) : [];
  });
}

// The published interface, which everybody may read.
export async function showSchema(place, find) {
  let types;
  try {
    types = await (await fetch("/explore/types.json")).json();
  } catch (error) {
    return place.replaceChildren(element("p", error.message, "error"));
  }
  const show = () => {
    const parts = matching(types, find.value.trim().toLowerCase());
    place.replaceChildren(...(parts.length ? parts : [element("p", t("explorer.nothing_found"))]));
  };
  find.addEventListener("input", show);
  // A link leads to a type also while a search hides it.
  place.addEventListener("click", (event) => {
    if (event.target.tagName !== "A" || !find.value) return;
    find.value = "";
    show();
  });
  return show();
}
