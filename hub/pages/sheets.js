// What a check found in a file, sheet by sheet, and what its reader corrected.
import { workbook } from "/pages/workbook.js";

const SHEET_NAME_MAX = 31;
const kindOf = (found) => (found.unsettled ? "unsettled" : "refused");
const sheetName = (name) => name.replace(/[[\]:*?/\\]/g, "_").slice(0, SHEET_NAME_MAX) || "Sheet1";

function rowOf(found, kind) {
  return {
    number: found.row, cells: [...(found.cells ?? [])], problems: found.problems, homes: found.homes ?? [], kind, wasRefused: kind === "refused",
    isEdited: false, // and not yet sent
    isChecked: true,
  };
}

export class Sheet {
  constructor(table) {
    this.name = table.sheet;
    this.columns = table.columns;
    this.headerRow = Math.max(1, table.headerRow);
    this.below = table.belowHeader; // rows that were not read, because their header is wrong
    this.tell(table);
    this.rows = [
      ...table.refused.map((each) => rowOf(each, kindOf(each))),
      ...table.doubted.map((each) => rowOf(each, "doubted")),
    ].sort((a, b) => a.number - b.number);
    if (this.below) this.rows = this.rows.filter((row) => row.problems.length); // the others only wait for the header
  }

  // Rows that are not listed, of either kind; the figures of the table count all of them.
  tell(table) {
    this.waitNotListed = table.unsettled - table.refused.filter((each) => each.unsettled).length;
    this.notListed = table.refusedNotListed - this.waitNotListed;
  }

  // Which rows their home hub has said nothing of, as the answer to the file tells. What was corrected
  // is sent on its own.
  wait(table) {
    const waiting = new Map(table.refused.filter((each) => each.unsettled).map((each) => [each.row, each]));
    const corrected = this.rows.filter((row) => row.isEdited || row.kind === "fixed");
    for (const row of corrected) waiting.delete(row.number);
    const others = this.rows.filter((row) => row.kind !== "unsettled" && !waiting.has(row.number) || corrected.includes(row));
    const refused = table.refused.filter((each) => !each.unsettled && !others.some((row) => row.number === each.row));
    this.rows = [...others, ...refused.map((each) => rowOf(each, "refused")), ...[...waiting.values()].map((each) => rowOf(each, "unsettled"))]
      .sort((a, b) => a.number - b.number);
    this.tell(table);
  }

  get isOpen() { return this.below === 0; }

  get edited() { return this.rows.filter((row) => row.isEdited); }

  // Columns to look at: first those with something wrong, then those that hold something.
  get shown() {
    const told = new Set(this.rows.flatMap((row) => row.problems.flatMap((each) => each.columns)));
    const others = this.columns.filter(({ position }) => !told.has(position) && this.rows.some((row) => row.cells[position - 1]));
    return [...this.columns.filter(({ position }) => told.has(position)), ...others];
  }

  edit(row, position, text) {
    while (row.cells.length < position) row.cells.push("");
    row.cells[position - 1] = text;
    row.isEdited = true;
    row.isChecked = false;
  }

  // What was said of the corrected rows; `isWritten`: they were sent, and those that went in stay so.
  take(table, isWritten) {
    const refused = new Map(table.refused.map((each) => [each.row, each]));
    const doubted = new Map(table.doubted.map((each) => [each.row, each]));
    for (const row of [...this.edited]) {
      const [bad, strange] = [refused.get(row.number), doubted.get(row.number)];
      row.kind = bad ? kindOf(bad) : "fixed";
      row.problems = (bad ?? strange)?.problems ?? [];
      row.homes = bad?.homes ?? [];
      row.isChecked = true;
      row.isEdited = Boolean(bad) || !isWritten;
    }
  }

  // The corrected rows as their sender's own table, with the numbers that they had. The header stands
  // where it stood.
  corrected(rowNumber) {
    const width = this.columns.reduce((most, { position }) => Math.max(most, position), 0);
    const names = Array(width).fill("");
    for (const { position, name } of this.columns) names[position - 1] = name;
    const rows = this.edited.map((row, n) => [this.headerRow + 1 + n, [row.number, ...row.cells]]);
    return { name: sheetName(this.name), rows: [[this.headerRow, [rowNumber, ...names]], ...rows] };
  }
}

export class CheckedFile {
  constructor(report) {
    this.report = report;
    this.sheets = report.tables.map((table) => new Sheet(table));
  }

  get edited() { return this.sheets.flatMap((sheet) => sheet.edited); }

  get isChecked() { return this.edited.every((row) => row.isChecked); }

  get refused() {
    const listed = this.sheets.flatMap((sheet) => sheet.rows).filter((row) => row.kind === "refused").length;
    return listed + this.sheets.reduce((sum, sheet) => sum + sheet.notListed, 0);
  }

  // Rows of the file itself that their home hub has said nothing of.
  get waiting() {
    const listed = this.sheets.flatMap((sheet) => sheet.rows).filter((row) => row.kind === "unsettled" && !row.isEdited).length;
    return listed + this.sheets.reduce((sum, sheet) => sum + sheet.waitNotListed, 0);
  }

  get unsettled() {
    const corrected = this.edited.filter((row) => row.kind === "unsettled").length;
    return this.waiting + corrected;
  }

  get homes() {
    return [...new Set(this.sheets.flatMap((sheet) => sheet.rows).filter((row) => row.kind === "unsettled").flatMap((row) => row.homes))];
  }

  // What the file's answer says of rows that wait.
  wait(report) {
    this.report.marked = report.marked;
    for (const [n, sheet] of this.sheets.entries()) if (sheet.isOpen) sheet.wait(report.tables[n]);
  }

  // Of the refused rows those that go in by now.
  get recovered() {
    return this.sheets.flatMap((sheet) => sheet.rows).filter((row) => row.kind === "fixed" && row.wasRefused).length;
  }

  get fixed() { return this.sheets.flatMap((sheet) => sheet.rows).filter((row) => row.kind === "fixed").length; }

  get doubted() {
    return this.sheets.flatMap((sheet) => sheet.rows).filter((row) => row.kind === "doubted").length;
  }

  corrected(rowNumber) {
    return workbook(this.sheets.filter((sheet) => sheet.edited.length).map((sheet) => sheet.corrected(rowNumber)));
  }

  // What the hub said of the corrected rows. One sheet is itself, whatever its name became.
  take(report, isWritten = false) {
    const sent = this.sheets.filter((sheet) => sheet.edited.length);
    for (const [n, sheet] of sent.entries()) {
      const table = sent.length === 1 ? report.tables[0] : report.tables.find((each) => each.sheet === sheetName(sheet.name)) ?? report.tables[n];
      if (table) sheet.take(table, isWritten);
    }
  }
}
