from __future__ import annotations

import base64
import json

import pytest

from schema.codes import Weekday
from tests.integration.query.conftest import NOW, READ, TUESDAY, A, Asker, B, caller

pytestmark = pytest.mark.integration

DEMO = """
query Free($from: DateTime!, $until: DateTime!) {
  instruments(
    first: 20
    filter: {
      classes: [{ scheme: "GB/T 32847", under: "0101" }]
      provinces: [SHANGHAI, JIANGSU, ZHEJIANG, ANHUI]
      availableFor: { from: $from, until: $until, hours: 4 }
    }
  ) {
    totalCount
    nodes {
      key
      name { zh en }
      bookingUrl
      institution { name { zh } }
      availability(from: $from, until: $until) {
        status
        free { from until hours }
        tentative { from }
        unknown { from until hours }
        longestFreeHours
        asOf
        sources
      }
      priceEstimate(audience: ENTERPRISE, hours: 4) {
        status
        amount { amount currency }
        offerCode
        audience
        unitPrice { amount }
        minimumCharge { amount }
        basis
      }
    }
    sources { id status asOf }
  }
}
"""


async def keys(ask: Asker, arguments: str, **more: object) -> list[str]:
    data = await ask(f"{{ instruments({arguments}) {{ nodes {{ key }} }} }}", **more)  # type: ignore[arg-type]
    assert ask.codes == [], ask.last
    return [node["key"] for node in data["instruments"]["nodes"]]


async def test_a_page_of_instruments_is_answered(ask: Asker) -> None:
    data = await ask("{ instruments(first: 2) { totalCount nodes { id key status } } }")
    assert data["instruments"]["totalCount"] == 6
    assert len(data["instruments"]["nodes"]) == 2
    assert data["instruments"]["nodes"][0]["id"].startswith("instr_")


async def test_one_request_says_what_is_free_next_tuesday_and_what_it_costs(ask: Asker) -> None:
    data = await ask(DEMO, TUESDAY)
    assert ask.codes == [], ask.last
    page = data["instruments"]
    found = {node["key"]: node for node in page["nodes"]}
    assert set(found) == {f"{A}/T1", f"{A}/T2", f"{A}/T3"}
    assert page["totalCount"] == 3
    first = found[f"{A}/T1"]
    assert first["institution"] == {"name": {"zh": "浙江大学"}}
    assert first["availability"]["status"] == "PARTLY"
    assert first["availability"]["free"] == [
        {"from": "2026-12-01T00:00:00Z", "until": "2026-12-01T02:00:00Z", "hours": "2"},
        {"from": "2026-12-01T04:00:00Z", "until": "2026-12-01T12:00:00Z", "hours": "8"},
    ]
    assert first["availability"]["longestFreeHours"] == "8"
    assert first["availability"]["sources"] == ["alpha"]
    assert first["availability"]["asOf"] == "2026-11-24T02:00:00Z"
    assert first["priceEstimate"] == {
        "status": "OK",
        "amount": {"amount": "3000.00", "currency": "CNY"},
        "offerCode": "E",
        "audience": "ENTERPRISE",
        "unitPrice": {"amount": "500.00"},
        "minimumCharge": {"amount": "3000.00"},
        "basis": "500.00 CNY × 4 HOUR; min 3000.00 CNY",
    }
    assert found[f"{A}/T2"]["priceEstimate"]["amount"] == {"amount": "1602.00", "currency": "CNY"}
    assert found[f"{A}/T2"]["priceEstimate"]["audience"] == "OUTSIDE"
    assert found[f"{A}/T3"]["priceEstimate"]["status"] == "NO_PRICE"
    assert found[f"{A}/T3"]["priceEstimate"]["amount"] is None
    assert [each["id"] for each in page["sources"]] == ["alpha", "beta", "gamma", "late"]
    assert ask.last["extensions"]["cost"]["requested"] < 1000


async def availability(ask: Asker, key: str, window: dict[str, str] = TUESDAY) -> dict[str, object]:
    data = await ask(
        """query ($key: String!, $from: DateTime!, $until: DateTime!) {
          instrument(by: { key: $key }) { availability(from: $from, until: $until) {
            status free { hours } tentative { from until } unknown { hours } longestFreeHours asOf
          } } }""",
        {"key": key, **window},
    )
    assert ask.codes == [], ask.last
    found: dict[str, object] = data["instrument"]["availability"]
    return found


async def test_time_that_no_source_covered_is_unknown_and_never_free(ask: Asker) -> None:
    partly = await availability(ask, f"{A}/T2")
    assert (partly["status"], partly["free"]) == ("PARTLY", [{"hours": "4"}])
    assert partly["unknown"] == [{"hours": "8"}]
    nowhere = await availability(ask, f"{B}/S2")
    assert (nowhere["status"], nowhere["free"], nowhere["asOf"]) == ("UNKNOWN", [], None)
    assert nowhere["unknown"] == [{"hours": "12"}]


