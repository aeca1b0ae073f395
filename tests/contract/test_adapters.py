"""The contract every adapter keeps. A new file in adapters/ is tested here without edits.

A source is harvested through its adapter, or is a table that a shipped mapping reads. Both are
recorded, and every recorded row of both goes through every test.
"""

from __future__ import annotations

import ast
import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
import xlsxwriter

import adapters
from adapters import Adapter, discover
from adapters._adapter import Collection, Context, ConvertedRow, Mapped, Removed
from adapters.mapping import Column, Converter, MappingError, RowProblem, SourceRow
from adapters.mapping.moe_tables import convert_moe, moe_table_named
from adapters.mapping.monthly import header_problems, monthly_mapping
from connectors.http.replay import ReplayTransport
from connectors.http.session import HttpSession
from hub.intake.files.monthly import read_monthly
from hub.intake.files.service import GivenFile, read_given
from hub.intake.files.submission import ReadTable
from schema.conform import conform
from schema.errors import Problem
from schema.item import Kind, RecordSpec
from schema.registry import standard
from tests.fixed_width import fixed_width_bytes
from tests.recorded import FIXTURES, frozen, recorded
from tests.recorded_messages import RecordedMessages

ADAPTERS = discover()
TABLES = ("monthly_workbook", "moe_tables")
"""Tables that people send and a mapping that ships reads."""
WITHOUT_PEOPLE = ("nemo_sensors",)
"""Sources that know nothing of persons: only numbers and values of sensors."""
STRANGE = "※no such code※"


def expected(source: str) -> Any:
    return json.loads((FIXTURES / source / "records.json").read_text("utf-8"))


def context_of(source: str) -> Context:
    given = recorded(source)["context"]
    return Context(
        source=source,
        now=datetime.fromisoformat(given["now"]),
        institution=given.get("institution", {}),
        facts=given.get("facts", {}),
    )


@dataclass(frozen=True)
class Recorded:
    """One recorded row: the list or sheet where it stood, and its fields."""

    place: Any
    fields: Mapping[str, Any]


class Source(Protocol):
    """What every recorded source can tell."""

    name: str
    additions_refused: bool
    """Whether a row with a field that nobody knows is refused; else it is only told."""

    async def rows(self) -> list[Recorded]:
        """Every recorded row, in reading order."""

    def convert(self, place: Any, fields: Mapping[str, Any]) -> ConvertedRow:
        """What becomes of a row at a place."""

    async def made(self) -> list[dict[str, Any]]:
        """What a whole run yields, as JSON."""

    def declared(self) -> set[str]:
        """The record types that may come out."""

    async def personal(self) -> set[str]:
        """What the recorded source holds of people."""


@asynccontextmanager
async def recorded_session(name: str, protocol: str) -> AsyncIterator[Any]:
    """Open what was recorded of a source, in its protocol."""
    given = recorded(name)
    if protocol == "mqtt":
        yield RecordedMessages(name, given["messages"])
        return
    transport = ReplayTransport(given)
    async with httpx.AsyncClient(transport=transport, base_url="https://source.test") as client:
        yield HttpSession(name, client)


