"""`uniquip`: UNIQUIP CSV, the data model of Jisc's equipment data service (2025), out and in.

- Columns are those of the model as far as its public page showed them; the rest of it was cut. What
  follows `managingDepartment` is not established. Columns of the older CSV are not read.
- `institutionID` is the number within the institution; whose list it is says whoever sends it.
- Several values in a cell are parted by `;`. A text that a spreadsheet program would take for a
  formula goes out behind an apostrophe, which is taken off when it comes in again.
- description and manufacturer are mandatory there: a record without them does not go out.
- Personal, dropped: contactName, contactID, contactEmail. There is no state: UNKNOWN.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from adapters._nrii import present
from adapters.catalogue.given import CatalogueError, FromCatalogue, Published, local_number

__all__ = [
    "COLUMNS",
    "ITEMS_OF_UNIQUIP",
    "PERSONAL",
    "from_uniquip",
    "is_uniquip",
    "plain_cell",
    "read_uniquip",
    "to_uniquip",
    "uniquip_csv",
]

COLUMNS = (
    *("type", "institutionID", "doi", "name", "description", "manufacturer", "manufacturerID"),
    *("model", "modelID", "commissionedDate", "decommissionedDate", "measuredVariables"),
    *("subject", "infraportalDiscipline", "contactName", "contactID", "contactEmail"),
    "managingDepartment",
)
NEEDED = ("institutionID", "name", "manufacturer")
PERSONAL = ("contactName", "contactID", "contactEmail")
UNHELD = (
    *("manufacturerID", "modelID", "measuredVariables", "subject", "infraportalDiscipline"),
    "managingDepartment",
)
ITEMS_OF_UNIQUIP = {
    "localNo": ("institutionID",),
    "name": ("name",),
    "model": ("model",),
    "manufacturer": ("manufacturer",),
    "functions": ("description",),
    "commissionedOn": ("commissionedDate",),
    "endedOn": ("decommissionedDate",),
    "identifiers": ("doi",),
}
"""Of each item of an instrument the column that it is made of."""
KINDS = ("", "equipment", "facility")
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")
TEXT_MARK = "'"
ROWS_MAX = 200_000


def to_uniquip(of: Published) -> dict[str, str]:
    """Return an instrument as a row. Raises `CatalogueError` where a cell is missing."""
    given, description = of.instrument, of.description
    if description is None:
        raise CatalogueError(
            "MISSING", "缺少主要功能或技术指标", "it lacks functions or specification"
        )
    dois = [e["value"] for e in given.get("identifiers", ()) if str(e["scheme"]).upper() == "DOI"]
    name = given["name"]
    return {
        "type": "equipment",
        "institutionID": given["localNo"],
        "doi": dois[0] if dois else "",
        "name": name["zh"] if not name.get("en") else f"{name['zh']} {name['en']}",
        "description": description,
        "manufacturer": of.manufacturer,
        "manufacturerID": "",
        "model": given.get("model", ""),
        "modelID": "",
        "commissionedDate": given.get("commissionedOn", ""),
        "decommissionedDate": given.get("endedOn", ""),
        "measuredVariables": "",
        "subject": ";".join(each["code"] for each in given.get("subjects", ())),
        "infraportalDiscipline": "",
        "contactName": "",
        "contactID": "",
        "contactEmail": "",
        "managingDepartment": given.get("contact", ""),
    }


def uniquip_csv(rows: Iterable[Mapping[str, str]]) -> str:
    """Return rows as CSV with a header; no cell can become a formula."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _as_text(row[name]) for name in COLUMNS})
    return text.getvalue()


def _as_text(cell: str) -> str:
    return f"{TEXT_MARK}{cell}" if cell.startswith((*FORMULA_MARKS, TEXT_MARK)) else cell


def plain_cell(cell: str) -> str:
    """Return a cell without the mark that keeps it from being a formula."""
    marked = cell.startswith(TEXT_MARK) and cell[1:].startswith((*FORMULA_MARKS, TEXT_MARK))
    return (cell[1:] if marked else cell).strip()


def is_uniquip(header: Iterable[str]) -> bool:
    """Tell whether a row names the columns of this form, perhaps with others."""
    return set(NEEDED) <= {each.strip() for each in header}


def read_uniquip(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV text by column. Raises `CatalogueError`."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        lines = [line for line in reader if any(line)]
    except csv.Error as error:
        raise CatalogueError("NOT_CELLS", "不是 CSV", f"is no CSV: {error}") from error
    header = [each.strip() for each in lines[0]] if lines else []
    missing = [name for name in NEEDED if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing or unknown or len(set(header)) < len(header) or len(lines) > ROWS_MAX:
        listed = ", ".join((*missing, *unknown)) or "repeated or too many"
        raise CatalogueError(
            "HEADER_UNKNOWN",
            f"表头不是 UNIQUIP 2025：{listed}",
            f"the header is not that of UNIQUIP 2025: {listed}",
        )
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            raise CatalogueError(
                "NOT_CELLS", f"第 {number} 行列数不对", f"row {number} has {len(line)} cells"
            )
    return [dict(zip(header, map(plain_cell, line), strict=True)) for line in lines[1:]]


def from_uniquip(row: Mapping[str, str], institution_key: str) -> FromCatalogue:
    """Return the record of a row. Raises `CatalogueError` for what cannot be one."""
    if row.get("type", "").lower() not in KINDS:
        kind = row["type"]
        raise CatalogueError("CODE_UNKNOWN", f"类型 {kind} 未知", f"type {kind} is not known")
    for name in NEEDED:
        if not row.get(name):
            raise CatalogueError("MISSING", f"缺少 {name}", f"it lacks {name}")
    filled: dict[str, Any] = {name: row.get(name) or None for name in COLUMNS}
    doi = filled["doi"]
    return FromCatalogue(
        record=present(
            institutionKey=institution_key,
            localNo=local_number(filled["institutionID"]),
            name={"zh": filled["name"]},
            model=filled["model"],
            manufacturer="; ".join(p.strip() for p in row["manufacturer"].split(";") if p.strip()),
            functions=filled["description"],
            commissionedOn=filled["commissionedDate"],
            endedOn=filled["decommissionedDate"],
            status="UNKNOWN",
            identifiers=[{"scheme": "DOI", "value": doi}] if doi else [],
        ),
        left=tuple(name for name in UNHELD if filled[name]),
        dropped=tuple(name for name in PERSONAL if filled[name]),
    )
