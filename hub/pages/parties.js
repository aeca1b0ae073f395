// What institutions are called, by the keys that records name them by: asked for once, a hundred at a time.
import { element } from "/pages/dom.js";
import { language } from "/pages/words.js";

const AT_ONCE = 100;

export class Parties {
  // `ask(keys)`: the institutions of these keys, as far as they are known.
  constructor(ask) {
    this.ask = ask;
    this.names = new Map(); // null: nobody named it
  }

  async learn(keys) {
    const wanted = [...new Set(keys)].filter((key) => key && !this.names.has(key));
    for (let first = 0; first < wanted.length; first += AT_ONCE) {
      const some = wanted.slice(first, first + AT_ONCE);
      const found = await this.ask(some);
      for (const key of some) this.names.set(key, null);
      for (const { key, name } of found) this.names.set(key, (language === "en" ? name.en : name.zh) ?? name.zh);
    }
  }

  // The key, and the name beside it where there is one.
  cell(key) {
    const name = this.names.get(key);
    return name ? element("span", [name, " ", element("code", key)]) : element("code", key ?? "—");
  }

  text(key) {
    const name = this.names.get(key);
    return name ? `${name} ${key}` : key ?? "—";
  }
}
