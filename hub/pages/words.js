// The words of the page, in its language. A name that is not in words.toml is a fault, not a text.
export const language = document.documentElement.lang === "en" ? "en" : "zh";
const words = await (await fetch(`/pages/words.${language}.json`)).json();

export function t(name, values = {}) {
  if (!(name in words)) throw new Error(`no word ${name}`);
  return words[name].replace(/\{(\w+)\}/g, (place, key) => values[key] ?? place);
}

// A code of the hub in words, where there are some.
export const known = (name) => words[name];

// What is said in both languages, in that of the page.
export const inWords = ({ zh, en }) => (language === "en" ? en : zh);
