"""Whatever happens, a mirror made from `changes` alone equals what its client may read.

Hypothesis draws histories: records stated, corrected, moved from one user institution to another
and withdrawn by several sources; agreements on all of a data set or on items of it, dated or not;
time that passes; and clients that take pages of any size, at any time, from one worker, and look
at what they name on another, which may go by former rights. `HISTORIES` of them run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.store.database import Database
from schema.dates import local_date
from tests.databases import lent_database
from tests.integration.exchange.conftest import (
    NOW,
    SCOPES,
    SETTLED,
    SOURCES,
    A,
    B,
    Hub,
    Mirror,
    U,
    V,
    agreement,
    caller,
    instrument,
    register,
    usage,
)

pytestmark = pytest.mark.integration

HISTORIES = int(os.environ.get("HUB_FEED_HISTORIES", "80"))
TO_MIDNIGHT_S = 14 * 3600 - 3
TABLES = (
    *("entry", "entry_body", "instrument", "instrument_source", "instrument_listing"),
    *("usage_record_source", "agreement_source"),
)
CLIENTS = (
    caller(U),
    caller(V),
    caller(A),
    caller(U, SCOPES - {"asset:read"}, sources=["a1", "b1"]),
    caller(U, SCOPES - {"service:read"}),
    caller(None),
)


@dataclass(frozen=True, slots=True)
class Put:
    """A source states a record."""

    kind: str
    key: str
    source: str
    record: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A source withdraws one of the records that stand, counted round and round."""

    which: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Take:
    """A client takes a page."""

    client: int
    first: int
    workers: tuple[int, int]


_OWNED = st.sampled_from([(owner, source) for owner, many in SOURCES.items() for source in many])
_DAYS = st.none() | st.integers(-2, 3)


@st.composite
def instruments(draw: st.DrawFn) -> Put:
    owner, source = draw(_OWNED)
    number = draw(st.sampled_from(["T1", "T2"]))
    more = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "annualHours": st.integers(1, 3),
                "originalValue": st.just({"amount": "5.00", "currency": "CNY"}),
            },
        )
    )
    return Put("Instrument", f"{owner}/{number}", source, instrument(owner, number, **more)[1])


@st.composite
def usages(draw: st.DrawFn) -> Put:
    owner, source = draw(_OWNED)
    number = draw(st.sampled_from(["1", "2"]))
    user = draw(st.sampled_from([None, U, V]))
    hours = draw(st.sampled_from(["1.0", "2.0"]))
    record = usage(owner, number, user, hours=hours)[1]
    return Put("UsageRecord", f"{owner}/T1/{number}", source, record)


@st.composite
def agreements(draw: st.DrawFn) -> Put:
    owner, consumer = draw(st.sampled_from([A, B])), draw(st.sampled_from([U, V]))
    dataset, item = draw(st.sampled_from([("SERVICE", "hours"), ("ASSET", "originalValue")]))
    more: dict[str, Any] = {"fields": [item]} if draw(st.booleans()) else {}
    begins, lasts = draw(_DAYS), draw(_DAYS)
    today = local_date(NOW)
    if begins is not None:
        more["validFrom"] = (today + timedelta(days=begins)).isoformat()
    if lasts is not None:
        days = (
            lasts if begins is None else max(lasts, begins + 1)
        )  # its last day lies after its first
        until = today + timedelta(days=days)
        more["validUntil"] = until.isoformat()
    source = SOURCES[owner][0]
    record = agreement(owner, consumer, dataset, **more)[1]
    return Put("Agreement", f"{owner}/{consumer}/{dataset}", source, record)


_WORKERS = st.tuples(st.integers(0, 1), st.integers(0, 1))
_STEPS = st.one_of(
    instruments(),
    usages(),
    agreements(),
    st.builds(Withdraw, st.integers(0, 20)),
    st.builds(Wait, st.sampled_from([1, 4, 11, TO_MIDNIGHT_S, 86_400, 2 * 86_400])),
    st.builds(Take, st.integers(0, len(CLIENTS) - 1), st.integers(1, 6), _WORKERS),
    st.builds(Take, st.integers(0, 1), st.integers(1, 60), _WORKERS),
)


@pytest.fixture(scope="module")
def world(cluster: str, template: str) -> Iterator[tuple[asyncio.Runner, Database]]:
    """A database for every history, and the loop that its connections belong to."""
    with lent_database(cluster, template) as url, asyncio.Runner() as runner:
        database = Database(url)
        runner.run(register(database))
        yield runner, database
        runner.run(database.close())


async def happen(hub: Hub, steps: list[Any], mirrors: list[Mirror]) -> None:
    standing: dict[tuple[str, str, str], None] = {}
    for step in steps:
        if isinstance(step, Put):
            await hub.put((step.kind, step.record), source=step.source)
            standing[step.kind, step.key, step.source] = None
        elif isinstance(step, Withdraw) and standing:
            chosen = list(standing)[step.which % len(standing)]
            await hub.withdraw(*chosen)
            del standing[chosen]
        elif isinstance(step, Wait):
            hub.wait(step.seconds)
        elif isinstance(step, Take):
            await mirrors[step.client].step(hub, step.first, step.workers)


async def live(database: Database, steps: list[Any]) -> int:
    """Let a history happen and compare every mirror; return how many items they have."""
    async with database.writes.transaction() as connection:
        for table in TABLES:
            await connection.execute(f"DELETE FROM {table}".encode())
    hub, mirrors = Hub(database), [Mirror(who) for who in CLIENTS]
    await happen(hub, steps, mirrors)
    for mirror in mirrors:
        await mirror.follow(hub)
    hub.wait(3 * SETTLED)  # what the waiting of one client let begin or end
    for mirror in mirrors:
        await mirror.follow(hub)
    for mirror in mirrors:
        assert mirror.items == await hub.lists(mirror.who)
    return sum(len(mirror.items) for mirror in mirrors)


@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(_STEPS, min_size=4, max_size=30))
def test_a_mirror_of_any_history_equals_what_its_client_may_read(
    world: tuple[asyncio.Runner, Database], steps: list[Any]
) -> None:
    runner, database = world
    runner.run(live(database, steps))


def test_a_history_that_has_everything_fills_mirrors(
    world: tuple[asyncio.Runner, Database],
) -> None:
    runner, database = world
    value = {"amount": "5.00", "currency": "CNY"}
    took = [Take(client, 50, (0, 1)) for client in range(len(CLIENTS))]
    record = instrument(A, "T1", originalValue=value)[1]
    steps = [
        Put("Instrument", f"{A}/T1", "a1", record),
        Put("UsageRecord", f"{A}/T1/1", "a2", usage(A, "1", V)[1]),
        *took,
        Put("Agreement", f"{A}/{U}/SERVICE", "a1", agreement(A, U)[1]),
        *took,
    ]
    assert runner.run(live(database, steps)) == len(CLIENTS) + 4 + 4
