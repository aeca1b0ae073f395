"""Counts by value, orders by price and conditions on words, over the same filter as the page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.query.conftest import TUESDAY, A, Asker, B, C

pytestmark = pytest.mark.integration
ALL_FACETS = "[CITY, CLASS, INSTITUTION, PROVINCE, SHARING]"


async def facets(ask: Asker, arguments: str, by: str = ALL_FACETS) -> dict[str, dict[str, int]]:
    data = await ask(
        f"{{ instruments{arguments} {{ totalCount facets(by: {by}) {{ by value count }} }} }}"
    )
    assert ask.codes == [], ask.last
    found: dict[str, dict[str, int]] = {}
    for each in data["instruments"]["facets"]:
        found.setdefault(each["by"], {})[each["value"]] = each["count"]
    for name, counts in found.items():
        if name != "CLASS":
            assert sum(counts.values()) <= data["instruments"]["totalCount"]
    return found


async def test_what_matches_is_counted_by_each_value(ask: Asker) -> None:
    assert await facets(ask, "") == {
        "CITY": {"3101": 2, "3201": 1, "3301": 1, "3302": 1, "3401": 1},
        "CLASS": {"010101": 3, "010102": 2},
        "INSTITUTION": {A: 3, B: 2, C: 1},
        "PROVINCE": {"SHANGHAI": 2, "ZHEJIANG": 2, "ANHUI": 1},
        "SHARING": {"OUTSIDE": 6},
    }


@pytest.mark.parametrize(
    ("arguments", "cities"),
    [
        ('(search: "电镜")', {"3101": 2, "3301": 1, "3302": 1, "3401": 1}),
        ('(filter: {classes: [{scheme: "GB/T 32847", under: "010102"}]})', {"3101": 2}),
        ("(filter: {provinces: [ZHEJIANG]})", {"3301": 1, "3302": 1}),
        ("(filter: {status: {eq: IDLE}})", {"3101": 1}),
        ('(search: "没有这种仪器")', {}),
        ("(first: 1)", {"3101": 2, "3201": 1, "3301": 1, "3302": 1, "3401": 1}),
    ],
)
async def test_facets_are_of_the_same_filter(
    ask: Asker, arguments: str, cities: dict[str, int]
) -> None:
    assert (await facets(ask, arguments)).get("CITY", {}) == cities


async def test_facets_count_what_is_free(ask: Asker) -> None:
    free = f'{{from: "{TUESDAY["from"]}", until: "{TUESDAY["until"]}", hours: 4}}'
    counted = await facets(ask, f"(filter: {{availableFor: {free}}})", "[INSTITUTION]")
    assert counted == {"INSTITUTION": {A: 3}}


async def test_facets_of_a_list_below_an_institution(ask: Asker) -> None:
    data = await ask(
        f'{{ institution(by: {{key: "{A}"}}) {{ instruments {{'
        " facets(by: [CITY], first: 2) { value count } } } }"
    )
    assert ask.codes == [], ask.last
    assert data["institution"]["instruments"]["facets"] == [
        {"value": "3301", "count": 1},
        {"value": "3302", "count": 1},
    ]


async def test_facets_stand_beside_the_page_and_come_in_variables(ask: Asker) -> None:
    data = await ask(
        """query ($by: [InstrumentFacet!]!, $n: Int!) { instruments(first: 1) {
          nodes { key } all: facets(by: $by, first: $n) { value } none: facets(by: []) { value }
        } }""",
        {"by": ["SHARING", "SHARING", "CITY"], "n": 1},
    )
    assert ask.codes == [], ask.last
    assert data["instruments"]["all"] == [{"value": "OUTSIDE"}, {"value": "3101"}]
    assert data["instruments"]["none"] == []


async def test_facets_cost_and_are_bounded(ask: Asker) -> None:
    await ask("{ instruments { totalCount } }")
    plain = ask.last["extensions"]["cost"]["requested"]
    await facets(ask, "")
    assert ask.last["extensions"]["cost"]["requested"] >= plain + 500
    await ask("{ instruments { facets(by: [CITY], first: 101) { value } } }")
    assert ask.codes == ["BAD_USER_INPUT"]


async def prices(ask: Asker, arguments: str) -> list[str]:
    data = await ask(f"{{ instruments({arguments}) {{ nodes {{ localNo }} }} }}")
    assert ask.codes == [], ask.last
    return [node["localNo"] for node in data["instruments"]["nodes"]]


async def test_instruments_are_sorted_by_what_they_cost_for_an_audience(ask: Asker) -> None:
    outside = "priceFor: {audience: OUTSIDE, hours: 1}"
    assert (await prices(ask, f"{outside}, orderBy: [PRICE_ASC]"))[:2] == ["T1", "T2"]
    assert (await prices(ask, f"{outside}, orderBy: [PRICE_DESC]"))[:2] == ["T2", "T1"]
    few = "priceFor: {audience: ENTERPRISE, hours: 4}"  # the least charge of T1 is 3000
    assert (await prices(ask, f"{few}, orderBy: [PRICE_ASC]"))[:2] == ["T2", "T1"]
    inside = "priceFor: {audience: INSIDE, hours: 1}"
    assert (await prices(ask, f"{inside}, orderBy: [PRICE_DESC, NAME_ASC]"))[0] == "S1"


async def test_a_list_sorted_by_price_is_read_on_by_its_cursors(ask: Asker) -> None:
    page = """query ($after: String, $a: Audience!) { instruments(first: 2, after: $after,
      orderBy: [PRICE_ASC], priceFor: {audience: $a, hours: 4}) {
      nodes { localNo } pageInfo { endCursor hasNextPage } } }"""
    found: list[str] = []
    values: dict[str, Any] = {"a": "OUTSIDE"}
    more = True
    while more:
        data = (await ask(page, values))["instruments"]
        found += [node["localNo"] for node in data["nodes"]]
        values["after"], more = data["pageInfo"]["endCursor"], data["pageInfo"]["hasNextPage"]
    assert sorted(found) == ["S1", "S2", "T1", "T2", "T3", "X1"]
    assert found[:2] == ["T1", "T2"]
    await ask(page, {**values, "a": "INSIDE"})  # a cursor of other prices
    assert ask.codes == ["BAD_CURSOR"]


async def test_an_order_by_price_says_for_whom(ask: Asker) -> None:
    await ask("{ instruments(orderBy: [PRICE_ASC]) { nodes { key } } }")
    assert ask.codes == ["BAD_USER_INPUT"]
    assert "priceFor" in str(ask.last["errors"])


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ('{ contains: "2100f" }', ["T1"]),
        ('{ contains: "100" }', ["T1"]),
        ('{ prefix: "jem" }', ["T1"]),
        ('{ prefix: "2100" }', []),
        ('{ prefix: "JEM", contains: "F" }', ["T1"]),
        ('{ eq: "JEM-2100F" }', ["T1"]),
        ('{ eq: "jem-2100f" }', []),
        ('{ in: ["JEM-2100F", "x"] }', ["T1"]),
        ('{ contains: "%" }', []),
        ('{ contains: "" }', ["T1"]),
    ],
)
async def test_models_are_found_by_their_parts(
    ask: Asker, condition: str, numbers: list[str]
) -> None:
    assert await prices(ask, f"filter: {{ model: {condition} }}") == numbers
    assert ask.last["extensions"]["cost"]["requested"] >= 100