async def test_without_opening_hours_the_whole_window_is_unknown(ask: Asker) -> None:
    found = await availability(ask, "moe:10284/X1")
    assert (found["status"], found["unknown"]) == ("UNKNOWN", [{"hours": "24"}])
    assert found["longestFreeHours"] == "0"


async def test_tentative_bookings_take_nothing_away_and_are_told(ask: Asker) -> None:
    found = await availability(ask, f"{A}/T3")
    assert (found["status"], found["longestFreeHours"]) == ("FREE", "12")
    assert found["tentative"] == [{"from": "2026-12-01T01:00:00Z", "until": "2026-12-01T02:00:00Z"}]


async def test_what_is_taken_or_closed_is_busy(ask: Asker) -> None:
    assert (await availability(ask, f"{B}/S1"))["status"] == "BUSY"
    sunday = {"from": "2026-12-06T00:00:00+08:00", "until": "2026-12-07T00:00:00+08:00"}
    assert (await availability(ask, f"{B}/S2", sunday))["status"] == "BUSY"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-12-02T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z"),
    ],
)
async def test_a_window_has_a_length_and_a_bound(ask: Asker, start: str, end: str) -> None:
    window = {"from": start, "until": end}
    await ask(DEMO, window)
    assert ask.codes == ["BAD_USER_INPUT"]
    assert "data" not in ask.last


async def test_instruments_are_found_by_words_in_chinese_and_by_pinyin(ask: Asker) -> None:
    assert set(await keys(ask, 'search: "电镜"')) == {
        f"{A}/T1", f"{A}/T2", f"{A}/T3", f"{B}/S1", f"{B}/S2",
    }  # fmt: skip
    assert set(await keys(ask, 'search: "smdj"')) == {f"{B}/S1", f"{B}/S2"}
    assert await keys(ask, 'search: "jem 2100"') == [f"{A}/T1"]
    assert await keys(ask, 'search: "没有这种仪器"') == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('{ localNo: { eq: "T1" } }', {"T1"}),
        ('{ localNo: { in: ["T1", "S1"] } }', {"T1", "S1"}),
        ('{ localNo: { startsWith: "S" } }', {"S1", "S2"}),
        ("{ status: { eq: IDLE } }", {"S2"}),
        ("{ status: { in: [IDLE, LOST] } }", {"S2"}),
        ('{ institutionKey: { eq: "moe:10246" } }', {"S1", "S2"}),
        ("{ provinces: [SHANGHAI] }", {"S1", "S2"}),
        ("{ provinces: OTHER }", set()),
        ('{ classes: [{ scheme: "GB/T 32847", under: "01" }] }', {"T1", "T2", "T3", "S1", "S2"}),
        ('{ classes: [{ scheme: "GB/T 32847", code: "010102" }] }', {"S1", "S2"}),
        ('{ classes: [{ scheme: "GB/T 32847", code: "010100" }] }', set()),
        ('{ classes: { scheme: "GB/T 32847" } }', {"T1", "T2", "T3", "S1", "S2"}),
        ('{ division: { startsWith: "3301" } }', {"T1"}),
        ("{ originalValue: { gte: 4000000 } }", {"T1", "T2"}),
        ('{ originalValue: { gte: "4000000", lte: 5125000.00 } }', {"T1"}),
        ('{ originalValue: { gte: 1, currency: "EUR" } }', set()),
        ('{ updatedSince: "2026-11-25T00:00:00Z" }', set()),
    ],
)
async def test_filters_say_what_they_say(ask: Asker, condition: str, expected: set[str]) -> None:
    found = await keys(ask, f"filter: {condition}")
    assert {key.partition("/")[2] for key in found} == expected


async def test_names_sort_as_a_chinese_index_does(ask: Asker) -> None:
    data = await ask("{ instruments(orderBy: NAME_ASC) { nodes { name { zh } } } }")
    assert [node["name"]["zh"] for node in data["instruments"]["nodes"]] == [
        "场发射透射电镜",
        "环境扫描电镜",
        "冷冻透射电镜",
        "扫描电镜",
        "透射电镜",
        "X射线衍射仪",
    ]


