"""`catalogue`: files in the forms of instrument catalogues: PIDINST documents, UNIQUIP tables.

Such a file is known by what stands in it: a JSON object (or a list of them) or an XML document with
the members of PIDINST, a table with the columns of UNIQUIP. It says what an instrument is and not
whose record it is, so that is said by whoever sends it: a client sends for the party that it acts
for, an operator names the institution.

Each document or line becomes an Instrument, or comes back with its reasons in its own columns.
What the standard has no item for is told as a doubt and not taken; persons are dropped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.catalogue.given import CatalogueError, FromCatalogue
from adapters.catalogue.pidinst import ITEMS_OF_PIDINST, from_pidinst, is_pidinst, member_of
from adapters.catalogue.pidinst_xml import is_pidinst_xml, pidinst_from_xml
from adapters.catalogue.uniquip import (
    COLUMNS,
    ITEMS_OF_UNIQUIP,
    PERSONAL,
    from_uniquip,
    is_uniquip,
    plain_cell,
)
from adapters.mapping import Column, Converted, RowProblem, SourceRow, Table, match_text
from adapters.mapping import Mapping as SavedMapping
from adapters.mapping.model import RecordRule
from adapters.mapping.table import ROW_NUMBER_COLUMN, Content, text_of
from connectors.errors import PayloadError
from connectors.words import Words
from hub.errors import ErrorCode, RefusedError
from hub.intake.files.submission import MappedFile, ReadTable
from hub.intake.files.tables import FileSheet, read_sheets, table_of_sheet
from hub.intake.files.text import row_number
from hub.intake.limits import FILE_ROWS_MAX
from schema.conform import conform
from schema.errors import Problem
from schema.identifiers import check_institution_key
from schema.registry import standard
from schema.strict_json import read_json

__all__ = [
    "PIDINST",
    "UNIQUIP",
    "CatalogueForm",
    "CatalogueRows",
    "catalogue_mapping",
    "read_catalogue",
    "require_known",
    "uniquip_table",
]

INSTRUMENT = standard()["Instrument"]


def _line(columns: Sequence[Column], row: SourceRow) -> dict[str, str]:
    cells = [plain_cell(text_of(cell)) for cell in row.cells]
    return {
        each.name: cells[each.position - 1] if each.position <= len(cells) else ""
        for each in columns
    }


def _document(columns: Sequence[Column], row: SourceRow) -> dict[str, Any]:
    told = zip(columns, row.cells, strict=False)
    return {each.name: value for each, value in told if value is not None}


@dataclass(frozen=True, kw_only=True)
class CatalogueForm:
    """How one form is read: a row as members by name, and which members feed which item."""

    title: str
    members: Callable[[Sequence[Column], SourceRow], dict[str, Any]]
    """Returns a row of a table as what `read` takes."""
    read: Callable[[Mapping[str, Any], str], FromCatalogue]
    items: Mapping[str, tuple[str, ...]]
    """Of each item of an instrument the members that it is made of."""
    member: Callable[[str], str]
    """Returns the form in which the names of members are compared."""
    personal: frozenset[str]


PIDINST = CatalogueForm(
    title="PIDINST",
    members=_document,
    read=from_pidinst,
    items=ITEMS_OF_PIDINST,
    member=member_of,
    personal=frozenset({"owner"}),
)
UNIQUIP = CatalogueForm(
    title="UNIQUIP",
    members=_line,
    read=from_uniquip,
    items=ITEMS_OF_UNIQUIP,
    member=str,
    personal=frozenset(PERSONAL),
)


def read_catalogue(
    name: str,
    data: bytes,
    source: str,
    institution: str,
    document: bytes | None = None,
    *,
    is_table: bool,
) -> ReadTable | None:
    """Read and convert a file in the form of a catalogue; None: it is none.

    `is_table`: whether it is looked at as a table, else as JSON or XML.

    Raises `PayloadError` where it is one and cannot be read, `RefusedError` where nobody says whose
    instruments they are.
    """
    try:
        found = _uniquip(name, data) if is_table else _pidinst(name, data)
    except CatalogueError as error:
        raise PayloadError(name, Words(error.zh, error.en), hint=_HINT) from error
    if found is None:
        return None
    if check_institution_key(institution) is not None:
        raise RefusedError(ErrorCode.BAD_USER_INPUT, hint=_WHOSE, hint_zh=_WHOSE_ZH)
    form, table, rows = found
    file = MappedFile(
        name=name,
        data=data,
        mapping=catalogue_mapping(form),
        mapping_text=f"{form.title} {institution}",
        source=source,
        document=document,
    )
    making = CatalogueRows(form, table.columns, institution)
    converted = tuple(
        making.convert(row, members) for row, members in zip(table.rows, rows, strict=True)
    )
    return ReadTable(file, table, converted, making.cells_to_keep, columns_of=making.columns_of)


def catalogue_mapping(form: CatalogueForm) -> SavedMapping:
    """Return what stands for the mapping of a catalogue: what its rows become."""
    return SavedMapping(title=form.title, records=(RecordRule(spec=INSTRUMENT, rules=()),))


_Read = tuple[CatalogueForm, Table, Sequence[Mapping[str, Any]]]


def _pidinst(name: str, data: bytes) -> _Read | None:
    if is_pidinst_xml(data):
        documents: Sequence[Any] = (pidinst_from_xml(data),)
        said = "XML"
    else:
        documents, said = _objects(data), "JSON"
        if not documents or not all(map(is_pidinst, documents)):
            return None
    numbers = [
        row_number(each.pop(ROW_NUMBER_COLUMN, at), at) for at, each in enumerate(documents, 1)
    ]
    if len(documents) > FILE_ROWS_MAX:
        many = Words(f"超过 {FILE_ROWS_MAX} 个文档", f"over {FILE_ROWS_MAX} documents")
        raise PayloadError(name, many)
    names = tuple(dict.fromkeys(member for each in documents for member in each))
    table = Table(
        columns=tuple(Column(at, each) for at, each in enumerate(names, start=1)),
        rows=tuple(
            SourceRow(number, tuple(_cell(each.get(member)) for member in names))
            for number, each in zip(numbers, documents, strict=True)
        ),
        sheet=PIDINST.title,
        header_row=0,
        header=SourceRow(0, names),
        properties={"format": f"PIDINST {said}"},
    )
    return PIDINST, table, documents


def _objects(data: bytes) -> Sequence[Any]:
    """Return the objects of a JSON text; nothing for any other file."""
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return ()
    try:
        value = read_json(data.decode("utf-8-sig"))
    except ValueError:  # JSON lines, or no JSON: not this form
        return ()
    return value if isinstance(value, list) else (value,)


def _cell(value: Any) -> Content:
    """Return a member as a cell; what is no single value is shown as JSON."""
    if value is None or isinstance(value, str | bool | int):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _uniquip(name: str, data: bytes) -> _Read | None:
    for sheet in read_sheets(name, data):
        table = uniquip_table(name, sheet)
        if table is not None:
            require_known(name, table.columns)
            return UNIQUIP, table, [_line(table.columns, row) for row in table.rows]
    return None


def uniquip_table(name: str, sheet: FileSheet) -> Table | None:
    """Return the table in a sheet whose columns are UNIQUIP's, perhaps with others; or None."""
    if not any(is_uniquip([text_of(cell) for cell in row.cells]) for row in sheet.head):
        return None
    return table_of_sheet(name, sheet, frozenset(map(match_text, COLUMNS)))


