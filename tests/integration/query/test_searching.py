"""What a search finds, in what order, and when what it finds by has changed."""

from __future__ import annotations

import pytest

from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.store.database import Database
from tests.integration.query.conftest import (
    NOW,
    SEM,
    TEM,
    TUESDAY,
    A,
    Asker,
    B,
    engine_on,
    institution,
    instrument,
    offer,
    put,
    register,
)

pytestmark = pytest.mark.integration


async def found(ask: Asker, text: str, more: str = "") -> list[str]:
    data = await ask(
        f"query ($t: String) {{ instruments(search: $t{more}) {{ totalCount nodes {{ key }} }} }}",
        {"t": text},
    )
    assert ask.codes == [], ask.last
    keys = [node["key"] for node in data["instruments"]["nodes"]]
    assert data["instruments"]["totalCount"] == len(keys)
    return keys


async def test_the_exact_name_comes_before_those_that_contain_it(ask: Asker) -> None:
    assert await found(ask, "透射电镜") == [f"{A}/T3", f"{A}/T1", f"{A}/T2"]
    assert await found(ask, "扫描电镜") == [f"{B}/S1", f"{B}/S2"]


async def test_an_order_that_is_asked_for_comes_before_how_well_rows_match(ask: Asker) -> None:
    by_name = await found(ask, "透射电镜", ", orderBy: [NAME_ASC]")
    assert by_name == [f"{A}/T1", f"{A}/T2", f"{A}/T3"]


async def test_a_search_is_read_on_by_its_cursors(ask: Asker) -> None:
    page = """query ($after: String) { instruments(search: "电镜", first: 2, after: $after) {
      nodes { key } pageInfo { endCursor hasNextPage } } }"""
    keys: list[str] = []
    after, more = None, True
    while more:
        data = (await ask(page, {"after": after}))["instruments"]
        keys += [node["key"] for node in data["nodes"]]
        after, more = data["pageInfo"]["endCursor"], data["pageInfo"]["hasNextPage"]
    assert keys == await found(ask, "电镜")
    assert len(keys) == 5


@pytest.mark.parametrize("blank", ["", " ", "\u3000\t"])
async def test_a_blank_search_narrows_nothing(ask: Asker, blank: str) -> None:
    data = await ask("{ instruments { nodes { key } } }")
    assert await found(ask, blank) == [node["key"] for node in data["instruments"]["nodes"]]


@pytest.mark.parametrize("marks", ["……", "&|!", "'", "\\"])
async def test_marks_alone_find_nothing(ask: Asker, marks: str) -> None:
    assert await found(ask, marks) == []


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("复旦", [f"{B}/S2", f"{B}/S1"]),
        ("Fudan University", [f"{B}/S2", f"{B}/S1"]),
        ("合肥", [f"{A}/T3"]),
        ("T1", [f"{A}/T1"]),
        ("moe:10335/T2", [f"{A}/T2"]),
        ("TEM 浙大", [f"{A}/T1", f"{A}/T2", f"{A}/T3"]),
        ("SEM 浙大", []),
        ("掃描電子顯微鏡", [f"{B}/S2", f"{B}/S1"]),
    ],
)
async def test_words_of_everything_that_tells_an_instrument_find_it(
    ask: Asker, typed: str, keys: list[str]
) -> None:
    assert sorted(await found(ask, typed)) == sorted(keys)


async def test_a_search_of_two_words_needs_both(ask: Asker) -> None:
    assert await found(ask, "电镜 复旦 T1") == []


async def test_an_institution_that_takes_another_name_finds_its_instruments_at_once(
    database: Database,
) -> None:
    await register(database)
    await put(database, [("Institution", institution(B, "复旦大学", "Fudan", "310110"))], "beta")
    await put(database, [("Instrument", instrument(B, "S1", "扫描电镜", [SEM]))], "beta")
    ask = Asker(engine_on(database))
    assert await found(ask, "江湾学院") == []
    changed = institution(B, "江湾学院", "Jiangwan College", "330106")
    changed |= {"shortNames": ["江院"], "formerNames": ["复旦公学"]}
    await put(database, [("Institution", changed)], "beta")
    for typed in ("江湾学院", "江湾", "江院", "复旦公学", "Jiangwan", "杭州", "江湾 电镜"):
        assert await found(ask, typed) == [f"{B}/S1"], typed
    assert await found(ask, "Fudan") == []


async def test_a_key_with_marks_of_the_query_language_is_only_a_key(database: Database) -> None:
    await register(database)
    odd = "x':* | 'y\\"
    row = instrument(A, odd, "奇号电镜", [TEM])
    await put(database, [("Instrument", row)], "alpha")
    ask = Asker(engine_on(database))
    assert await found(ask, odd) == [f"{A}/{odd}"]
    assert await found(ask, "奇号") == [f"{A}/{odd}"]


async def withdraw(database: Database, key: str, source: str) -> None:
    batch = Batch(
        source=source,
        party="hub:delta.example",
        channel=Channel.HARVEST,
        rows=[{"type": "Instrument", "withdraw": {"key": key, "reason": "报废"}}],
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="2"),
        as_of=NOW,
    )
    (row,) = (await submit(database, batch, clock=lambda: NOW)).rows
    assert row.outcome is Outcome.WITHDRAWN


async def test_offers_of_an_instrument_that_is_withdrawn_are_not_listed(
    database: Database,
) -> None:
    await register(database)
    rows = [
        ("Instrument", instrument(A, "T1", "透射电镜", [TEM])),
        ("ServiceOffer", offer(f"{A}/T1", "O", "OUTSIDE", "300.00")),
    ]
    await put(database, rows, "alpha")
    ask = Asker(engine_on(database))
    asked = "{ serviceOffers { totalCount nodes { instrument { key } } } }"
    there = {"totalCount": 1, "nodes": [{"instrument": {"key": f"{A}/T1"}}]}
    assert (await ask(asked))["serviceOffers"] == there
    await withdraw(database, f"{A}/T1", "alpha")
    assert (await ask(asked))["serviceOffers"] == {"totalCount": 0, "nodes": []}
    await put(database, rows[:1], "alpha")
    assert (await ask(asked))["serviceOffers"] == there


async def test_a_page_of_a_hundred_with_hours_offers_availability_and_price_is_allowed(
    ask: Asker,
) -> None:
    await ask(
        """query ($from: DateTime!, $until: DateTime!) { instruments(first: 100) { nodes {
          key name { zh } institution { key name { zh } }
          openingHours { weekday periods { opens closes } }
          offers { code audience unit price { amount currency } minimumCharge { amount } }
          availability(from: $from, until: $until) { status free { from until } }
          priceEstimate(audience: OUTSIDE, hours: 4) { status amount { amount currency } }
        } } }""",
        TUESDAY,
    )
    assert ask.codes == [], ask.last
    assert ask.last["extensions"]["cost"]["requested"] <= 5_000