class Harvested:
    """A source that is asked: its recorded session, through its adapter."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.adapter = ADAPTERS[name]
        self.context = context_of(name)
        self.additions_refused = self.adapter.metadata.additions == "strict"

    async def rows(self) -> list[Recorded]:
        given = recorded(self.name)
        if "files" in given:
            return self._rows_of_files(given["files"])
        found = []
        async with recorded_session(self.name, self.adapter.protocol) as session:
            for collection in self.adapter.collections:
                pages = collection.reader.read(session, collection.window(self.context))
                found += [
                    Recorded(collection, dict(row)) async for page in pages for row in page.rows
                ]
        return found

    def _rows_of_files(self, names: list[str]) -> list[Recorded]:
        """Parse the files that the source left, each for every collection."""
        return [
            Recorded(collection, dict(row))
            for name in names
            for collection in self.adapter.collections
            for row in collection.reader.parse(frozen(self.name, name))  # type: ignore[attr-defined]
        ]

    def convert(self, place: Collection, fields: Mapping[str, Any]) -> ConvertedRow:
        return self.adapter.convert(place, fields, self.context)

    async def made(self) -> list[dict[str, Any]]:
        yielded = list(self.adapter.states(self.context))
        rows = await self.rows()
        instruments: dict[str, None] = {}
        for collection in self.adapter.collections:
            for row in (row for row in rows if row.place is collection):
                converted = self.convert(collection, row.fields)
                assert converted.problems == ()
                yielded += converted.yielded
                for one in converted.yielded:
                    if isinstance(one, Mapped) and one.type == "Instrument":
                        instruments[standard()["Instrument"].key_of(one.record)] = None
            yielded += collection.closes(self.context, list(instruments))
        return [travel(one) for one in yielded]

    def declared(self) -> set[str]:
        return {name for each in self.adapter.collections for name in each.types} | {"Institution"}

    async def personal(self) -> set[str]:
        return {
            str(row.fields[name])
            for row in await self.rows()
            for name in self.convert(row.place, row.fields).dropped
        }


class Tabled:
    """A workbook that people send: its recorded sheets, through the mappings that ship."""

    additions_refused = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.sheets: dict[str, list[list[Any]]] = recorded(name)["sheets"]
        memory = io.BytesIO()
        with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
            for title, rows in self.sheets.items():
                sheet = book.add_worksheet(title)
                for number, row in enumerate(rows):
                    sheet.write_row(number, 0, ["" if cell is None else cell for cell in row])
        self.read = read_monthly(name, memory.getvalue(), name)

    async def rows(self) -> list[Recorded]:
        return [
            Recorded(
                standard()[table.record_type],
                {
                    column.name: cell
                    for column, cell in zip(table.table.columns, row.cells, strict=False)
                },
            )
            for table in self.read.read
            for row in table.table.rows
        ]

    def convert(self, place: RecordSpec, fields: Mapping[str, Any]) -> ConvertedRow:
        header = SourceRow(2, tuple(fields))
        wrong = header_problems(place, header)
        if wrong:
            unknown = [each for each in wrong if each.problem.code == "COLUMN_UNKNOWN"]
            return ConvertedRow(
                problems=told(wrong), additions=tuple(each.problem.path for each in unknown)
            )
        columns = [Column(at, name) for at, name in enumerate(fields, start=1)]
        converter = Converter(monthly_mapping(place, header), columns)
        (row,) = converter.convert([SourceRow(3, tuple(fields.values()))])
        yielded = tuple(Mapped(name, record) for name, record in row.records)
        return ConvertedRow(yielded=yielded, problems=told(row.problems), dropped=row.dropped)

    async def made(self) -> list[dict[str, Any]]:
        rows = [row for table in self.read.read for row in table.converted]
        assert [row.problems for row in rows] == [()] * len(rows)
        return [{"type": name, "record": wire} for row in rows for name, wire in row.records]

    def declared(self) -> set[str]:
        return set(standard().names)

    async def personal(self) -> set[str]:
        """People write of themselves in sheets of their own; those are left alone."""
        assert self.read.left_alone
        rows = [row for name in self.read.left_alone for row in self.sheets[name]]
        return {str(cell) for row in rows for cell in row if cell}


class FixedWidth:
    """Tables of fixed width that people send: their recorded cells as bytes, through the door."""

    additions_refused = True

    def __init__(self, name: str) -> None:
        self.name = name
        files: dict[str, list[list[str]]] = recorded(name)["files"]
        given = [
            GivenFile(name=title, data=fixed_width_bytes(title, rows), source=name)
            for title, rows in files.items()
        ]
        self.read = [table for each in given for table in read_given(each).tables]

    async def rows(self) -> list[Recorded]:
        return [
            Recorded(table, {c.name: row.cells[c.position - 1] for c in table.table.columns})
            for table in self.read
            for row in table.table.rows
        ]

    def convert(self, place: ReadTable, fields: Mapping[str, Any]) -> ConvertedRow:
        moe = moe_table_named(place.file.name)
        assert moe is not None
        columns = [Column(at, name) for at, name in enumerate(fields, start=1)]
        try:
            converter = Converter(moe.mapping, columns)
        except MappingError as error:  # a column too many, or one that is missing
            known = [column.name for column in place.table.columns]
            problems = tuple(
                Problem(each.where, each.code, each.zh, each.en) for each in error.problems
            )
            added = tuple(name for name in fields if name not in known)
            return ConvertedRow(problems=problems, additions=added)
        (row,) = convert_moe(moe, converter, [SourceRow(1, tuple(fields.values()))])
        yielded = tuple(Mapped(name, record) for name, record in row.records)
        return ConvertedRow(yielded=yielded, problems=told(row.problems), dropped=row.dropped)

    async def made(self) -> list[dict[str, Any]]:
        rows = [row for table in self.read for row in table.converted]
        assert [row.problems for row in rows] == [()] * len(rows)
        return [{"type": name, "record": wire} for row in rows for name, wire in row.records]

    def declared(self) -> set[str]:
        return {"Instrument"}

    async def personal(self) -> set[str]:
        return {
            str(row.fields[name])
            for row in await self.rows()
            for name in self.convert(row.place, row.fields).dropped
        }


def told(problems: tuple[RowProblem, ...]) -> tuple[Any, ...]:
    return tuple(each.problem for each in problems)


def travel(one: Mapped | Removed) -> dict[str, Any]:
    if isinstance(one, Removed):
        return {"type": one.type, "gone": one.key, "reason": one.reason}
    return json.loads(json.dumps({"type": one.type, "record": one.record}))


def codes(spec: RecordSpec, wire: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for item in spec.items:
        if item.kind is Kind.CODE and item.wire in wire:
            stated = wire[item.wire]
            for code in stated if isinstance(stated, list) else [stated]:
                yield f"{spec.name}.{item.wire}", code


@pytest.fixture(params=[*ADAPTERS, *TABLES])
def source(request: pytest.FixtureRequest) -> Source:
    if request.param in ADAPTERS:
        return Harvested(request.param)
    return (FixedWidth if request.param == "moe_tables" else Tabled)(request.param)


async def test_maps_the_recorded_source_to_the_expected_records(
    source: Source, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["source"]
    assert await source.made() == expected(name)


async def test_every_record_conforms_to_the_standard(source: Source) -> None:
    for one in await source.made():
        if "record" in one:
            _, problems = conform(standard()[one["type"]], one["record"])
            assert problems == [], one


async def test_only_declared_record_types_come_out(source: Source) -> None:
    assert {one["type"] for one in await source.made()} <= source.declared()
    assert source.declared() <= set(standard().names)


async def test_every_field_of_every_recorded_row_is_read_dropped_or_ignored(
    source: Source,
) -> None:
    rows = await source.rows()
    assert rows
    for row in rows:
        assert source.convert(row.place, row.fields).additions == ()


@pytest.mark.parametrize("added", ["brand_new_field", "_brand_new_field"])
async def test_reports_a_field_the_source_has_added(source: Source, added: str) -> None:
    rows = await source.rows()
    for row in rows:
        converted = source.convert(row.place, {**row.fields, added: "13800138000"})
        assert converted.additions == (added,)
        assert bool(converted.problems) == source.additions_refused
        assert "13800138000" not in json.dumps([travel(one) for one in converted.yielded])
    assert rows


async def test_an_unknown_word_is_never_taken_for_a_code(source: Source) -> None:
    """Change each field of each row to a word no table knows: refused, or no code depends on it."""
    refused = set()
    for row in await source.rows():
        sound = source.convert(row.place, row.fields)
        before = _codes_of(sound.yielded)
        types = {name.split(".")[0] for name, _ in before}
        for name in row.fields:
            converted = source.convert(row.place, {**row.fields, name: STRANGE})
            if converted.problems:
                assert converted.yielded == ()
                refused.update(
                    problem.path for problem in converted.problems if problem.code == "CODE_UNKNOWN"
                )
                continue
            for item, code in _codes_of(converted.yielded) - before:
                # Free text may bring another record; a lost reference may make a fact unknown.
                assert code == "UNKNOWN" or item.split(".")[0] not in types, name
    assert refused


def _codes_of(yielded: Any) -> set[tuple[str, str]]:
    return {
        (name, value)
        for one in yielded
        if isinstance(one, Mapped)
        for name, value in codes(standard()[one.type], one.record)
    }


async def test_no_row_however_poor_stops_the_others(source: Source) -> None:
    poor = ["", None, "　", -1, "9" * 40, "1e999", "2026-13-45", [], {}, True, "x" * 5000, "\ud800"]
    for row in await source.rows():
        for name in row.fields:
            less = {key: value for key, value in row.fields.items() if key != name}
            source.convert(row.place, less)
            for value in poor:
                converted = source.convert(row.place, {**row.fields, name: value})
                assert not (converted.problems and converted.yielded)
        source.convert(row.place, {})


async def test_no_personal_data_passes(source: Source) -> None:
    personal = {value for value in await source.personal() if len(value) > 2}
    records = json.dumps(await source.made(), ensure_ascii=False)
    assert [value for value in personal if value in records] == []
    assert len(personal) >= 2 or (not personal and source.name in WITHOUT_PEOPLE)
    assert "@" not in records


MODULES = sorted(
    path
    for path in Path(adapters.__file__).parent.glob("*.py")
    if path.stem not in ("_adapter", "_row")
)
HIDDEN = {"unread", "_unread", "_raw", "_silent"}
"""Members of a row by which a mapping could pass over fields that it does not name."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_mapping_names_every_field_that_it_drops_or_ignores(path: Path) -> None:
    module = import_module("adapters" if path.stem == "__init__" else f"adapters.{path.stem}")
    tree = ast.parse(path.read_text("utf-8"))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("ignore", "drop")
    ]
    called = {call.func for call in calls}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            assert node.attr not in HIDDEN, f"{path.name}:{node.lineno}"
            assert node.attr not in ("ignore", "drop") or node in called, f"line {node.lineno}"
    for call in calls:
        assert not call.keywords
        assert all(names_fields(module, each) for each in call.args), f"line {call.lineno}"


def names_fields(module: Any, argument: ast.expr) -> bool:
    """Whether an argument is a name in quotes, or a constant of the module that holds names."""
    if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Name):
        held = getattr(module, argument.value.id, None)
        return isinstance(held, tuple) and all(isinstance(each, str) for each in held)
    return isinstance(argument, ast.Constant) and isinstance(argument.value, str)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ('row.ignore("a", *PEOPLE)', True),
        ("row.ignore(*row.unread())", False),
        ("row.ignore(*(n for n in names))", False),
        ("row.ignore(*sorted(everything))", False),
        ("row.drop(name)", False),
    ],
)
def test_the_rule_of_names_tells_a_list_from_whatever_there_is(text: str, allowed: bool) -> None:
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    nemo = import_module("adapters.nemo")
    assert all(names_fields(nemo, each) for each in call.args) == allowed


def test_every_adapter_says_who_publishes_it_and_how_fresh_it_is() -> None:
    for name, adapter in ADAPTERS.items():
        assert isinstance(adapter, Adapter)
        assert adapter.id == name
        assert len({each.name for each in adapter.collections}) == len(adapter.collections)
