"""When a term ends: the condition in SQL, and the rule that decides uses, on every kind of day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.access.supervision import in_term, term_values
from hub.policy.bounds import LackingError, Missing
from hub.policy.customs.facts import CustomsFacts
from hub.policy.customs.term import first_release_in_term, is_over, last_day
from hub.policy.law import EVERYWHERE, Law, current_law, read_law
from schema.codes import CustomsGoodsKind, CustomsStatus
from schema.registry import standard
from schema.traits import Supervises
from tests.unit.policy.customs_case import FOLDER

pytestmark = pytest.mark.integration
((_, TRAIT),) = standard().with_trait(Supervises)
SHIPPED = (FOLDER.parents[2] / "hub/policy/parameters/customs.toml").read_text("utf-8")
DAY_BEFORE = read_law({"x.toml": SHIPPED.replace('"ANNIVERSARY"\nstatus', '"DAY_BEFORE"\nstatus')})
LAWS = st.sampled_from([current_law(), DAY_BEFORE])
DAYS = st.dates(date(2020, 1, 1), date(2036, 12, 31)) | st.sampled_from(
    [date(2024, 2, 29), date(2027, 2, 28), date(2027, 3, 1), date(2028, 2, 29), date(2032, 2, 29)]
)
COLUMNS = {
    TRAIT.kind: "text",
    TRAIT.released: "date",
    TRAIT.arrived: "date",
    TRAIT.settled: "date",
}
Row = tuple[CustomsGoodsKind | None, date | None, date | None, date | None]


@pytest.fixture(scope="module")
def server(cluster: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(cluster, autocommit=True) as connection:
        yield connection


@st.composite
def rows(draw: st.DrawFn, law: Law, on: date) -> list[Row]:
    """Draw supervisions, many of them within days of where the term ends."""
    made: list[Row] = []
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.none() | st.sampled_from(CustomsGoodsKind))
        edge = first_release_in_term(kind or CustomsGoodsKind.OTHER, on, law.on(on, EVERYWHERE))
        near = st.integers(-4, 4).map(lambda days, edge=edge: edge + timedelta(days=days))
        released = draw(st.none() | near | DAYS)
        arrived = draw(st.none() | near | DAYS)
        if released is not None and arrived is not None and arrived < released:
            arrived = released
        settled = draw(st.none() | st.integers(-1, 1).map(lambda n: on + timedelta(days=n)))
        made.append((kind, released, arrived, settled))
    return made


def runs(row: Row, on: date, law: Law) -> bool:
    """Say whether a supervision runs, as the rules of customs say it; True where nobody knows."""
    kind, released, arrived, settled = row
    if settled is not None and settled <= on:
        return False
    facts = CustomsFacts(
        owner="",
        status=CustomsStatus.SUPERVISED,
        kind=kind or Missing("goodsKind"),
        released_on=released or Missing("releasedOn"),
        arrived_on=arrived or Missing("arrivedOn"),
    )
    try:
        return not is_over(facts, on, law.on(on, EVERYWHERE))
    except LackingError:
        return True


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), law=LAWS, on=DAYS)
def test_sql_shows_what_the_rules_hold_for_supervised(
    server: psycopg.Connection[Any], data: st.DataObject, law: Law, on: date
) -> None:
    drawn = data.draw(rows(law, on))
    cells = term_values(law, on, "day")
    for number, (kind, *days) in enumerate(drawn):
        for place, cell in enumerate((None if kind is None else kind.name, *days)):
            cells[f"c{number}_{place}"] = cell
    values = ", ".join(
        f"({number}, "
        + ", ".join(f"%(c{number}_{at})s::{kind}" for at, kind in enumerate(COLUMNS.values()))
        + ")"
        for number in range(len(drawn))
    )
    condition = in_term(TRAIT, "x", "day")
    statement = f"SELECT {condition} FROM (VALUES {values}) x(n, {', '.join(COLUMNS)}) ORDER BY n"
    shown = [each for (each,) in server.execute(statement.encode(), cells).fetchall()]
    assert shown == [runs(row, on, law) for row in drawn]


@given(law=LAWS, on=DAYS, kind=st.sampled_from(CustomsGoodsKind))
def test_the_first_release_in_term_is_the_first(law: Law, on: date, kind: CustomsGoodsKind) -> None:
    in_force = law.on(on, EVERYWHERE)
    first = first_release_in_term(kind, on, in_force)
    assert last_day(kind, first, in_force) >= on
    assert last_day(kind, first - timedelta(days=1), in_force) < on
