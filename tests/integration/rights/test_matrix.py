"""The authorisation matrix: every role at every door, against a table that is written by hand.

What a cell must be comes from `matrix.toml` alone. The registry of the standard is asked for one
thing: whether the table speaks of every record type and of every item.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from hub.client import CallRefusedError
from hub.clock import system_clock
from hub.crypto.keys import SigningKey
from hub.identity.links import UNLINKED, is_named_by_key
from hub.intake.service import submit
from hub.ledger.statement import sign_record
from hub.query.plan.limits import NODES_MAX, QueryLimits
from schema.canonical import canonical
from schema.parties import OPERATOR
from schema.registry import standard
from tests.integration.rights.conftest import BASE, Cells, World
from tests.integration.rights.rows import MAKE, SELECTED, key_in
from tests.integration.rights.table import KINDS, Row, read_table, scopes_of
from tests.integration.rights.world import Builder, Entry, harvested, withdrawal

pytestmark = pytest.mark.integration
PAGE = "(first: 200)"


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
    passes = world.table.passes(role, cells.door)
    seen = passes and world.table.sees(role, row)
    cells.check(node is not None, seen, role, way, row.key, "row")
    for item in row.wire:
        expected = passes and world.table.reads(role, row, item)
        if item == "originals" and expected:
            # Of a text whose item is not read nothing is shown; some public item is always read.
            expected = any(world.table.reads(role, row, each) for each in row.wire if each != item)
        cells.check(is_told(node, item), expected, role, way, row.key, item)


def test_the_table_names_every_record_type_and_every_item_once() -> None:
    """What only the operator states is no source's: tests of erasure, audit and federation ask."""
    table = read_table()
    specs = [spec for spec in standard() if spec.issuer != OPERATOR]
    assert set(table.records) == {spec.name for spec in specs}
    of_operator = {"Erasure", "AuditDay", "ClaimMap", "Observation", "VoucherFinding"}
    assert {spec.name for spec in standard()} - set(table.records) == of_operator
    for spec in specs:
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
            read = {
                table.reads(role, row, item)
                for role in table.roles
                for row in world.stock.rows[record]
            }
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
            passes = world.table.passes(role, "revision")
            expected = passes and world.table.reads_all(role, row, row.wire)
            revisions.check(shown, expected, role, row.key, "revisionId")
        cells.check(sorted(nodes), [], role, record, "rows that are not there")
    for each in (cells, texts, revisions):
        each.settle(world.table, record_property)


async def test_the_present_power_is_shown_to_who_reads_the_spans_of_its_days(
    world: World, record_property: Any
) -> None:
    cells = Cells("power")
    query = f"{{ instruments{PAGE} {{ nodes {{ key powerState {{ state }} }} }} }}"
    days = {row.wire["instrumentKey"]: row for row in world.stock.rows["PowerDay"]}
    for role in world.table.roles:
        page = (await world.ask(role, query))[0].get("instruments") or {"nodes": []}
        shown = {node["key"]: node["powerState"] is not None for node in page["nodes"]}
        for key, row in days.items():
            expected = world.table.passes(role, cells.door)
            expected = expected and world.table.reads(role, row, "spans")
            cells.check(shown.get(key, False), expected, role, key, "powerState")
    cells.settle(world.table, record_property)


def check_originals(
    cells: Cells, world: World, role: str, row: Row, node: dict[str, Any] | None
) -> None:
    """Compare which texts of a row's originals are shown."""
    stated = [each["path"] for each in row.wire.get("originals", ())]
    shown = [each["path"] for each in (node or {}).get("originals") or ()]
    opens = world.table.passes(role, cells.door) and bool(stated)
    opens = opens and world.table.reads(role, row, "originals")
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


async def test_a_reference_of_a_gateway_shows_what_the_list_shows(
    world: World, record_property: Any
) -> None:
    cells = Cells("entities")
    for role in world.table.roles:
        for record, rows in world.stock.rows.items():
            query = f"""query ($r: [_Any!]!) {{ _entities(representations: $r) {{
              ... on {record} {selection(world, record)} }} }}"""
            named = is_named_by_key(standard()[record])
            references = [
                {"__typename": record, "key": row.key}
                if named and place % 2
                else {"__typename": record, "id": world.stock.ids[record, row.key]}
                for place, row in enumerate(rows)
            ]
            data, _ = await world.ask(role, query, {"r": references}, of_subgraph=True)
            nodes = data.get("_entities") or [None] * len(rows)
            for row, node in zip(rows, nodes, strict=True):
                check_items(cells, world, (role, "entities"), row, node)
    cells.settle(world.table, record_property)


def test_a_key_names_the_record_that_it_names_at_the_hub(world: World) -> None:
    named = {spec.name for spec in standard() if is_named_by_key(spec)}
    asked = [pair for pair in world.stock.ids if pair[0] in named]
    assert {record for record, _ in asked} == named & set(world.table.records)
    for record, key in asked:
        spec = standard()[record]
        assert UNLINKED.identity_by_key(spec, key) == world.stock.ids[record, key], (record, key)


