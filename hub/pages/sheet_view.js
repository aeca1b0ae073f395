// The rows of a checked file to look at: bad cells marked in place, to be corrected there.
import { element } from "/pages/dom.js";
import { PagedTable } from "/pages/table.js";
import { known, language, t } from "/pages/words.js";

const textOf = (problem) => (language === "en" ? problem.messageEn : problem.messageZh);
let hints = 0;

// A column as its sender named it; of the monthly workbook also what the item is called.
const titleOf = ({ name, zh, en }) => (language === "en" ? en : zh) ?? name;
const ofCell = (row, position) => row.problems.filter((each) => each.columns.includes(position));

function headOf(column) {
  const title = titleOf(column);
  return title === column.name ? title : element("span", [title, element("small", column.name)]);
}

function told(row, sheet) {
  const names = new Map(sheet.columns.map((column) => [column.position, titleOf(column)]));
  const lines = row.problems.map((problem) => {
    const where = problem.columns.map((position) => names.get(position)).filter(Boolean).join(", ") || problem.path;
    const text = known(`home.${problem.code}`) ? t(`home.${problem.code}`, { hub: row.homes.join(", ") }) : textOf(problem);
    return element("div", `${where ? `${where}: ` : ""}${text}`);
  });
  return element("td", [element("span", t(`submit.${row.kind}`), `badge ${row.kind}`), ...lines], "told");
}

function cellOf(row, column, { isOpen, edit }) {
  const { position, name } = column;
  const problems = ofCell(row, position), value = row.cells[position - 1] ?? "";
  const mark = problems.length ? (row.kind === "refused" ? "refused-cell" : "doubted-cell") : "";
  if (!isOpen) return element("td", value, `${mark} plain`);
  const input = element("input", undefined, undefined, { type: "text", "aria-label": `${name} (${row.number})` });
  input.value = value;
  input.addEventListener("input", () => edit(row, position, input.value));
  const parts = [input];
  input.dataset.hint = [`${titleOf(column)}:`, ...problems.map(textOf)].join(" ");
  if (problems.length) {
    const hint = element("span", problems.map(textOf).join("\n"), "hint", { id: `hint-${++hints}` });
    input.setAttribute("aria-describedby", hint.id);
    if (row.kind === "refused") input.setAttribute("aria-invalid", "true");
    parts.push(hint);
  }
  return element("td", parts, mark);
}

function drawSheet(place, sheet, { isOpen, edited }) {
  const open = isOpen && sheet.isOpen, columns = sheet.shown;
  const edit = (row, position, text) => {
    sheet.edit(row, position, text);
    edited();
  };
  new PagedTable(place, {
    label: t("submit.sheet_rows", { name: sheet.name }),
    className: "sheet",
    rowClass: (row) => row.kind,
    columns: [
      { title: t("submit.row"), cell: (row) => String(row.number), value: (row) => row.number },
      { title: t("submit.problem"), cell: (row) => told(row, sheet), value: (row) => row.kind },
      ...columns.map((column) => ({ title: headOf(column), cell: (row) => cellOf(row, column, { isOpen: open && row.kind !== "unsettled", edit }) })),
    ],
  }).show(sheet.rows);
}

// What is wrong with the cell in hand, above the table.
function hintLine(table) {
  const line = element("div", t("submit.hint"), "hint-line", { tabindex: "0", role: "region", "aria-label": t("submit.problem") });
  const tell = (event) => { line.textContent = event.target.dataset.hint ?? line.textContent; };
  table.addEventListener("focusin", tell);
  table.addEventListener("mouseover", tell);
  return line;
}

const note = (name, values) => element("p", t(name, values), "note");

function notesOf(sheet, table) {
  return [
    ...Object.entries(table.leftOut).filter(([, n]) => n).map(([reason, n]) => note("submit.left_out", { reason, n })),
    ...(sheet.isOpen ? [] : [note("submit.header_wrong", { n: sheet.below })]),
    ...(sheet.notListed ? [note("submit.not_listed", { n: sheet.notListed })] : []),
  ];
}

// What becomes of the records that are not refused, to be opened.
function takenRows(table) {
  const place = element("div");
  const said = (one) => (one.outcome === "ACCEPTED" && one.revision > 1
    ? t("outcome.CHANGED", { n: one.revision }) : t(`outcome.${one.outcome}`));
  const outcome = (one) => (one.home ? t("submit.taken_there", { outcome: said(one), hub: one.home }) : said(one));
  new PagedTable(place, {
    label: t("submit.taken"),
    columns: [
      { title: t("submit.row"), cell: (one) => String(one.row), value: (one) => one.row },
      { title: t("submit.record"), cell: (one) => `${one.type} ${one.key}`, value: (one) => one.key },
      { title: t("submit.outcome"), cell: outcome, value: outcome },
    ],
  }).show(table.outcomes);
  const more = table.outcomesNotListed ? [note("submit.taken_more", { n: table.outcomesNotListed })] : [];
  return element("details", [element("summary", t("submit.taken")), ...more, place], "taken");
}

// `edited()` is called after each change of a cell.
export function drawSheets(place, checked, { isOpen, edited }) {
  const parts = checked.sheets.flatMap((sheet, n) => {
    const notes = notesOf(sheet, checked.report.tables[n]);
    const found = checked.report.tables[n];
    const taken = found.outcomes.length ? [takenRows(found)] : [];
    if (!sheet.rows.length && !notes.length && !taken.length) return [];
    const table = element("div"), title = element("h3", t("submit.sheet", { name: sheet.name }));
    if (!sheet.rows.length) return [title, ...notes, ...taken];
    drawSheet(table, sheet, { isOpen, edited });
    return [title, ...notes, ...(isOpen && sheet.isOpen ? [hintLine(table)] : []), table, ...taken];
  });
  const { empty, leftAlone } = checked.report;
  if (empty.length) parts.push(element("p", t("submit.empty", { names: empty.join(", ") }), "soft"));
  if (leftAlone.length) parts.push(element("p", t("submit.left_alone", { names: leftAlone.join(", ") }), "soft"));
  place.replaceChildren(...parts);
}
