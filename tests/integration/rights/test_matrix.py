"""The authorisation matrix: every role at every door, against a table that is written by hand.

What a cell must be comes from `matrix.toml` alone. The registry of the standard is asked for one
thing: whether the table speaks of every record type and of every item.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schema.registry import standard
from tests.integration.rights.conftest import Cells, World
from tests.integration.rights.rows import SELECTED
from tests.integration.rights.table import KINDS, Row, read_table
from tests.integration.rights.world import Entry

pytestmark = pytest.mark.integration
PAGE = "(first: 200)"
AT_ONCE = 50
"""Receipts of one request."""


def selection(world: World, record: str) -> str:
    """Ask for every item of a record and for its content address."""
    items = [f"{item} {SELECTED.get(item, '')}" for item in world.table.items(record)]
    return f"{{ id key provenance {{ revisionId }} {' '.join(items)} }}"


async def listed(world: World, role: str, record: str) -> dict[str, dict[str, Any]]:
    """Return what a role finds in the list of a record, by key."""
    field = world.table.records[record]["list"]
    query = f"{{ {field}{PAGE} {{ totalCount nodes {selection(world, record)} }} }}"
    page = (await world.ask(role, query))[0].get(field) or {"nodes": [], "totalCount": 0}
    assert page["totalCount"] == len(page["nodes"]), (role, record)
    return {node["key"]: node for node in page["nodes"]}


def with_list(world: World) -> Iterator[tuple[str, str]]:
    """Give every role with every record that has a list."""
    for role in world.table.roles:
        for record, said in world.table.records.items():
            if "list" in said:
                yield role, record


def is_told(node: dict[str, Any] | None, item: str) -> bool:
    return node is not None and node[item] not in (None, [])


def check_items(
    cells: Cells, world: World, where: tuple[str, str], row: Row, node: dict[str, Any] | None
) -> None:
    """Compare a row and each of its items with the table."""
    role, way = where
    cells.check(node is not None, world.table.sees(role, row), role, way, row.key, "row")
    for item in row.wire:
        expected = world.table.reads(role, row, item)
        if item == "originals" and expected:
            # Of a text whose item is not read nothing is shown; some public item is always read.
            expected = any(world.table.reads(role, row, each) for each in row.wire if each != item)
        cells.check(is_told(node, item), expected, role, way, row.key, item)


def test_the_table_names_every_record_type_and_every_item_once() -> None:
    table = read_table()
    assert set(table.records) == set(standard().names)
    for spec in standard():
        said = table.records[spec.name]
        named = [item for kind in KINDS for item in said.get(kind, ())]
        assert sorted(named) == sorted(item.wire for item in spec.items), spec.name
        filterable = {item.wire for item in spec.items if item.facts.filterable}
        assert set(said.get("filters", ())) == filterable, spec.name
        sortable = {item.wire for item in spec.items if item.facts.sortable}
        assert set(said.get("orders", ())) == sortable, spec.name


async def test_the_world_states_every_item_and_no_line_of_the_table_is_idle(world: World) -> None:
    table = world.table
    for record in table.records:
        stated = {item for row in world.stock.rows[record] for item in row.wire}
        assert stated == set(table.items(record)), record
        for item in stated:
            read = {table.reads(role, row, item) for role in table.roles for row in world.stock.rows[record]}
            assert read == {True, False}, f"{record}.{item} is read by all or by nobody"
    assert not table.unused, "no row stands so to a role"
    assert all(line["why"] for line in (*table.rights, *table.writes))


async def test_a_list_shows_the_rows_and_items_of_the_table(
    world: World, record_property: Any
) -> None:
    cells, texts, revisions = Cells("list"), Cells("original"), Cells("revision")
    for role, record in with_list(world):
        nodes = await listed(world, role, record)
        for row in world.stock.rows[record]:
            node = nodes.pop(row.key, None)
            check_items(cells, world, (role, "list"), row, node)
            check_originals(texts, world, role, row, node)
            shown = is_told(node and node["provenance"], "revisionId")
            expected = world.table.reads_all(role, row, row.wire)
            revisions.check(shown, expected, role, row.key, "revisionId")
        cells.check(sorted(nodes), [], role, record, "rows that are not there")
    for each in (cells, texts, revisions):
        each.settle(world.table, record_property)


def check_originals(
    cells: Cells, world: World, role: str, row: Row, node: dict[str, Any] | None
) -> None:
    """Compare which texts of a row's originals are shown."""
    stated = [each["path"] for each in row.wire.get("originals", ())]
    shown = [each["path"] for each in (node or {}).get("originals") or ()]
    opens = world.table.reads(role, row, "originals") if stated else False
    for path in stated:
        expected = opens and world.table.reads(role, row, path.partition(".")[0])
        cells.check(path in shown, expected, role, row.key, f"original of {path}")
    cells.check(set(shown) - set(stated), set(), role, row.key, "originals that are not there")


