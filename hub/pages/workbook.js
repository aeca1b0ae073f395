// A workbook of texts, as XLSX (ECMA-376): what a page sends when rows were corrected in it.
// ZIP entries are stored and not compressed; cells are inline texts, so nothing can become a formula.

const utf8 = new TextEncoder();
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml";
export const XLSX = `${TYPES}.sheet`;
const DAY_1980 = 0x21; // the first day that ZIP knows: the bytes are the same whenever they are made

const escaped = (text) => text
  .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
  .replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

export function columnName(position) {
  let name = "";
  for (let rest = position; rest > 0; rest = Math.floor((rest - 1) / 26)) name = String.fromCharCode(65 + ((rest - 1) % 26)) + name;
  return name;
}

function cell(value, row, position) {
  if (value === "" || value == null) return "";
  const at = `${columnName(position)}${row}`;
  if (typeof value === "number") return `<c r="${at}"><v>${value}</v></c>`;
  return `<c r="${at}" t="inlineStr"><is><t xml:space="preserve">${escaped(value)}</t></is></c>`;
}

// `rows`: [number of the row, its cells].
function sheetXml(rows) {
  const lines = rows.map(([number, cells]) =>
    `<row r="${number}">${cells.map((value, n) => cell(value, number, n + 1)).join("")}</row>`);
  return `<worksheet xmlns="${MAIN}"><sheetData>${lines.join("")}</sheetData></worksheet>`;
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

// Numbers of 2 and 4 bytes, the lowest first.
function record(fields) {
  const bytes = [];
  for (const [size, value] of fields) for (let n = 0; n < size; n++) bytes.push((value >>> (8 * n)) & 0xff);
  return Uint8Array.from(bytes);
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

function zip(files) {
  const local = [], central = [];
  let at = 0, listed = 0;
  for (const [path, text] of Object.entries(files)) {
    const name = utf8.encode(path), data = utf8.encode(text);
    const facts = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, DAY_1980], [4, crc32(data)], [4, data.length], [4, data.length], [2, name.length], [2, 0]];
    const head = record([[4, 0x04034b50], ...facts]);
    const entry = record([[4, 0x02014b50], [2, 20], ...facts, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]]);
    local.push(head, name, data);
    central.push(entry, name);
    at += head.length + name.length + data.length;
    listed += entry.length + name.length;
  }
  const many = Object.keys(files).length;
  return joined([...local, ...central, record([[4, 0x06054b50], [2, 0], [2, 0], [2, many], [2, many], [4, listed], [4, at], [2, 0]])]);
}

// `sheets`: [{ name, rows }].
export function workbook(sheets) {
  const xml = (text) => `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n${text}`;
  const numbered = sheets.map((sheet, n) => ({ ...sheet, n: n + 1 }));
  const relation = (id, type, target) => `<Relationship Id="${id}" Type="${RELATIONS}/${type}" Target="${target}"/>`;
  const relations = (listed) => xml(`<Relationships xmlns="${PACKAGE}/relationships">${listed}</Relationships>`);
  const part = (name, type) => `<Override PartName="${name}" ContentType="${TYPES}.${type}+xml"/>`;
  return zip({
    "[Content_Types].xml": xml(`<Types xmlns="${PACKAGE}/content-types">`
      + '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
      + '<Default Extension="xml" ContentType="application/xml"/>'
      + part("/xl/workbook.xml", "sheet.main")
      + numbered.map(({ n }) => part(`/xl/worksheets/sheet${n}.xml`, "worksheet")).join("") + "</Types>"),
    "_rels/.rels": relations(relation("rId1", "officeDocument", "xl/workbook.xml")),
    "xl/workbook.xml": xml(`<workbook xmlns="${MAIN}" xmlns:r="${RELATIONS}"><sheets>`
      + numbered.map(({ name, n }) => `<sheet name="${escaped(name)}" sheetId="${n}" r:id="rId${n}"/>`).join("") + "</sheets></workbook>"),
    "xl/_rels/workbook.xml.rels": relations(numbered.map(({ n }) => relation(`rId${n}`, "worksheet", `worksheets/sheet${n}.xml`)).join("")),
    ...Object.fromEntries(numbered.map(({ n, rows }) => [`xl/worksheets/sheet${n}.xml`, xml(sheetXml(rows))])),
  });
}
