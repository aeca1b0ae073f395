"""How fresh an answer must be: what a request may say, and what that never changes."""

from __future__ import annotations

import pytest

from hub.errors import ErrorCode
from hub.graphql.endpoint import read_address, read_request
from hub.graphql.schema import interface
from hub.query.plan.errors import QueryError
from hub.query.plan.freshness import Freshness, duration_s, read_freshness
from hub.query.plan.limits import QueryLimits
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Plan, Planner
from hub.store.records import standard_records

READER = Authority(frozenset({"catalogue:read"}))
DAY = 'from: "2026-12-01T00:00:00Z", until: "2026-12-02T00:00:00Z"'
PAGE = (
    "query ($s: Duration) { instruments(first: 3, maxStaleness: $s)"
    f" {{ pageInfo {{ endCursor }} nodes {{ availability({DAY}) {{ status }} }} }} }}"
)


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(interface(standard_records()), QueryLimits())


def planned(planner: Planner, text: str, variables: object = None, *, is_fresh: bool) -> Plan:
    document = planner.known(text) or planner.keep(planner.read(text))
    return planner.plan(document, None, variables or {}, READER, is_fresh=is_fresh)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT0S", 0), ("PT2S", 2), ("PT0.25S", 0.25), ("PT5M", 300), ("PT1H30M", 5400),
        ("P1D", 86_400), ("P31D", 2_678_400), ("P1DT1S", 86_401),
    ],
)  # fmt: skip
def test_a_duration_has_days_hours_minutes_and_seconds(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1DT", "2", "2S", "PT-1S", "P1M", "P1Y", "P1W", "PT1.S", "P32D", "pt2s",
     "PT2S ", "PT1S2M", "PT٢S", "PT999999999S", "P31DT1S"],
)  # fmt: skip
def test_what_is_no_duration_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a duration"):
        duration_s(text)


def test_a_request_says_how_fresh_all_of_it_must_be() -> None:
    stated = {"maxStaleness": "PT1M", "deadline": "PT1S", "onSourceError": "FAIL"}
    assert read_freshness({"freshness": stated}) == Freshness(
        max_staleness_s=60, deadline_s=1, fails=True
    )
    assert read_freshness({"freshness": {}}) == Freshness()
    assert read_freshness({"tracing": {"x": 1}}) is None
    assert read_freshness({"freshness": None}) is None


def test_both_ways_of_asking_carry_what_a_request_says() -> None:
    body = b'{"query": "{ me { kind } }", "extensions": {"freshness": {"maxStaleness": "PT1M"}}}'
    extensions = b"%7B%22freshness%22%3A%7B%22deadline%22%3A%22PT1S%22%7D%7D"
    address = b"query=%7Bme%7Bkind%7D%7D&extensions=" + extensions
    assert read_request(body).freshness == Freshness(max_staleness_s=60)
    assert read_address(address).freshness == Freshness(deadline_s=1)
    assert read_request(b'{"query": "{ me { kind } }", "extensions": null}').freshness is None


@pytest.mark.parametrize(
    "stated",
    [
        "PT1M", [], {"staleness": "PT1M"}, {"maxStaleness": 60}, {"maxStaleness": "1 minute"},
        {"deadline": "PT0S"}, {"deadline": "PT10.001S"}, {"onSourceError": "IGNORE"},
        {"onSourceError": ["FAIL"]},
    ],
)  # fmt: skip
def test_a_request_that_says_it_wrongly_is_refused(stated: object) -> None:
    with pytest.raises(QueryError) as refused:
        read_freshness({"freshness": stated})
    assert refused.value.code is ErrorCode.BAD_USER_INPUT


def test_neither_value_nor_presence_of_a_freshness_makes_another_plan(planner: Planner) -> None:
    plans = [
        planned(planner, PAGE, variables, is_fresh=True).compiled
        for variables in ({"s": "PT1M"}, {"s": "P1D"}, {"s": None}, {})
    ]
    assert all(plan is plans[0] for plan in plans)


def test_a_freshness_changes_neither_the_cost_of_a_statement_nor_its_cursors(
    planner: Planner,
) -> None:
    without = PAGE.replace("($s: Duration)", "").replace(", maxStaleness: $s", "")
    plain = planned(planner, without, is_fresh=False)
    fresh = planned(planner, PAGE, {"s": "PT1M"}, is_fresh=True)
    assert plain.compiled is not None
    assert fresh.compiled is not None
    assert b"transient_calendar" in fresh.compiled.sql  # what nobody may keep is read by who asks
    assert b"transient_calendar" not in plain.compiled.sql
    assert fresh.compiled.cost.total(fresh.values) == plain.compiled.cost.total(plain.values)
    assert plain.compiled.touches == ()


