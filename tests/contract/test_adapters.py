"""The contract every adapter keeps. A new file in adapters/ is tested here without edits."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import xlsxwriter

from adapters import Adapter, discover
from adapters._adapter import Collection, Context, Gone, Made, Sheet
from adapters.monthly_workbook import read_workbook
from connectors.http.replay import ReplayTransport
from connectors.http.session import HttpSession
from connectors.tables import read_table
from schema.conform import conform
from schema.item import Kind, RecordSpec
from schema.registry import standard

FIXTURES = Path(__file__).parent.parent / "fixtures"
ADAPTERS = discover()
HARVESTED = {
    name: adapter
    for name, adapter in ADAPTERS.items()
    if not any(isinstance(each.reader, Sheet) for each in adapter.collections)
}
TABLED = {name: adapter for name, adapter in ADAPTERS.items() if name not in HARVESTED}
STRANGE = "※no such code※"


def load(source: str, name: str) -> Any:
    path = FIXTURES / source / name
    assert path.exists(), f"{path} is missing: record it first (see adapters/__init__.py)"
    return json.loads(path.read_text("utf-8"))


def context_of(source: str) -> Context:
    given = load(source, "source.json")["context"]
    return Context(
        source=source,
        now=datetime.fromisoformat(given["now"]),
        institution=given.get("institution", {}),
        facts=given.get("facts", {}),
    )


async def recorded(source: str, context: Context) -> list[tuple[Collection, dict[str, Any]]]:
    """Every row of the recorded session with its collection, in reading order."""
    adapter = ADAPTERS[source]
    transport = ReplayTransport(load(source, "source.json"))
    found = []
    async with httpx.AsyncClient(transport=transport, base_url="https://source.test") as client:
        session = HttpSession(source, client)
        for collection in adapter.collections:
            pages = collection.reader.read(session, collection.window(context))
            found += [(collection, dict(row)) async for page in pages for row in page.rows]
    return found


async def made(source: str) -> list[dict[str, Any]]:
    """What a whole run of the recorded session yields, as JSON."""
    adapter, context = ADAPTERS[source], context_of(source)
    yielded = list(adapter.states(context))
    rows = await recorded(source, context)
    instruments: dict[str, None] = {}
    for collection in adapter.collections:
        for row in (row for owner, row in rows if owner is collection):
            converted = adapter.convert(collection, row, context)
            assert converted.problems == ()
            assert converted.additions == ()
            yielded += converted.yielded
            for one in converted.yielded:
                if isinstance(one, Made) and one.type == "Instrument":
                    instruments[standard()["Instrument"].key_of(one.record)] = None
        yielded += collection.closes(context, list(instruments))
    return [travel(one) for one in yielded]


def travel(one: Made | Gone) -> dict[str, Any]:
    if isinstance(one, Gone):
        return {"type": one.type, "gone": one.key, "reason": one.reason}
    return json.loads(json.dumps({"type": one.type, "record": one.record}))


def codes(spec: RecordSpec, wire: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for item in spec.items:
        if item.kind is Kind.CODE and item.wire in wire:
            yield f"{spec.name}.{item.wire}", wire[item.wire]


@pytest.mark.parametrize("source", HARVESTED)
async def test_maps_the_recorded_source_to_the_expected_records(source: str) -> None:
    assert await made(source) == load(source, "records.json")


@pytest.mark.parametrize("source", HARVESTED)
async def test_every_record_conforms_to_the_standard(source: str) -> None:
    for one in await made(source):
        if "record" in one:
            _, problems = conform(standard()[one["type"]], one["record"])
            assert problems == [], one


@pytest.mark.parametrize("source", HARVESTED)
async def test_only_declared_record_types_come_out(source: str) -> None:
    adapter = ADAPTERS[source]
    declared = {name for each in adapter.collections for name in each.types} | {"Institution"}
    assert {one["type"] for one in await made(source)} <= declared
    assert declared <= set(standard().names)


@pytest.mark.parametrize("source", HARVESTED)
async def test_reports_a_field_the_source_has_added(source: str) -> None:
    adapter, context = ADAPTERS[source], context_of(source)
    rows = [
        (collection, row)
        for collection, row in await recorded(source, context)
        if collection.types and collection.name != "tool_status"
    ]
    for collection, row in rows:
        converted = adapter.convert(collection, {**row, "brand_new_field": "1"}, context)
        assert converted.additions == ("brand_new_field",)
        strict = any(problem.code == "FIELD_ADDED" for problem in converted.problems)
        assert strict == (adapter.additions == "strict")
    assert rows


@pytest.mark.parametrize("source", HARVESTED)
async def test_an_unknown_word_is_never_taken_for_a_code(source: str) -> None:
    """Change each field of each row to a word no table knows: refused, or no code depends on it."""
    adapter, context = ADAPTERS[source], context_of(source)
    refused = set()
    for collection, row in await recorded(source, context):
        sound = adapter.convert(collection, row, context)
        before = _codes_of(sound.yielded)
        types = {name.split(".")[0] for name, _ in before}
        for name in row:
            converted = adapter.convert(collection, {**row, name: STRANGE}, context)
            if converted.problems:
                assert converted.yielded == ()
                refused.update(
                    (collection.name, problem.path)
                    for problem in converted.problems
                    if problem.code == "CODE_UNKNOWN"
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
        if isinstance(one, Made)
        for name, value in codes(standard()[one.type], one.record)
    }


@pytest.mark.parametrize("source", HARVESTED)
async def test_no_row_however_poor_stops_the_others(source: str) -> None:
    adapter, context = ADAPTERS[source], context_of(source)
    poor = ["", None, "　", -1, "9" * 40, "1e999", "2026-13-45", [], {}, True, "x" * 5000, "\ud800"]
    for collection, row in await recorded(source, context):
        for name in row:
            less = {key: value for key, value in row.items() if key != name}
            adapter.convert(collection, less, context)
            for value in poor:
                converted = adapter.convert(collection, {**row, name: value}, context)
                assert not (converted.problems and converted.yielded)
        adapter.convert(collection, {}, context)


@pytest.mark.parametrize("source", HARVESTED)
async def test_no_personal_data_passes(source: str) -> None:
    adapter, context = ADAPTERS[source], context_of(source)
    personal = set()
    for collection, row in await recorded(source, context):
        for name in adapter.convert(collection, row, context).dropped:
            personal.add(str(row[name]))
    told = json.dumps(await made(source), ensure_ascii=False)
    assert [value for value in personal if len(value) > 2 and value in told] == []
    assert len([value for value in personal if len(value) > 2]) >= 2
    assert "@" not in told


@pytest.mark.parametrize("source", TABLED)
def test_a_recorded_table_becomes_the_expected_records(source: str) -> None:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        for name, rows in load(source, "source.json")["sheets"].items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, ["" if cell is None else cell for cell in row])
    rows = list(read_workbook(read_table(source, memory.getvalue())))
    assert [row.problems for row in rows] == [()] * len(rows)
    told = [{"type": row.record_type, "record": row.record} for row in rows]
    assert told == load(source, "records.json")
    for one in told:
        assert conform(standard()[one["type"]], one["record"])[1] == []


def test_every_adapter_says_who_publishes_it_and_how_fresh_it_is() -> None:
    for name, adapter in ADAPTERS.items():
        assert isinstance(adapter, Adapter)
        assert adapter.id == name
        assert all((adapter.title_zh, adapter.title_en, adapter.publisher_zh, adapter.publisher_en))
        assert adapter.promised_freshness.total_seconds() > 0
        assert len({each.name for each in adapter.collections}) == len(adapter.collections)
