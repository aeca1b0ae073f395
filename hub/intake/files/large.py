"""`LargeFile`: a file of any length, looked through once before anything of it is sent.

What a part cannot know is found out here, over the whole file: encoding, delimiter, header, which
columns there are and whether the mapping fits them, whether a unit is off by a power of ten, and
which keys stand in it twice. So nothing depends on where a part ends. `cutting` makes the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import file_digest
from itertools import islice
from pathlib import Path
from typing import Self

from adapters.mapping import (
    Column,
    Converter,
    FileFacts,
    MappingError,
    MappingProblem,
    RowProblem,
    SourceRow,
    Table,
    match_text,
    parse_mapping,
)
from adapters.mapping import Mapping as SavedMapping
from adapters.mapping.glance import Glance
from adapters.mapping.table import ROW_NUMBER_COLUMN, is_blank
from connectors.errors import PayloadError
from connectors.words import Words
from hub.intake.files.catalogue import UNIQUIP, catalogue_mapping, uniquip_table
from hub.intake.files.columns import UnitEvidence
from hub.intake.files.large_book import HEAD_ROWS_MAX, LargeBook
from hub.intake.files.large_catalogue import LargeCatalogue, pidinst_catalogue
from hub.intake.files.large_table import LargeTable
from hub.intake.files.large_text import LargeText, TableForm, large_text
from hub.intake.files.moe_tables import large_moe
from hub.intake.files.monthly import left_alone, monthly_table, typed_sheets
from hub.intake.files.repeated_keys import RepeatedKeys
from hub.intake.files.service import no_rows
from hub.intake.files.tables import (
    FileSheet,
    check_kind,
    is_markup,
    is_workbook,
    named_columns,
    renumbered_rows,
    sheet_meant,
    table_of_sheet,
)
from hub.intake.files.text import TEXT_SHEET, no_line_is_a_row
from hub.intake.limits import REPEATED_KEYS_MAX

KIND_BYTES = 64 * 1024
"""From the beginning of a file, by which is known what it is."""


@dataclass(slots=True)
class LargeFile:
    """The tables of a file. It is closed by leaving the block."""

    path: Path
    digest: bytes
    tables: list[LargeTable] = field(default_factory=list)
    is_monthly: bool = False
    empty: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def count(self) -> int:
        """Rows of all its tables."""
        return sum(each.count for each in self.tables)


def open_large(path: Path, mapping_text: str | None, *, units_are_right: bool) -> LargeFile:
    """Look a file through. Raises `PayloadError`, and `MappingError` with all that does not fit."""
    mapping = None if mapping_text is None else parse_mapping(mapping_text)
    with path.open("rb") as data:
        head = data.read(KIND_BYTES)
        check_kind(path.name, head)
        if is_markup(head):
            raise _not_in_parts(path.name)
        data.seek(0)
        digest = file_digest(data, "sha256").digest()
    is_book = is_workbook(head)
    file = LargeFile(path, digest, is_monthly=mapping is None)
    try:
        drafts = _book(file, mapping) if is_book else _text(file, mapping)
        surveyed = [_surveyed(path.name, each) for each in drafts]
        if mapping is not None:
            _require_rows(path.name, surveyed[0][0])
        if not units_are_right:
            _require_no_doubt([doubt for _, found in surveyed for doubt in found])
    except BaseException:
        file._open.close()
        raise
    file.tables = [each for each, _ in surveyed if each.count or each.header_problems]
    file.empty = tuple(each.table.sheet for each, _ in surveyed if each not in file.tables)
    return file


def _not_in_parts(name: str) -> PayloadError:
    return PayloadError(
        name,
        Words(
            "网页或 XML 形式的表格过大，不能分部分提交",
            "a table in a web page or in XML does not go in parts",
        ),
        hint=Words(
            "请用电子表格程序另存为 XLSX 或 CSV", "save it as XLSX or CSV in a spreadsheet program"
        ),
    )


def _require_rows(name: str, table: LargeTable) -> None:
    if not table.count:
        raise no_rows(name)


def _require_no_doubt(doubts: Sequence[MappingProblem]) -> None:
    if doubts:
        raise MappingError(doubts)


def _names(mapping: SavedMapping) -> frozenset[str]:
    wanted = (*mapping.addresses, *mapping.drop, *mapping.ignore)
    return frozenset(match_text(each) for each in wanted)


def _book(file: LargeFile, mapping: SavedMapping | None) -> list[LargeTable]:
    book = file._open.enter_context(LargeBook(file.path))
    facts = {"format": "workbook"}
    kept = {each.name: each for each in book.sheets}
    sheets = [
        FileSheet(each.name, each.head, facts, book.from_1904, each.name in book.hidden)
        for each in book.sheets
    ]
    chosen: list[tuple[FileSheet, Table, SavedMapping, tuple[RowProblem, ...]]]
    listed = None if mapping else next(filter(None, (_uniquip(file, s) for s in sheets)), None)
    if listed is not None:
        chosen = [(*listed, catalogue_mapping(UNIQUIP), ())]
    elif mapping is not None:
        names = _names(mapping)
        sheet = sheet_meant(file.path.name, sheets, mapping.file.sheet, names)
        header_row = mapping.file.header_row
        table = table_of_sheet(file.path.name, sheet, names, header_row=header_row)
        chosen = [(sheet, table, mapping, ())]
    else:
        typed = typed_sheets(sheets)
        chosen = [(s, *monthly_table(file.path.name, s, spec)) for s, spec in typed]
        taken = {sheet.name for sheet, _ in typed}
        file.left_alone = left_alone(sheets, taken)
    return [
        LargeTable(
            mapping=its,
            form=TableForm.WORKBOOK,
            table=replace(table, rows=()),
            rows=partial(_below, sheet, table, partial(book.rows, kept[sheet.name])),
            catalogue=LargeCatalogue(UNIQUIP) if listed else None,
            from_1904=book.from_1904,
            header_problems=problems,
        )
        for sheet, table, its, problems in chosen
    ]


def _text(file: LargeFile, mapping: SavedMapping | None) -> list[LargeTable]:
    moe = large_moe(file.path) if mapping is None else None
    if moe is not None:
        file.is_monthly = False
        its, empty, rows = moe
        return [LargeTable(mapping=its.mapping, form=TableForm.DELIMITED, table=empty, rows=rows)]
    text = large_text(file.path, FileFacts() if mapping is None else mapping.file)
    documents = pidinst_catalogue(text) if mapping is None else None
    if documents is not None:
        file.is_monthly = False
        return [documents]
    if text.form is not TableForm.DELIMITED:
        if mapping is None:
            typed_sheets([FileSheet("", (), {})])  # says that it is no monthly workbook
        assert mapping is not None, "a text without a header needs a mapping"
        return [_json(text, mapping)]
    try:
        return [_delimited(file, text, mapping)]
    except _OpenQuoteError:
        plain = text.without_quoting()
        if plain is None:
            raise AssertionError("it is only raised where there is one") from None
        return [_delimited(file, plain, mapping)]


class _OpenQuoteError(Exception):
    """A line of tab-separated text cannot be parted: quotation marks are not meant as such."""


def _uniquip(file: LargeFile, sheet: FileSheet) -> tuple[FileSheet, Table] | None:
    """Return a sheet with its table where that lists instruments in the form of UNIQUIP."""
    table = uniquip_table(file.path.name, sheet)
    if table is None:
        return None
    file.is_monthly = False
    return sheet, table


def _delimited(file: LargeFile, text: LargeText, mapping: SavedMapping | None) -> LargeTable:
    name = file.path.name
    if text.without_quoting() is not None and any(row.unread for row in text.rows({})):
        raise _OpenQuoteError
    head = list(islice(text.rows({}), HEAD_ROWS_MAX))
    shown = "TAB" if text.delimiter == "\t" else text.delimiter
    sheet = FileSheet("", head, {"encoding": text.encoding, "delimiter": shown})
    if all(row.unread for row in head):
        raise no_line_is_a_row(name)
    problems: tuple[RowProblem, ...] = ()
    listed = _uniquip(file, sheet) if mapping is None else None
    if listed is not None:
        (sheet, table), mapping = listed, catalogue_mapping(UNIQUIP)
    elif mapping is None:
        ((sheet, spec),) = typed_sheets([sheet])
        table, mapping, problems = monthly_table(name, sheet, spec)
    else:
        header_row = mapping.file.header_row
        table = table_of_sheet(name, sheet, _names(mapping), header_row=header_row)
    return LargeTable(
        mapping=mapping,
        form=TableForm.DELIMITED,
        table=replace(table, rows=()),
        rows=partial(_below, sheet, table, lambda: text.rows({})),
        catalogue=LargeCatalogue(UNIQUIP) if listed else None,
        delimiter=text.delimiter,
        header_problems=problems,
    )


def _json(text: LargeText, mapping: SavedMapping) -> LargeTable:
    names: dict[str, int] = {}
    return LargeTable(
        mapping=mapping,
        form=text.form,
        table=Table((), (), TEXT_SHEET, properties={"encoding": text.encoding, "format": "JSON"}),
        rows=lambda: text.rows(names),
        members=names,
    )


def _below(
    sheet: FileSheet, table: Table, rows: Callable[[], Iterator[SourceRow]]
) -> Iterator[SourceRow]:
    """Yield the rows below the header, with the numbers that they had before."""
    header = next(row for row in sheet.rows if row.number == table.header_row)
    following = (row for row in rows() if row.number > table.header_row)
    returned = header.cells[:1] == (ROW_NUMBER_COLUMN,)
    return renumbered_rows(following) if returned else following


def _surveyed(name: str, draft: LargeTable) -> tuple[LargeTable, list[MappingProblem]]:
    """Look at every row of a table; return it with what was found, and the doubts on its units."""
    if draft.header_problems:
        return replace(draft, count=sum(1 for _ in draft.rows())), []
    survey = _Survey(draft)
    try:
        survey.read()
        repeated = survey.keys.rows()
    finally:
        survey.keys.close()
    if repeated is None:
        raise MappingError([_too_many_repeated(name)])
    columns = survey.columns()
    table = replace(draft.table, columns=columns, header=_header(draft.table.header, columns))
    found = replace(draft, table=table, count=survey.count, unread=survey.unread, repeated=repeated)
    if not survey.count or survey.unread == survey.count:
        return found, []  # what its columns are cannot be known
    if draft.catalogue is not None:
        draft.catalogue.require_columns(name, columns)
        return found, []
    converter = Converter(draft.mapping, columns)
    names = {each.position: each.name for each in columns}
    return found, survey.evidence.doubts(names, converter.columns_of)


def _header(header: SourceRow | None, columns: Sequence[Column]) -> SourceRow | None:
    """Return a header that names a nameless column by its position, so that each part has it."""
    if header is None:
        return None
    cells = list(header.cells)
    for each in columns:
        if not each.name:
            cells[each.position - 1] = f"#{each.position}"
    return SourceRow(header.number, tuple(cells))


class _Survey:
    """What is found by reading all rows of a table once."""

    def __init__(self, draft: LargeTable) -> None:
        self.evidence = UnitEvidence(draft.mapping)
        self.keys = RepeatedKeys()
        self.count = self.unread = 0
        self._draft = draft
        self._wants_keys = draft.mapping.same_key == "refuse" and draft.catalogue is None
        self._filled: set[int] = set()
        header = draft.table.header
        self._open = [] if header is None else _nameless(header)
        self._width = 0

    def read(self) -> None:
        """Read all rows."""
        glance, number_of = self._looks()
        for place, row in enumerate(self._draft.rows()):
            self.count += 1
            if row.unread is not None:
                self.unread += 1
                continue
            if self._draft.table.header is None and len(row.cells) > self._width:
                self._width = len(row.cells)
                glance, number_of = self._looks()
            self._note_filled(row)
            if (number := number_of(row)) is not None:
                self.keys.add(place, self._draft.record_type, (number,), row.cells)
            for seen in glance.at(row):
                for item, amount, currency in seen.numbers:
                    self.evidence.add_number(seen.spec.name, item.wire, amount, currency)
                if self._wants_keys:
                    self.keys.add(place, seen.spec.name, seen.key, row.cells)

    def columns(self) -> tuple[Column, ...]:
        """Return the columns that the table has."""
        header = self._draft.table.header
        if header is None:
            return self._draft.member_columns()
        return named_columns(header, self._filled.__contains__)

    def _note_filled(self, row: SourceRow) -> None:
        for position in self._open:
            if position <= len(row.cells) and not is_blank(row.cells[position - 1]):
                self._filled.add(position)

    def _looks(self) -> tuple[Glance, Callable[[SourceRow], str | None]]:
        """Return what looks at rows through the mapping, and what gives a catalogue's numbers."""
        header, catalogue = self._draft.table.header, self._draft.catalogue
        if header is None:
            columns = self._draft.member_columns()
        else:
            columns = named_columns(header, lambda _: True)
        number_of = (lambda _: None) if catalogue is None else catalogue.keys(columns)
        return Glance(self._draft.mapping, columns), number_of


def _nameless(header: SourceRow) -> list[int]:
    return [at for at, cell in enumerate(header.cells, start=1) if is_blank(cell)]


def _too_many_repeated(name: str) -> MappingProblem:
    return MappingProblem(
        "KEY_REPEATED",
        f"{name}：超过 {REPEATED_KEYS_MAX} 行的编号与其他行相同而内容不同；"
        '请检查映射中组成编号的列，如确为修订，请写 same_key = "revise"',
        f"over {REPEATED_KEYS_MAX} rows have a key that stands in other rows with other content: "
        'check the columns that make the key, or say same_key = "revise" where they are revisions',
    )