@pytest.mark.parametrize(
    "order",
    ["", "orderBy: NAME_DESC", "orderBy: [JOINED_ON_ASC, NAME_DESC]", "orderBy: JOINED_ON_DESC"],
)
@pytest.mark.parametrize("size", [1, 2, 4])
async def test_pages_follow_each_other_without_gap_in_both_directions(
    ask: Asker, order: str, size: int
) -> None:
    whole = await keys(ask, f"first: 100 {order}")
    assert len(whole) == 6
    for count, after, has, end in (
        ("first", "after", "hasNextPage", "endCursor"),
        ("last", "before", "hasPreviousPage", "startCursor"),
    ):
        found: list[str] = []
        cursor, more = "null", True
        while more and len(found) < 20:
            data = await ask(
                f"{{ instruments({count}: {size} {after}: {cursor} {order}) {{"
                f" edges {{ cursor node {{ key }} }} pageInfo {{ {has} {end} }} }} }}"
            )
            assert ask.codes == [], ask.last
            page = data["instruments"]
            here = [edge["node"]["key"] for edge in page["edges"]]
            found = found + here if count == "first" else here + found
            position = -1 if count == "first" else 0
            assert page["pageInfo"][end] == page["edges"][position]["cursor"]
            cursor, more = json.dumps(page["pageInfo"][end]), page["pageInfo"][has]
        assert found == whole


async def test_absent_values_come_last_in_both_directions(ask: Asker) -> None:
    assert (await keys(ask, "orderBy: JOINED_ON_ASC"))[0] == "moe:10284/X1"
    assert (await keys(ask, "orderBy: JOINED_ON_DESC"))[0] == "moe:10284/X1"


@pytest.mark.parametrize(
    "forged",
    [
        "x",
        "",
        "!!!!",
        "é",
        base64.urlsafe_b64encode(b'["0000000000000000","instr_x"]').decode().rstrip("="),
        base64.urlsafe_b64encode(b"{}").decode().rstrip("="),
        base64.urlsafe_b64encode(b"[" * 900).decode().rstrip("="),
        "A" * 5000,
    ],
)
async def test_a_forged_cursor_is_refused(ask: Asker, forged: str) -> None:
    query = "query ($c: String) { instruments(after: $c) { nodes { id } } }"
    assert await ask(query, {"c": forged}) is None
    assert ask.codes == ["BAD_CURSOR"]


async def test_a_cursor_belongs_to_its_field_filter_search_and_order(ask: Asker) -> None:
    data = await ask("{ instruments(first: 1) { pageInfo { endCursor } } }")
    cursor = data["instruments"]["pageInfo"]["endCursor"]
    for arguments in (
        "filter: { status: { eq: IDLE } }",
        'search: "电镜"',
        "orderBy: NAME_DESC",
        "orderBy: JOINED_ON_ASC",
    ):
        await ask(f'{{ instruments(after: "{cursor}", {arguments}) {{ nodes {{ id }} }} }}')
        assert ask.codes == ["BAD_CURSOR"], arguments
    await ask(f'{{ institutions(after: "{cursor}") {{ nodes {{ id }} }} }}')
    assert ask.codes == ["BAD_CURSOR"]


async def test_first_and_last_together_are_refused(ask: Asker) -> None:
    await ask("{ instruments(first: 1, last: 1) { nodes { id } } }")
    assert ask.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("first", ["-1", "101", "2147483648"])
async def test_a_page_has_a_size(ask: Asker, first: str) -> None:
    assert await ask(f"{{ instruments(first: {first}) {{ nodes {{ id }} }} }}") is None
    assert ask.codes[0] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


async def test_an_empty_page_is_a_page(ask: Asker) -> None:
    data = await ask(
        "{ instruments(first: 0) { nodes { id } pageInfo { hasNextPage endCursor } totalCount } }"
    )
    assert data["instruments"]["nodes"] == []
    assert data["instruments"]["pageInfo"] == {"hasNextPage": True, "endCursor": None}


async def test_identities_are_found_again_in_the_order_asked(ask: Asker) -> None:
    data = await ask(
        "{ instruments(first: 1) { nodes { id } } institutions(first: 1) { nodes { id } } }"
    )
    one = data["instruments"]["nodes"][0]["id"]
    two = data["institutions"]["nodes"][0]["id"]
    data = await ask(
        """query ($ids: [ID!]!, $id: ID!) {
          nodes(ids: $ids) { __typename id
            ... on Instrument { localNo } ... on Institution { kind } }
          node(id: $id) { id ...I }
          gone: node(id: "instr_gone") { id }
        } fragment I on Instrument { name { zh } }""",
        {"ids": [two, "nothing", one, "x_' OR 1=1"], "id": one},
    )
    assert ask.codes == [], ask.last
    assert [each and each["__typename"] for each in data["nodes"]] == [
        "Institution",
        None,
        "Instrument",
        None,
    ]
    assert data["node"] == {"id": one, "name": {"zh": "场发射透射电镜"}}
    assert data["gone"] is None


async def test_an_instrument_is_named_in_exactly_one_way(ask: Asker) -> None:
    data = await ask(
        """{ a: instrument(by: { key: "moe:10335/T1" }) { localNo }
             b: instrument(by: { number: { source: "alpha", localNo: "T1" } }) { localNo }
             c: institution(by: { key: "moe:10335" }) { name { en } } }"""
    )
    assert data == {
        "a": {"localNo": "T1"},
        "b": {"localNo": "T1"},
        "c": {"name": {"en": "Zhejiang University"}},
    }
    await ask('{ instrument(by: { key: "a", id: "b" }) { id } }')
    assert ask.codes == ["BAD_USER_INPUT"]