async def test_what_is_withdrawn_is_found_by_nobody(world: World) -> None:
    gone = [each.row for each in world.stock.entries if each.state == "tombstone"]
    gone = [row for row in gone if row.record != "Institution"]
    ids = [world.stock.ids[row.record, row.key] for row in gone]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert len(ids) > 50
    for role in world.table.roles:
        for at in range(0, len(ids), NODES_MAX):
            data, _ = await world.ask(role, query, {"ids": ids[at : at + NODES_MAX]})
            assert not any(data.get("nodes") or ()), role


def nested_query(path: str, asked: str) -> str:
    """Return a query that goes a way such as instruments.nodes.offers."""
    names = path.split(".")
    following = [*names[1:], ""]
    fields = [
        f"{name}{PAGE if after == 'nodes' else ''}"
        for name, after in zip(names, following, strict=True)
    ]
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
                for row in world.stock.rows[record]:
                    node = nodes.pop(row.key, None)
                    if path in said.get("nested_first", ()) and not row.key.endswith("/1"):
                        assert node is None
                    else:
                        check_items(cells, world, (role, path), row, node)
                cells.check(sorted(nodes), [], role, path, "rows that are not there")
    cells.settle(world.table, record_property)


def is_open(world: World, door: str, role: str, record: str, item: str) -> bool:
    """Whether the scopes of a role let it ask for rows by an item at all."""
    of_rows = world.table.scope_of_rows[world.table.records[record]["rows"]]
    wanted = (of_rows, world.table.kind(record, item))
    return world.table.passes(role, door) and all(
        world.table.has_scope(role, each) for each in wanted
    )


async def test_a_filter_finds_only_rows_whose_item_is_read(
    world: World, record_property: Any
) -> None:
    cells = Cells("filter")
    for role, record in with_list(world):
        said = world.table.records[record]
        for item, condition in said["filters"].items():
            field = said["list"]
            asked = f"first: 200, filter: {{ {condition} }}"
            query = f"{{ {field}({asked}) {{ totalCount nodes {{ key }} }} }}"
            data, codes = await world.ask(role, query)
            refused = codes == {"SCOPE_MISSING"} and not data.get(field)
            may = is_open(world, "filter", role, record, item)
            cells.check(refused, not may, role, record, item, "refused")
            page = data.get(field) or {"nodes": [], "totalCount": 0}
            found = {node["key"] for node in page["nodes"]}
            assert page["totalCount"] == len(found)
            for row in world.stock.rows[record]:
                expected = may and world.table.reads(role, row, item)
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
                asked = f"first: 200, orderBy: {snake}_{name}"
                query = f"{{ {said['list']}({asked}) {{ nodes {{ key }} }} }}"
                data, codes = await world.ask(role, query)
                page = data.get(said["list"])
                refused = codes == {"SCOPE_MISSING"} and not page
                may = is_open(world, "order", role, record, item)
                cells.check(refused, not may, role, record, item, "refused")
                got = [node["key"] for node in page["nodes"]] if page else []
                expected = in_order(world, role, record, item, down=down) if may else []
                assert len(got) == len(expected), (role, record, item)
                for place, (key, wanted) in enumerate(zip(got, expected, strict=True)):
                    cells.check(key, wanted, role, record, item, name, place)
    cells.settle(world.table, record_property)


def asked_at(world: World, door: str) -> list[Entry]:
    """List the entries that are asked for at a door."""
    said = world.table.doors[door]
    return [
        each
        for each in world.stock.entries
        if each.row.record in said["records"]
        and each.row.owner in said["owners"]
        and each.number in said["numbers"]
    ]


def batched(parts: list[str], size: int) -> list[list[str]]:
    return [parts[at : at + size] for at in range(0, len(parts), size)]


def proof_of(world: World, role: str, entry: Entry) -> str:
    return world.table.proof(role, entry.row, entry.stated, stands=entry.stands)


async def test_a_receipt_proves_only_to_who_reads_all(world: World, record_property: Any) -> None:
    cells, found = Cells("receipt"), Cells("receipt_by_content")
    receipts, contents = asked_at(world, cells.door), asked_at(world, found.door)
    for role in world.table.roles:
        asked = [
            *(f'e{each.entry_id}: receipt(entryId: "{each.entry_id}")' for each in receipts),
            *(f'r{each.entry_id}: receipt(revisionId: "{each.revision_id}")' for each in contents),
        ]
        data: dict[str, Any] = {}
        for some in batched(asked, QueryLimits().root_fields):
            fields = " ".join(
                f"{each} {{ entryId state proof revisionId statement }}" for each in some
            )
            data |= (await world.ask(role, f"{{ {fields} }}"))[0]
        for entry in receipts:
            passes = world.table.passes(role, cells.door)
            expected = proof_of(world, role, entry) if passes else "nothing"
            got = told(data.get(f"e{entry.entry_id}"), entry)
            cells.check(got, expected, role, entry.row.record, entry.row.key, entry.state)
        for entry in contents:
            is_whole = proof_of(world, role, entry) == "all"
            expected = "all" if is_whole and world.table.passes(role, found.door) else "nothing"
            got = told(data.get(f"r{entry.entry_id}"), entry)
            found.check(got, expected, role, entry.row.record, entry.row.key, entry.state)
    for each in (cells, found):
        each.settle(world.table, record_property)