def test_where_no_calendar_is_looked_at_a_freshness_changes_nothing(planner: Planner) -> None:
    text = "{ instruments { nodes { key } totalCount } }"
    plain, fresh = (planned(planner, text, is_fresh=each).compiled for each in (False, True))
    assert plain is not None
    assert fresh is not None
    assert fresh.sql == plain.sql


def test_a_document_says_whether_it_may_name_a_freshness(planner: Planner) -> None:
    assert planner.read(PAGE).names_freshness
    assert not planner.read("{ instruments { totalCount } }").names_freshness


def test_sources_are_those_of_the_request_whether_a_freshness_is_named_or_not(
    planner: Planner,
) -> None:
    text = "{ instruments { sources { id status servedFrom asOf latencyMs errorCode } } }"
    plain = planned(planner, text, is_fresh=False).compiled
    fresh = planned(planner, text, is_fresh=True).compiled
    assert plain is not None
    assert fresh is not None
    assert plain.sql == fresh.sql
    assert plain.sql.count(b"jsonb_to_recordset($") == 1


@pytest.mark.parametrize(
    ("selection", "has_keys", "moves"),
    [
        ("instruments { nodes { key } }", False, False),
        (f"instruments {{ nodes {{ availability({DAY}) {{ status }} }} }}", True, False),
        ("instruments { edges { node { occupancies { totalCount } } } }", True, False),
        ("instruments { nodes { coverage { endAt } } }", True, False),
        (
            f"instruments(filter: {{availableFor: {{{DAY}, hours: 2}}}}) {{ totalCount }}",
            True,
            True,
        ),
        (
            'instrument(by: {key: "a/b"}) { ...F }',
            True,
            False,
        ),
        ("occupancies { totalCount }", False, False),
        (
            'institution(by: {key: "a"}) { instruments { nodes { coverage { endAt } } } }',
            False,
            False,
        ),
    ],
)
def test_a_root_field_touches_calendars_that_it_looks_at(
    planner: Planner, selection: str, *, has_keys: bool, moves: bool
) -> None:
    text = f"{{ {selection} }}"
    if "...F" in text:
        text += f" fragment F on Instrument {{ availability({DAY}) {{ status }} }}"
    compiled = planned(planner, text, is_fresh=True).compiled
    assert compiled is not None
    (touch,) = compiled.touches
    assert (touch.keys is not None, touch.moves) == (has_keys, moves)


def test_a_field_speaks_before_the_request_and_a_deadline_alone_wants_nothing(
    planner: Planner,
) -> None:
    text = (
        'query ($s: Duration, $d: Duration! = "PT2S")'
        " { instruments(maxStaleness: $s, deadline: $d) { totalCount } }"
    )
    asked = Freshness(max_staleness_s=60, deadline_s=5)

    def wanted(variables: dict[str, str | None], of_request: Freshness | None) -> object:
        plan = planned(planner, text, variables, is_fresh=True)
        assert plan.compiled is not None
        found = plan.compiled.touches[0].wanted(plan.values, of_request)
        return None if found is None else (found.max_staleness_s, found.deadline_s)

    assert wanted({"d": "PT1S"}, None) is None
    assert wanted({}, Freshness(deadline_s=5)) is None
    assert wanted({"s": "PT0S"}, None) == (0, 2)
    assert wanted({"s": "PT1S", "d": "PT3S"}, asked) == (1, 3)
    assert wanted({"s": None, "d": "PT3S"}, asked) == (60, 3)
    with pytest.raises(QueryError):
        wanted({"s": "PT1S", "d": "PT11S"}, None)


def test_the_deadline_of_a_request_holds_for_fields_that_state_none(planner: Planner) -> None:
    plan = planned(planner, "{ instruments { totalCount } }", is_fresh=True)
    assert plan.compiled is not None
    (touch,) = plan.compiled.touches
    found = touch.wanted(plan.values, Freshness(max_staleness_s=60, deadline_s=5))
    assert found is not None
    assert (found.max_staleness_s, found.deadline_s) == (60, 5)
