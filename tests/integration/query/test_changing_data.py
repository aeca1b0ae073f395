"""What a reader sees while records come, change and go; and what prices follow from."""

from __future__ import annotations

from typing import Any

import pytest

from hub.store.database import Database
from tests.integration.query.conftest import (
    NOW,
    A,
    Asker,
    engine_on,
    instrument,
    money,
    offer,
    put,
    register,
)

pytestmark = pytest.mark.integration


def named(*names: str) -> list[tuple[str, dict[str, Any]]]:
    return [("Instrument", instrument(A, name, name, [])) for name in names]


@pytest.mark.parametrize("order", ["NAME_ASC", "NAME_DESC", "JOINED_ON_ASC"])
async def test_pages_neither_repeat_nor_skip_while_rows_are_added(
    database: Database, order: str
) -> None:
    await register(database)
    first = [f"m{n:02}" for n in range(0, 20, 2)]
    await put(database, named(*first), "alpha")
    ask = Asker(engine_on(database))
    seen: list[str] = []
    cursor: str | None = None
    for page in range(20):
        data = await ask(
            f"""query ($c: String) {{ instruments(first: 3, after: $c, orderBy: {order}) {{
              nodes {{ localNo }} pageInfo {{ endCursor hasNextPage }} }} }}""",
            {"c": cursor},
        )
        seen += [node["localNo"] for node in data["instruments"]["nodes"]]
        cursor = data["instruments"]["pageInfo"]["endCursor"]
        if not data["instruments"]["pageInfo"]["hasNextPage"]:
            break
        await put(database, named(f"m{2 * page + 1:02}", f"a{page}", f"z{page}"), "alpha")
    assert len(seen) == len(set(seen))
    assert set(first) <= set(seen)


async def test_a_price_follows_unit_audience_day_and_minimum(database: Database) -> None:
    await register(database)
    await put(database, named("T1"), "alpha")
    key = f"{A}/T1"
    offers = [
        offer(key, "sample", "OUTSIDE", "80.00", unit="SAMPLE"),
        offer(key, "run", "INSIDE", "1000.00", unit="RUN"),
        offer(key, "early", "OUTSIDE", "5.00", validUntil="2026-11-23"),
        offer(key, "late", "OUTSIDE", "6.00", validFrom="2026-12-01"),
        {**offer(key, "usd", "OUTSIDE", "1.00"), "price": money("1.00", "USD")},
        offer(key, "mixed", "OUTSIDE", "2.00", minimumCharge=money("9999.00", "USD")),
        offer(key, "other", "OUTSIDE", "300.00"),
    ]
    await put(database, [("ServiceOffer", each) for each in offers], "alpha")
    ask = Asker(engine_on(database))

    async def price(arguments: str) -> tuple[str, str | None, str | None]:
        data = await ask(
            f'{{ instrument(by: {{ key: "{key}" }}) {{ p: priceEstimate({arguments})'
            " { status offerCode amount { amount } } } }"
        )
        assert ask.codes == [], ask.last
        found = data["instrument"]["p"]
        return found["status"], found["offerCode"], (found["amount"] or {}).get("amount")

    assert await price("audience: OUTSIDE, hours: 2") == ("OK", "other", "600.00")
    assert await price("audience: OUTSIDE, samples: 3") == ("OK", "sample", "240.00")
    assert await price('audience: OUTSIDE, hours: "0.5", samples: 1') == ("OK", "sample", "80.00")
    assert await price("audience: INSIDE") == ("OK", "run", "1000.00")
    assert await price("audience: ENTERPRISE") == ("NO_PRICE", None, None)
    on = 'audience: ENTERPRISE, hours: 2, on: "2026-12-01"'
    assert await price(on) == ("OK", "late", "12.00")
    assert await price('audience: OUTSIDE, hours: 2, on: "2026-11-23"') == ("OK", "early", "10.00")
    for hours in ("0", "-1", "1000000"):
        await ask(
            f"{{ instruments {{ nodes {{ priceEstimate(audience: INSIDE, hours: {hours})"
            " { status } } } }"
        )
        assert ask.codes == ["BAD_USER_INPUT"]


async def test_a_filter_by_time_of_acceptance_follows_changes(database: Database) -> None:
    await register(database)
    await put(database, named("T1", "T2"), "alpha")
    ask = Asker(engine_on(database))
    since = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    query = "query ($t: DateTime!) { instruments(filter: { updatedSince: $t }) { totalCount } }"
    assert (await ask(query, {"t": since}))["instruments"]["totalCount"] == 2
    later = "2026-11-24T10:00:01+08:00"
    assert (await ask(query, {"t": later}))["instruments"]["totalCount"] == 0
