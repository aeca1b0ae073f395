// Parts of a page. Text goes into text nodes only, never into markup.
import { t } from "/pages/words.js";

export const at = (id) => document.getElementById(id);

export function element(name, content, className, attributes = {}) {
  const made = document.createElement(name);
  if (Array.isArray(content)) made.append(...content);
  else if (content !== undefined) made.append(content);
  if (className) made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export function button(text, act, className) {
  const made = element("button", text, className, { type: "button" });
  made.addEventListener("click", act);
  return made;
}

// An instant as a clock on the wall in the delta shows it, with its offset: 2026-11-26 08:30:00 +08:00.
export const localTime = (text) =>
  `${new Date(text).toLocaleString("sv-SE", { timeZone: "Asia/Shanghai" })} +08:00`;

export function age(seconds) {
  const [count, unit] = seconds < 90 ? [seconds, "seconds"] : seconds < 5400 ? [seconds / 60, "minutes"]
    : seconds < 172800 ? [seconds / 3600, "hours"] : [seconds / 86400, "days"];
  return t(`kit.${unit}`, { n: Math.max(0, Math.round(count)) });
}

export const count = (number) => number.toLocaleString("en-US");

// Refusals of a caller that a browser says in words of its own: the hub's are for who writes a client.
const CALLER = { TOKEN_MISSING: "token_missing", CLIENT_INACTIVE: "inactive", TOKEN_REVOKED: "revoked" };
export const wordsOf = ({ code, detail, title }) => (CALLER[code] ? t(`access.${CALLER[code]}`) : detail ?? title ?? t("access.refused"));

// What an answer holds: JSON, or in its place a refusal that says that it is none of the hub's.
export async function bodyOf(answer) {
  try {
    return await answer.json();
  } catch {
    return { code: `HTTP_${answer.status}`, title: t("kit.strange_answer") };
  }
}

// Why something did not succeed: a browser's own words for a hub that is away are no help.
export const reasonOf = (error) => (error instanceof TypeError && /fetch|network/i.test(error.message) ? t("kit.unreachable") : error.message);

// A refusal: its code, its words and, small, what a developer needs.
export function refusalLine(code, message, more) {
  const line = element("p", undefined, "error");
  line.append(element("b", element("a", code, undefined, { href: "/guide/errors" })), ` ${message}`);
  if (more) line.append(element("small", more));
  return line;
}

export function saveAs(name, bytes, type) {
  const link = element("a", undefined, undefined, { download: name });
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