async def test_an_instrument_is_found_by_what_a_register_calls_it(ask: Asker) -> None:
    given = """{ a: instrument(by: { identifier: { scheme: "NRII", value: "2020-T1" } }) { localNo }
      b: instrument(by: { identifier: { scheme: "NRII", value: "T1" } }) { localNo }
      c: instrument(by: { identifier: { scheme: "X", value: "2020-T1" } }) { localNo } }"""
    assert await ask(given) == {"a": {"localNo": "T1"}, "b": None, "c": None}


async def test_relations_lead_both_ways(ask: Asker) -> None:
    data = await ask(
        """{ instrument(by: { key: "moe:10335/T1" }) {
          centre { code name { zh } }
          institution { centres { nodes { code } } 
            instruments(first: 2) { totalCount nodes { key } } }
          offers(first: 2) { code price { amount } instrument { localNo } }
          openingHours { weekday periods { opens closes } }
          coverage { startAt endAt }
          occupancies { totalCount nodes { certainty startAt } }
          place { divisionCode address }
          provenance { source asOf acceptedAt revision revisionId assurance channel entryId }
        } }"""
    )
    assert ask.codes == [], ask.last
    found = data["instrument"]
    assert found["centre"] == {"code": "EM", "name": {"zh": "电镜中心"}}
    assert found["institution"]["centres"]["nodes"] == [{"code": "EM"}]
    assert found["institution"]["instruments"]["totalCount"] == 3
    assert [each["code"] for each in found["offers"]] == ["E", "E9"]
    assert found["offers"][0]["instrument"] == {"localNo": "T1"}
    days = [each["weekday"] for each in found["openingHours"]]
    assert days == [day.value for day in Weekday], "a week begins on Monday"
    assert found["occupancies"]["nodes"] == [
        {"certainty": "FIRM", "startAt": "2026-12-01T02:00:00Z"}
    ]
    assert found["place"]["address"] == '玉泉"校区"\\1号楼 东'
    assert found["provenance"]["source"] == "alpha"
    assert found["provenance"]["revisionId"].startswith("r1_")
    assert found["provenance"]["assurance"] == "HUB_OBSERVED"


async def test_every_answer_tells_its_sources_with_status_and_age(ask: Asker) -> None:
    await ask("{ instruments { totalCount } }")
    sources = {each["id"]: each for each in ask.last["extensions"]["sources"]}
    assert {key: each["status"] for key, each in sources.items()} == {
        "alpha": "OK",
        "beta": "STALE",
        "gamma": "OK",
        "late": "NEVER",
    }
    assert sources["alpha"]["asOf"] == NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    await ask("{ centres { totalCount } }")
    assert [each["id"] for each in ask.last["extensions"]["sources"]] == ["alpha", "late"]


async def test_directives_fragments_and_aliases_shape_the_answer(ask: Asker) -> None:
    query = """query ($no: Boolean!, $yes: Boolean = true) {
      page: instruments(first: 1) {
        nodes { a: localNo @skip(if: $no) b: localNo @include(if: $yes) ...F ...F }
        nodes { model }
        kind: __typename
      }
    } fragment F on Instrument { key ... @include(if: $no) { status } }"""
    data = await ask(query, {"no": False})
    row = {"a": "T1", "b": "T1", "key": f"{A}/T1", "model": "JEM-2100F"}
    assert data == {"page": {"nodes": [row], "kind": "InstrumentConnection"}}
    data = await ask(query, {"no": True, "yes": False})
    row = {"key": f"{A}/T1", "status": "IN_SERVICE", "model": "JEM-2100F"}
    assert data["page"]["nodes"] == [row]


async def test_the_service_says_what_it_is_and_who_asks(ask: Asker) -> None:
    data = await ask(
        "{ serviceInfo { version schemaHash time sandbox } me { clientId party kind scopes } }",
        who=caller(B, READ),
    )
    assert data["serviceInfo"]["time"] == "2026-11-24T02:00:00Z"
    assert len(data["serviceInfo"]["schemaHash"]) == 64
    assert data["me"]["party"] == B
    assert data["me"]["scopes"] == sorted(READ)


async def test_introspection_and_records_go_together(ask: Asker) -> None:
    data = await ask(
        '{ __type(name: "Instrument") { name } instruments(first: 1) { nodes { key } } }'
    )
    assert ask.codes == [], ask.last
    assert data["__type"] == {"name": "Instrument"}
    assert data["instruments"]["nodes"] == [{"key": f"{A}/T1"}]
