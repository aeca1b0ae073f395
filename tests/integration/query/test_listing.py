"""Pages that are read from the listing say what the records themselves say."""

from __future__ import annotations

import pytest

from hub.graphql.schema import interface
from hub.query.plan.limits import QueryLimits
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Planner
from hub.store.check import Fault, check
from hub.store.database import Database
from hub.store.records import standard_records
from tests.integration.query.conftest import (
    ALL,
    READ,
    SEM,
    TEM,
    A,
    Asker,
    B,
    instrument,
    put,
    register,
)

pytestmark = pytest.mark.integration

ALWAYS = 'updatedSince: "2000-01-01T00:00:00Z"'
"""A condition that every record meets and no listing answers."""
FILTERS = [
    'classes: [{scheme: "GB/T 32847", under: "01"}]',
    'classes: [{scheme: "GB/T 32847", under: "010101"}]',
    'classes: [{scheme: "GB/T 32847", under: "0101"}], provinces: [ZHEJIANG, ANHUI]',
    'classes: [{scheme: "GB/T 32847", under: "02"}]',
    "provinces: [SHANGHAI]",
    "provinces: [OTHER]",
    "status: {eq: IDLE}, sharing: {eq: OUTSIDE}",
    "status: {in: [IDLE, IN_SERVICE]}, use: {eq: GENERAL}",
]


def sql(arguments: str, scopes: frozenset[str] = READ) -> str:
    planner = Planner(interface(standard_records()), QueryLimits())
    document = planner.keep(
        planner.read(f"{{ instruments({arguments}) {{ totalCount nodes {{ key }} }} }}")
    )
    made = planner.plan(document, None, {}, Authority(scopes)).compiled
    assert made is not None
    return made.sql.decode()


@pytest.mark.parametrize("conditions", FILTERS)
async def test_listing_and_records_give_the_same_pages(ask: Asker, conditions: str) -> None:
    assert "instrument_listing" in sql(f"filter: {{{conditions}}}")
    for order in ("NAME_ASC", "NAME_DESC"):
        found = []
        for more in ("", f", {ALWAYS}"):
            fields = "totalCount edges { cursor node { key } } pageInfo { hasNextPage }"
            arguments = f"filter: {{{conditions}{more}}}, orderBy: [{order}]"
            data = await ask(f"{{ instruments({arguments}) {{ {fields} }} }}")
            assert ask.codes == [], ask.last
            page = data["instruments"]
            keys = [edge["node"]["key"] for edge in page["edges"]]
            found.append((page["totalCount"], keys, page["pageInfo"]))
        assert found[0] == found[1]


async def test_a_listing_is_walked_through_page_by_page_in_both_directions(ask: Asker) -> None:
    where = "filter: {sharing: {eq: OUTSIDE}}"
    data = await ask(f"{{ instruments({where}) {{ totalCount nodes {{ key }} }} }}")
    every = [node["key"] for node in data["instruments"]["nodes"]]
    assert len(every) == data["instruments"]["totalCount"] == 6
    for size, after, step in (("first", "after", 1), ("last", "before", -1)):
        walked: list[str] = []
        cursor = ""
        for _ in range(3):
            fields = "edges { cursor node { key } }"
            data = await ask(f"{{ instruments({size}: 2, {where}{cursor}) {{ {fields} }} }}")
            edges = data["instruments"]["edges"]
            keys = [edge["node"]["key"] for edge in edges]
            walked = walked + keys if step == 1 else keys + walked
            cursor = f', {after}: "{edges[-1 if step == 1 else 0]["cursor"]}"'
        assert walked == every


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 3",
        'filter: {classes: [{scheme: "GB/T 32847", under: "01"}, {scheme: "MOE", under: "03"}]}',
        'filter: {classes: [{scheme: "GB/T 32847", code: "010101"}]}',
        'filter: {classes: [{scheme: "GB/T 32847"}]}',
        "filter: {status: {eq: IDLE}}, orderBy: [JOINED_ON_ASC]",
        'filter: {status: {eq: IDLE}}, search: "电镜"',
        f"filter: {{status: {{eq: IDLE}}, {ALWAYS}}}",
    ],
)
async def test_what_a_listing_does_not_answer_is_read_from_the_records(
    ask: Asker, arguments: str
) -> None:
    assert "FROM instrument_listing t" not in sql(arguments)
    await ask(f"{{ instruments({arguments}) {{ totalCount }} }}")
    assert ask.codes == [], ask.last


async def test_a_size_of_the_document_is_known_to_postgresql_and_one_of_a_variable_is_bound(
    ask: Asker,
) -> None:
    assert "LIMIT 7::int" in sql("first: 7")
    query = "query ($n: Int!) { instruments(first: $n) { nodes { key } } }"
    data = await ask(query, {"n": 2})
    assert len(data["instruments"]["nodes"]) == 2
    await ask("{ instruments(first: 101) { nodes { key } } }")
    assert ask.codes == ["BAD_USER_INPUT"]


async def test_a_facet_that_a_scope_protects_is_refused_there_too(ask: Asker) -> None:
    authority = Authority(frozenset({"graphql:adhoc"}))
    planner = Planner(interface(standard_records()), QueryLimits())
    text = "{ instruments(filter: {status: {eq: IDLE}}) { totalCount } }"
    with pytest.raises(Exception, match="SCOPE_MISSING"):
        planner.plan(planner.keep(planner.read(text)), None, {}, authority)
    assert "instrument_listing" in sql("filter: {status: {eq: IDLE}}", ALL)


async def test_the_listing_follows_revisions_and_withdrawals_and_is_checked(
    database: Database,
) -> None:
    await register(database)
    rows = [("Instrument", instrument(A, "T1", "透射电镜", [TEM]))]
    await put(database, rows, "alpha")
    await put(database, [("Instrument", instrument(B, "S1", "扫描电镜", [SEM]))], "beta")
    await put(database, [("Instrument", instrument(A, "T1", "电镜", [SEM, TEM]))], "alpha")
    listed = "SELECT step, l.name_sort FROM instrument_listing l JOIN instrument USING (item_id)"
    steps = await database.reads.fetch_all(f"{listed} WHERE key = '{A}/T1' ORDER BY step")
    scheme = "GB/T 32847"
    wanted = ["", *(f"{scheme}›{code}" for code in ("01", "0101", "010101", "010102"))]
    assert [step for step, _ in steps] == wanted
    assert len({name for _, name in steps}) == 1
    assert (await check(database)).is_right
    async with database.writes.transaction() as connection:
        await connection.execute(b"DELETE FROM instrument_listing WHERE step = ''")
        await connection.execute(b"UPDATE instrument_listing SET status = 'IDLE'")
    found = (await check(database)).differences
    assert {(each.table, each.key, each.fault) for each in found} == {
        ("instrument_listing", f"{A}/T1", Fault.DIFFERENT),
        ("instrument_listing", f"{B}/S1", Fault.DIFFERENT),
    }
