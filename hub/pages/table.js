// A table that pages and sorts, by keyboard too.
import { button, count, element } from "/pages/dom.js";
import { t } from "/pages/words.js";

const ROWS = 25; // of a page

// `columns`: { title, cell(row): text or node, value(row)?: what is sorted by, className? }.
// `rowClass(row)`: class of a row. `label`: what the table shows, for who cannot see it.
export class PagedTable {
  #place; #columns; #rows = []; #rowClass; #label; #className; #size; #first = 0; #by = null; #down = false;

  constructor(place, { columns, label, rowClass = () => "", className = "", size = ROWS }) {
    [this.#place, this.#columns, this.#label, this.#rowClass] = [place, columns, label, rowClass];
    [this.#className, this.#size] = [className, size];
  }

  show(rows) {
    this.#rows = [...rows];
    this.#first = 0;
    this.#sort();
    this.draw();
  }

  #sort() {
    const value = this.#by?.value;
    if (!value) return;
    const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "zh"));
    this.#rows.sort((a, b) => (this.#down ? -1 : 1) * order(value(a), value(b)));
  }

  #sortBy(column) {
    this.#down = this.#by === column && !this.#down;
    this.#by = column;
    this.#first = 0;
    this.#sort();
    this.draw();
    this.#place.querySelector("th[aria-sort] button")?.focus();
  }

  #head(column) {
    const sorted = this.#by === column ? { "aria-sort": this.#down ? "descending" : "ascending" } : {};
    const title = column.value ? button(column.title, () => this.#sortBy(column)) : column.title;
    return element("th", title, column.className, { scope: "col", ...sorted });
  }

  draw() {
    const rows = this.#rows.slice(this.#first, this.#first + this.#size).map((row) => {
      const cells = this.#columns.map((column) => {
        const cell = column.cell(row);
        return cell instanceof HTMLTableCellElement ? cell : element("td", cell ?? "", column.className);
      });
      return element("tr", cells, this.#rowClass(row));
    });
    const table = element("table", [
      element("thead", element("tr", this.#columns.map((column) => this.#head(column)))),
      element("tbody", rows),
    ], this.#className);
    const scroll = element("div", table, "scroll", { tabindex: "0", role: "region", "aria-label": this.#label });
    this.#place.replaceChildren(scroll, ...this.#pager());
  }

  #pager() {
    const total = this.#rows.length, last = Math.min(total, this.#first + this.#size);
    if (total <= this.#size) return [];
    // The focus stays on the button, so that its key can be pressed again.
    const go = (by) => {
      this.#first += by;
      this.draw();
      const buttons = [...this.#place.querySelectorAll(".pager button")];
      const same = buttons[by < 0 ? 0 : 1];
      (same.disabled ? buttons.find((each) => !each.disabled) : same)?.focus();
    };
    const back = button(t("kit.previous"), () => go(-this.#size));
    const on = button(t("kit.next"), () => go(this.#size));
    back.disabled = this.#first === 0;
    on.disabled = last === total;
    const told = element("span", t("kit.rows_shown", { first: count(this.#first + 1), last: count(last), total: count(total) }), undefined, { role: "status" });
    return [element("div", [back, on, told], "pager")];
  }
}
