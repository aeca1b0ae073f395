"""Whom a field of the root is about, from its arguments and from what it leads to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.access.grants import PartyGrants
from hub.graphql.schema import interface
from hub.identity.ids import shard_of
from hub.query.plan.binding import Env
from hub.query.plan.limits import QueryLimits
from hub.query.plan.reach import Reach
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Planner
from hub.store.records import standard_records

READER = Authority(frozenset({"catalogue:read", "asset:read", "service:read", "customs:read"}))
A, KEY = "moe:10269", "moe:10269/E1"


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(interface(standard_records()), QueryLimits())


def reaches(
    planner: Planner, text: str, variables: dict[str, object] | None = None
) -> list[object]:
    """Whom each field of the root is about that reads records; None: anybody."""
    plan = planner.plan(planner.read(text), None, variables or {}, READER)
    assert plan.compiled is not None
    env = Env(plan.values, PartyGrants(None), datetime(2026, 11, 30, tzinfo=UTC))
    return [None if each is None else each(env) for each in plan.compiled.reaches]


OF_A = Reach(parties=frozenset({A}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{{ instrument(by: {{key: "{KEY}"}}) {{ key }} }}', OF_A),
        (f'{{ institution(by: {{key: "{A}"}}) {{ key }} }}', OF_A),
        (f'{{ institution(by: {{key: "{A}"}}) {{ instruments {{ totalCount }} }} }}', OF_A),
        (
            f'{{ instrument(by: {{key: "{KEY}"}}) {{ institution {{ key }} offers {{ code }} }} }}',
            OF_A,
        ),
        (f'{{ instruments(filter: {{institutionKey: {{eq: "{A}"}}}}) {{ totalCount }} }}', OF_A),
        (f'{{ instruments(filter: {{institutionKey: {{in: ["{A}"]}}}}) {{ totalCount }} }}', OF_A),
        (f'{{ occupancies(filter: {{instrumentKey: {{eq: "{KEY}"}}}}) {{ totalCount }} }}', OF_A),
        (
            "{ institutions(filter: {provinces: [ANHUI, JIANGSU]}) { totalCount } }",
            Reach(provinces=frozenset({"34", "32"})),
        ),
        ("{ institutions(filter: {provinces: [ANHUI, OTHER]}) { totalCount } }", Reach()),
        (
            f'{{ node(id: "instr_{shard_of(A)}xyz") {{ id }} }}',
            Reach(shards=frozenset({shard_of(A)})),
        ),
        ("{ instruments { totalCount } }", None),
        ('{ instruments(filter: {institutionKey: {startsWith: "moe:"}}) { totalCount } }', None),
        ('{ instruments(filter: {localNo: {eq: "E1"}}) { totalCount } }', None),
        ('{ instrument(by: {number: {source: "x", localNo: "E1"}}) { key } }', None),
        # Customs state their approvals themselves: any source may be theirs.
        (f'{{ instrument(by: {{key: "{KEY}"}}) {{ customsApprovals {{ totalCount }} }} }}', None),
        (
            f'{{ customsApprovals(filter: {{instrumentKey: {{eq: "{KEY}"}}}}) {{ totalCount }} }}',
            None,
        ),
        ('{ node(id: "capp_00x") { id } }', Reach()),
    ],
)
def test_a_field_is_about_whom_its_arguments_name(
    planner: Planner, text: str, expected: Reach | None
) -> None:
    assert reaches(planner, text) == [expected]


def test_each_field_of_the_root_is_about_somebody_and_a_value_makes_no_other_plan(
    planner: Planner,
) -> None:
    text = """query ($key: String!) { a: instrument(by: {key: $key}) { key }
      b: institutions { totalCount } sources { id } }"""
    assert reaches(planner, text, {"key": KEY}) == [OF_A, None]
    other = Reach(parties=frozenset({"moe:2"}))
    assert reaches(planner, text, {"key": "moe:2/9"}) == [other, None]