def require_known(name: str, columns: Sequence[Column]) -> None:
    """Raise `PayloadError` where a table has columns that UNIQUIP does not have."""
    unknown = [each.name for each in columns if each.name not in COLUMNS]
    if unknown:
        listed = ", ".join(unknown)
        zh, en = f"UNIQUIP 2025 没有这些列：{listed}", f"UNIQUIP 2025 has no columns {listed}"
        raise PayloadError(name, Words(zh, en), hint=_HINT)


@dataclass
class CatalogueRows:
    """Makes instruments of the rows of one file, one after another."""

    form: CatalogueForm
    columns: Sequence[Column]
    institution: str
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)

    def convert(self, row: SourceRow, members: Mapping[str, Any]) -> Converted:
        """Return what a row became."""
        if row.unread is not None:
            problem = Problem("", row.unread.code, row.unread.zh, row.unread.en)
            return Converted(row, problems=(RowProblem(problem, (), ""),))
        try:
            given = self.form.read(members, self.institution)
        except CatalogueError as error:
            problem = Problem("", error.code, error.zh, error.en)
            return Converted(row, problems=(RowProblem(problem, (), ""),))
        wire, flaws = conform(INSTRUMENT, given.record)
        problems = [self._located(each) for each in flaws]
        key = None if flaws else INSTRUMENT.key_of(wire)
        if key is not None and self.seen.setdefault(key, wire) != wire:
            words = f"{key} 已在前面的行中，内容不同", f"{key} stands above with other content"
            problems.append(self._located(Problem("localNo", "KEY_REPEATED", *words)))
        if problems:
            return Converted(row, problems=tuple(problems), dropped=given.dropped)
        doubts = tuple(Problem(each, "NO_ITEM", *_NO_ITEM) for each in given.left)
        return Converted(
            row, records=((INSTRUMENT.name, wire),), dropped=given.dropped, doubts=(doubts,)
        )

    def record(self, members: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the record of a row as it is given; None where it is none."""
        try:
            given = self.form.read(members, self.institution).record
        except CatalogueError:
            return None
        return dict(given) if given.get("localNo") else None

    def _located(self, problem: Problem) -> RowProblem:
        return RowProblem(problem, self.columns_of(INSTRUMENT.name, problem.path), problem.path)

    def columns_of(self, _: str | None, path: str) -> tuple[int, ...]:
        """Return the columns that feed an item, or are the member of that name themselves."""
        first = path.partition(".")[0].partition("[")[0]
        wanted = {self.form.member(each) for each in self.form.items.get(first, (path,))}
        return tuple(c.position for c in self.columns if self.form.member(c.name) in wanted)

    def cells_to_keep(self, row: SourceRow) -> dict[str, str]:
        """Return the cells of a row that quarantine may hold: those that feed an item."""
        if row.unread is not None:
            return {}
        used = {self.form.member(each) for names in self.form.items.values() for each in names}
        return {
            column.name: text
            for column in self.columns
            if self.form.member(column.name) in used - self.form.personal
            and column.position <= len(row.cells)
            and (text := text_of(row.cells[column.position - 1]))
        }


_NO_ITEM = ("标准没有此项，未采用", "the standard has no item for it; it was not taken")
_HINT = Words(
    "格式见 docs/standard/mappings/pidinst.md、uniquip.md",
    "the forms are in docs/standard/mappings/pidinst.md and uniquip.md",
)
_WHOSE = "A catalogue does not say whose instruments it lists: --institution moe:10335."
_WHOSE_ZH = "目录不说明仪器属于哪个单位，请指明：--institution moe:10335。"