def told(receipt: dict[str, Any] | None, entry: Entry) -> str:
    """Say in a word of the table what a receipt tells."""
    if receipt is None:
        return "nothing"
    assert (receipt["entryId"], receipt["state"]) == (entry.entry_id, "INCLUDED")
    if receipt["proof"] and receipt["revisionId"] == entry.revision_id:
        return "all"
    secrets = [receipt[name] for name in ("proof", "revisionId", "statement")]
    return "some" if any(secrets) else "state"


async def refusal_of(call: Any, entry_id: str) -> str:
    """Return "all" where a door opens, else the code with which it does not."""
    try:
        answer = await call(entry_id)
    except CallRefusedError as refused:
        return refused.code
    return "all" if answer else "an empty answer"


async def test_over_http_who_may_not_read_all_is_told_that_there_is_nothing(
    world: World, record_property: Any
) -> None:
    receipts, records = Cells("http_receipt"), Cells("http_record")
    for role, said in world.table.roles.items():
        if "party" not in said or role in world.table.doors["http_receipt"]["not_asked"]:
            continue
        client = await world.register(
            world.table.key(said["party"]), scopes_of(said["scopes"]), *said.get("sources", ())
        )
        for cells, call in ((receipts, client.receipt), (records, client.record)):
            closed = "NOT_FOUND" if world.table.passes(role, cells.door) else "SCOPE_MISSING"
            entries = asked_at(world, cells.door)
            answers = await asyncio.gather(*(refusal_of(call, each.entry_id) for each in entries))
            for entry, got in zip(entries, answers, strict=True):
                is_whole = closed == "NOT_FOUND" and proof_of(world, role, entry) == "all"
                expected = "all" if is_whole else closed
                cells.check(got, expected, role, entry.row.record, entry.row.key, entry.state)
    for cells in (receipts, records):
        cells.settle(world.table, record_property)


async def test_over_http_nobody_passes_without_a_token(world: World) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as http:
        for entry in asked_at(world, "http_receipt"):
            for path in ("receipts", "records"):
                answer = await http.get(f"/{path}/{entry.entry_id}")
                assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_MISSING")


async def test_only_who_the_table_says_states_and_withdraws(
    world: World, record_property: Any
) -> None:
    cells = Cells("write")
    signers = {said["signed"] for said in world.table.writes if "signed" in said}
    for signer in sorted(signers):
        await world.register(world.table.key(signer), ("receipt:read",))
    keys = {signer: world.keys[world.table.key(signer)] for signer in signers}
    for said in world.table.writes:
        records = list(world.table.records)
        stated = [stated_row(world, said, record, keys) for record in records]
        for word, rows in (("", stated), ("withdraw_", withdrawn_rows(world, said, records))):
            if f"{word}fact" not in said:
                continue
            got = await written(world, said, rows)
            for record, outcome in zip(records, got, strict=True):
                expected = said[word + world.table.records[record]["gives"]]
                cells.check(outcome, expected, said["who"], word, record)
    cells.settle(world.table, record_property)


def stated_row(
    world: World, said: dict[str, Any], record: str, keys: dict[str, SigningKey]
) -> dict[str, Any]:
    """Return a new record of whom a line of the table is about, signed where it says so."""
    of = Builder(world.database, world.table).blank(said["about"], "new")
    wire = MAKE[record](of)
    row = {"type": record, "record": wire}
    if "signed" not in said:
        return row
    key, party = keys[said["signed"]], world.table.key(said["signed"])
    assert isinstance(key.private, EllipticCurvePrivateKey)
    jws = sign_record(canonical(wire), key.private, key.kid, record, party, system_clock())
    return {**row, "jws": jws}


def withdrawn_rows(world: World, said: dict[str, Any], records: list[str]) -> list[dict[str, Any]]:
    """Return withdrawals of what stands of whom a line is about, or of what would stand there."""
    of = Builder(world.database, world.table).blank(said["about"], "1")
    return [withdrawal(record, key_in(record, MAKE[record](of))) for record in records]


async def written(world: World, said: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Send rows as a line of the table says, as a dry run; return what became of each."""
    if said["party"] == "hub":
        batch = harvested(said["source"], rows, dry_run=True)
        outcomes = json.loads((await submit(world.database, batch, clock=system_clock)).to_text())
    else:
        scopes = scopes_of(said.get("scopes", "push withdraw"))
        uses = said.get("uses", said["source"])
        client = await world.register(world.table.key(said["party"]), scopes, uses)
        try:
            outcomes = (await client.push(rows, source=said["source"], dry_run=True)).body
        except CallRefusedError as refused:
            return [refused.code] * len(rows)
    return [
        each["problems"][0]["code"] if each.get("problems") else each["outcome"]
        for each in outcomes["rows"]
    ]
