// How answers and the schema are drawn. Text goes into text nodes only, never into markup.

const COLOURED_MAX = 200_000; // characters; longer answers are shown without colours
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|true|false|null/g;

export function element(name, content, className) {
  const made = document.createElement(name);
  if (content !== undefined) made.textContent = content;
  if (className) made.className = className;
  return made;
}

export function showJson(place, value) {
  if (value === undefined) return place.replaceChildren();
  const text = JSON.stringify(value, null, 2);
  if (text.length > COLOURED_MAX) return place.replaceChildren(text);
  const parts = [];
  let done = 0;
  for (const found of text.matchAll(TOKEN)) {
    const kind = found[2] ? "key" : found[1] ? "string" : "other";
    const shown = found[1] ?? found[0];
    parts.push(text.slice(done, found.index), element("span", shown, kind));
    done = found.index + shown.length;
  }
  return place.replaceChildren(...parts, text.slice(done));
}

const INTROSPECTION = `{ __schema { types { name kind description
  fields { name description args { name type { ...T } } type { ...T } }
  inputFields { name description type { ...T } } enumValues { name description } } } }
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

const BUILT_IN = new Set(["Int", "Float", "String", "Boolean", "ID"]);

// A type as written in a schema, its name a link to its own description.
function written(type) {
  if (type.kind === "NON_NULL") return [...written(type.ofType), "!"];
  if (type.kind === "LIST") return ["[", ...written(type.ofType), "]"];
  if (BUILT_IN.has(type.name)) return [type.name];
  const link = element("a", type.name);
  link.href = `#type-${type.name}`;
  return [link];
}

function member(found) {
  const term = element("dt", found.name);
  const args = (found.args ?? []).flatMap((arg, n) => [n ? ", " : "", `${arg.name}: `, ...written(arg.type)]);
  if (args.length) term.append("(", ...args, ")");
  if (found.type) term.append(": ", ...written(found.type));
  return [term, element("dd", found.description ?? "")];
}

function described(type, members) {
  const title = element("h3", `${type.name} `);
  title.id = `type-${type.name}`;
  title.append(element("small", type.kind.toLowerCase().replace("_", " ")));
  const list = element("dl");
  list.append(...members.flatMap(member));
  return [title, element("p", type.description ?? ""), list];
}

function matching(types, wanted) {
  return types.flatMap((type) => {
    const members = [...(type.fields ?? []), ...(type.inputFields ?? []), ...(type.enumValues ?? [])];
    const named = (found) => `${found.name} ${found.description ?? ""}`.toLowerCase().includes(wanted);
    if (named(type)) return described(type, members);
    const hits = members.filter(named);
    return hits.length ? described(type, hits) : [];
  });
}

const rank = (name) => ["Query", "Mutation"].indexOf(name) >>> 0;

export async function showSchema(session, place, find) {
  let answer;
  try {
    answer = await (await session.post(INTROSPECTION, {}, navigator.language)).json();
  } catch (error) {
    return place.replaceChildren(element("p", error.message, "error"));
  }
  if (!answer.data) {
    const told = answer.errors?.map((error) => `${error.extensions?.code} ${error.message}`).join("; ") ?? answer.code;
    return place.replaceChildren(element("p", told, "error"));
  }
  const types = answer.data.__schema.types.filter((type) => !type.name.startsWith("__") && !BUILT_IN.has(type.name));
  types.sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name));
  const show = () => {
    const parts = matching(types, find.value.trim().toLowerCase());
    place.replaceChildren(...(parts.length ? parts : [element("p", "没有找到 Nothing found")]));
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