async def test_a_look_up_by_identity_shows_what_the_list_shows(
    world: World, record_property: Any
) -> None:
    cells = Cells("node")
    for role in world.table.roles:
        for record, rows in world.stock.rows.items():
            query = f"""query ($ids: [ID!]!, $one: ID!) {{
              nodes(ids: $ids) {{ ...f }} node(id: $one) {{ ...f }} }}
              fragment f on {record} {selection(world, record)}"""
            ids = [world.stock.ids[record, row.key] for row in rows]
            data, _ = await world.ask(role, query, {"ids": ids, "one": ids[0]})
            nodes = data.get("nodes") or [None] * len(ids)
            assert data.get("node") == nodes[0], (role, record)
            for row, node in zip(rows, nodes, strict=True):
                check_items(cells, world, (role, "node"), row, node)
    cells.settle(world.table, record_property)


async def test_what_is_withdrawn_is_found_by_nobody(world: World) -> None:
    gone = [each.row for each in world.stock.entries if each.state == "tombstone"]
    gone = [row for row in gone if row.record != "Institution"]
    ids = [world.stock.ids[row.record, row.key] for row in gone]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert len(ids) > 50
    for role in world.table.roles:
        data, _ = await world.ask(role, query, {"ids": ids})
        assert not any(data.get("nodes") or ()), role


def nested_query(path: str, asked: str) -> str:
    """Return a query that goes a way such as instruments.nodes.offers."""
    names = path.split(".")
    following = [*names[1:], ""]
    fields = [f"{name}{PAGE if after == 'nodes' else ''}" for name, after in zip(names, following)]
    return f"{{ {' { '.join(fields)} {asked} {'} ' * len(names)}"


def leaves(data: Any, names: list[str]) -> Iterator[dict[str, Any]]:
    """Give what stands at the end of a way."""
    if data is None:
        return
    if isinstance(data, list):
        for each in data:
            yield from leaves(each, names)
    elif names:
        yield from leaves(data.get(names[0]), names[1:])
    else:
        yield data


async def test_a_relation_shows_what_the_list_shows(world: World, record_property: Any) -> None:
    cells = Cells("nested")
    for role in world.table.roles:
        for record, said in world.table.records.items():
            for path in (*said.get("nested", ()), *said.get("nested_first", ())):
                query = nested_query(path, selection(world, record))
                data, _ = await world.ask(role, query)
                nodes = {node["key"]: node for node in leaves(data, path.split("."))}
                leads = world.table.has_scope(role, "public")
                for row in world.stock.rows[record]:
                    node = nodes.pop(row.key, None)
                    if path in said.get("nested_first", ()) and not row.key.endswith("/1"):
                        assert node is None
                    elif leads:
                        check_items(cells, world, (role, path), row, node)
                    else:
                        cells.check(node, None, role, path, row.key, "no way there")
                cells.check(sorted(nodes), [], role, path, "rows that are not there")
    cells.settle(world.table, record_property)


def is_open(world: World, role: str, record: str, item: str) -> bool:
    """Whether the scopes of a role let it ask for rows by an item at all."""
    of_rows = world.table.scope_of_rows[world.table.records[record]["rows"]]
    kind = world.table.kind(record, item)
    return world.table.has_scope(role, of_rows) and world.table.has_scope(role, kind)


async def test_a_filter_finds_only_rows_whose_item_is_read(
    world: World, record_property: Any
) -> None:
    cells = Cells("filter")
    for role, record in with_list(world):
        said = world.table.records[record]
        for item, condition in said["filters"].items():
            field = said["list"]
            query = f"{{ {field}(first: 200, filter: {{ {condition} }}) {{ totalCount nodes {{ key }} }} }}"
            data, codes = await world.ask(role, query)
            refused = codes == {"SCOPE_MISSING"} and not data.get(field)
            cells.check(refused, not is_open(world, role, record, item), role, record, item)
            page = data.get(field) or {"nodes": [], "totalCount": 0}
            found = {node["key"] for node in page["nodes"]}
            assert page["totalCount"] == len(found)
            for row in world.stock.rows[record]:
                expected = world.table.reads(role, row, item)
                cells.check(row.key in found, expected, role, "filter", row.key, item)
    cells.settle(world.table, record_property)


def in_order(world: World, role: str, record: str, item: str, *, down: bool) -> list[str]:
    """Return the keys of the rows that a role sees, in the order in which it must see them.

    Ranks run against identities, so an order by a hidden value would show.
    """
    rows = [row for row in world.stock.rows[record] if world.table.sees(role, row)]
    shown = [row for row in rows if world.table.reads(role, row, item)]
    hidden = [row for row in rows if row not in shown]
    shown.sort(key=lambda row: world.stock.ranks[record, row.key], reverse=down)
    hidden.sort(key=lambda row: world.stock.ids[record, row.key], reverse=down)
    return [row.key for row in (*shown, *hidden)]


async def test_an_item_that_is_not_read_decides_no_order(
    world: World, record_property: Any
) -> None:
    cells = Cells("order")
    for role, record in with_list(world):
        said = world.table.records[record]
        for item in said.get("orders", ()):
            for down, name in ((False, "ASC"), (True, "DESC")):
                snake = "".join(f"_{c}" if c.isupper() else c.upper() for c in item)
                query = f"{{ {said['list']}(first: 200, orderBy: {snake}_{name}) {{ nodes {{ key }} }} }}"
                data, codes = await world.ask(role, query)
                page = data.get(said["list"])
                refused = codes == {"SCOPE_MISSING"} and not page
                may = is_open(world, role, record, item)
                cells.check(refused, not may, role, record, item, "refused")
                got = [node["key"] for node in page["nodes"]] if page else []
                expected = in_order(world, role, record, item, down=down) if may else []
                assert len(got) == len(expected), (role, record, item)
                for place, (key, wanted) in enumerate(zip(got, expected, strict=True)):
                    cells.check(key, wanted, role, record, item, name, place)
    cells.settle(world.table, record_property)


def proof_of(world: World, role: str, entry: Entry) -> str:
    return world.table.proof(role, entry.row, entry.stated, stands=entry.stands)


async def test_a_receipt_proves_only_to_who_reads_all(world: World, record_property: Any) -> None:
    cells = Cells("graphql_receipt")
    entries = world.stock.entries
    for role in world.table.roles:
        opens = world.table.has_scope(role, "receipt")
        for start in range(0, len(entries), AT_ONCE):
            part = entries[start : start + AT_ONCE]
            asked = " ".join(
                f'e{n}: receipt(entryId: "{each.entry_id}") {{ state proof revisionId statement }}'
                f'r{n}: receipt(revisionId: "{each.revision_id}") {{ entryId proof }}'
                for n, each in enumerate(part)
            )
            data, _ = await world.ask(role, f"{{ {asked} }}")
            for n, entry in enumerate(part):
                expected = proof_of(world, role, entry) if opens else "nothing"
                where = (role, entry.row.record, entry.row.key, entry.state)
                cells.check(told(data.get(f"e{n}")), expected, *where)
                found = data.get(f"r{n}")
                cells.check(bool(found), expected == "all", *where, "by content address")
                assert not found or found["entryId"] == entry.entry_id
    cells.settle(world.table, record_property)


def told(receipt: dict[str, Any] | None) -> str:
    """Say in a word of the table what a receipt tells."""
    if receipt is None:
        return "nothing"
    assert receipt["state"] == "INCLUDED"
    parts = {name: bool(receipt[name]) for name in ("proof", "revisionId")}
    assert not receipt["statement"]
    return {(True, True): "all", (False, False): "state"}.get(tuple(parts.values()), str(parts))  # type: ignore[arg-type]
