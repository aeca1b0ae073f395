"""Whatever happens, a mirror made from `changes` alone equals what its client may read.

Hypothesis draws histories: records stated, corrected, moved from one user institution to another
and withdrawn by several sources, which may speak of one item and disagree about its user;
institutions and instruments that are linked, by the operator or by both owners, kept apart and no
longer linked; sources that are registered for others; agreements on all of a data set or on items
of it, dated or not; time that passes; and clients that take pages of any size, at any time, from
one worker, and look at what they name on another, which may go by former rights. `HISTORIES` of
them run.
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
from schema.codes import SourceKind
from schema.dates import local_date
from schema.parties import OPERATOR
from tests.databases import lent_database
from tests.integration.exchange.conftest import (
    LINKS,
    NOW,
    PEER,
    PLATFORM,
    SCOPES,
    SETTLED,
    SOURCES,
    A,
    B,
    C,
    Hub,
    Mirror,
    U,
    V,
    agreement,
    caller,
    centre,
    instrument,
    link,
    link_key,
    register,
    register_as,
    system,
    usage,
)

pytestmark = pytest.mark.integration

ASKED = os.environ.get("HUB_FEED_HISTORIES")
HISTORIES = int(ASKED or "8")
TO_MIDNIGHT_S = 14 * 3600 - 3
TABLES = (
    *("entry", "entry_body", "instrument", "instrument_source", "instrument_listing"),
    *("usage_record_source", "agreement_source", "centre_source", "link_source", "former_id"),
)
NO_LINKS = ["Agreement", "Centre", "Instrument", "UsageRecord"]


def mirrors() -> list[Mirror]:
    """Return an empty copy of each client, some of whom read one record at a time."""
    return [
        Mirror(caller(U)),
        Mirror(caller(V), first=1),
        Mirror(caller(A)),
        Mirror(caller(B), NO_LINKS, first=3),
        Mirror(caller(U, SCOPES - {"asset:read"}, sources=["a1", "b1"]), ["UsageRecord"]),
        Mirror(caller(U, SCOPES - {"service:read"})),
        Mirror(caller(None), ["Centre", "Instrument"], first=1),
        Mirror(caller(None)),
    ]


CLIENTS = len(mirrors())


@dataclass(frozen=True, slots=True)
class Put:
    """A source states a record."""

    kind: str
    key: str
    source: str
    record: dict[str, Any] = field(hash=False)
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A source withdraws one of the records that stand, counted round and round."""

    which: int


@dataclass(frozen=True, slots=True)
class Unlink:
    """A link is withdrawn, counted round and round."""

    which: int


@dataclass(frozen=True, slots=True)
class Register:
    """A source is registered for others than before, or as another kind of source."""

    source: str
    owners: tuple[str, ...] | None
    kind: SourceKind


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


@dataclass(frozen=True, slots=True)
class Sync:
    """Every client follows the feed to its end."""


_OWN = [(owner, source) for owner, many in SOURCES.items() for source in many]
_OWNED = st.sampled_from(_OWN)
_SPOKEN_OF = st.sampled_from(
    [*_OWN, *((owner, source) for owner in (A, B) for source in (PEER, PLATFORM))]
)
_DAYS = st.none() | st.integers(-2, 3)


@st.composite
def instruments(draw: st.DrawFn) -> Put:
    owner, source = draw(_SPOKEN_OF)
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
def usages(draw: st.DrawFn, spoken_of: st.SearchStrategy[tuple[str, str]] = _SPOKEN_OF) -> Put:
    owner, source = draw(spoken_of)
    number = draw(st.sampled_from(["1", "2"]))
    user = draw(st.sampled_from([None, U, V, C]))
    hours = draw(st.sampled_from(["1.0", "2.0"]))
    record = usage(owner, number, user, hours=hours)[1]
    authority = system(draw(st.sampled_from([A, owner]))) if source == PEER else None
    return Put("UsageRecord", f"{owner}/T1/{number}", source, record, authority)


@st.composite
def disputed(draw: st.DrawFn) -> Put:
    """Draw what three sources with one authority may say of the same usage."""
    return draw(usages(st.sampled_from([(A, "a1"), (A, "a2"), (A, PEER)])))


@st.composite
def centres(draw: st.DrawFn) -> Put:
    owner, source = draw(_SPOKEN_OF)
    record = centre(owner, "1", draw(st.sampled_from([None, A, C, U])))[1]
    return Put("Centre", f"{owner}/1", source, record)


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
    source = draw(st.sampled_from(SOURCES[owner]))
    record = agreement(owner, consumer, dataset, **more)[1]
    return Put("Agreement", f"{owner}/{consumer}/{dataset}", source, record)


_PAIRS = [(A, B), (B, C), (A, C), (U, V), (A, U), (f"{A}/T1", f"{A}/T2"), (f"{A}/T1", f"{B}/T2")]


@st.composite
def links(draw: st.DrawFn) -> Put:
    one, other = draw(st.sampled_from(_PAIRS))
    owners = [key.partition("/")[0] for key in (one, other)]
    able = [OPERATOR, OPERATOR, *(each for each in owners if each in SOURCES)]
    by = draw(st.sampled_from(able))
    source = LINKS if by == OPERATOR else SOURCES[by][0]
    relation = draw(st.sampled_from(["SAME_AS", "SAME_AS", "SAME_AS", "DIFFERS"]))
    return Put("Link", link_key(one, other, by), source, link(one, other, by, relation)[1])


_WORKERS = st.tuples(st.integers(0, 1), st.integers(0, 1))
_STEPS = st.one_of(
    instruments(),
    usages(),
    disputed(),
    centres(),
    agreements(),
    links(),
    links(),
    st.builds(Withdraw, st.integers(0, 20)),
    st.builds(Unlink, st.integers(0, 5)),
    st.sampled_from(
        [
            Register("a2", (C,), SourceKind.OWN),
            Register("a2", (A,), SourceKind.OWN),
            Register("a1", (A,), SourceKind.DELEGATE),
            Register("b1", (B, A), SourceKind.OWN),
            Register(PEER, (A,), SourceKind.PEER),
        ]
    ),
    st.builds(Wait, st.sampled_from([1, 4, 11, 4_000, TO_MIDNIGHT_S, 86_400, 2 * 86_400])),
    st.builds(Take, st.integers(0, CLIENTS - 1), st.integers(1, 6), _WORKERS),
    st.builds(Take, st.integers(0, 3), st.integers(1, 60), _WORKERS),
    st.just(Sync()),
)
_FULL = [
    Put("Instrument", f"{A}/T1", "a1", instrument(A, "T1")[1]),
    Put("Instrument", f"{B}/T2", "b1", instrument(B, "T2")[1]),
    Put("Instrument", f"{C}/T1", "c1", instrument(C, "T1")[1]),
    Put("UsageRecord", f"{A}/T1/1", "a1", usage(A, "1", U)[1]),
    Put("UsageRecord", f"{A}/T1/1", PEER, usage(A, "1", V)[1], system(A)),
    Put("UsageRecord", f"{B}/T1/1", "b1", usage(B, "1", V)[1]),
    Put("Centre", f"{C}/1", "c1", centre(C, "1", U)[1]),
    Put("Centre", f"{B}/1", PLATFORM, centre(B, "1", A)[1]),
    Put("Agreement", f"{B}/{U}/SERVICE", "b1", agreement(B, U)[1]),
    Sync(),
]
"""A history that goes on from here meets clients that hold something of everything."""
_HISTORIES = st.one_of(
    st.lists(_STEPS, min_size=4, max_size=30),
    st.lists(_STEPS, min_size=4, max_size=12).map(lambda steps: [*_FULL, *steps]),
    st.lists(st.one_of(links(), links(), st.builds(Unlink, st.integers(0, 5)), _STEPS), max_size=5)
    .map(lambda steps: [each for step in steps for each in (step, Sync())])
    .map(lambda steps: [*_FULL, *steps]),
)


@pytest.fixture(scope="module")
def world(cluster: str, template: str) -> Iterator[tuple[asyncio.Runner, Database]]:
    """A database for every history, and the loop that its connections belong to."""
    with lent_database(cluster, template) as url, asyncio.Runner() as runner:
        database = Database(url)
        yield runner, database
        runner.run(database.close())


Standing = dict[tuple[str, str, str, str | None], None]


async def happen(hub: Hub, steps: list[Any], clients: list[Mirror]) -> None:
    standing: Standing = {}
    for step in steps:
        if isinstance(step, Put):
            row = (step.kind, step.record)
            put = {"source": step.source, "authority": step.authority, "may_fail": True}
            if await hub.put(row, **put):
                standing[step.kind, step.key, step.source, step.authority] = None
        elif isinstance(step, Withdraw):
            await withdraw(hub, standing, list(standing), step.which)
        elif isinstance(step, Unlink):
            await withdraw(
                hub, standing, [each for each in standing if each[0] == "Link"], step.which
            )
        elif isinstance(step, Register):
            owners = None if step.owners is None else list(step.owners)
            await register_as(hub.database, step.source, owners, kind=step.kind)
        elif isinstance(step, Wait):
            hub.wait(step.seconds)
        elif isinstance(step, Take):
            await clients[step.client].step(hub, step.first, step.workers)
        elif isinstance(step, Sync):
            await follow(hub, clients)


async def withdraw(
    hub: Hub, standing: Standing, able: list[tuple[str, str, str, str | None]], which: int
) -> None:
    """Withdraw one of some records that stand, unless its source may not speak of it any more."""
    if able:
        chosen = able[which % len(able)]
        if await hub.withdraw(*chosen, may_fail=True):
            del standing[chosen]


async def follow(hub: Hub, clients: list[Mirror]) -> None:
    for mirror in clients:
        await mirror.follow(hub)


async def live(database: Database, steps: list[Any]) -> list[Mirror]:
    """Let a history happen and compare every mirror; return them."""
    async with database.writes.transaction() as connection:
        for table in TABLES:
            await connection.execute(f"DELETE FROM {table}".encode())
    await register(database)
    hub, clients = Hub(database), mirrors()
    await happen(hub, steps, clients)
    await follow(hub, clients)
    hub.wait(3 * SETTLED)  # what the waiting of one client let begin or end
    await follow(hub, clients)
    for mirror in clients:
        assert await mirror.is_right(hub)
    return clients


@settings(
    max_examples=HISTORIES,
    derandomize=ASKED is None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_HISTORIES)
def test_a_mirror_of_any_history_equals_what_its_client_may_read(
    world: tuple[asyncio.Runner, Database], steps: list[Any]
) -> None:
    runner, database = world
    runner.run(live(database, steps))


def test_what_was_granted_by_a_linked_owner_is_looked_at_when_every_worker_knows(
    world: tuple[asyncio.Runner, Database],
) -> None:
    runner, database = world
    granted = agreement(A, V, fields=["hours"])[1]
    steps = [
        *_FULL,
        Put("Agreement", f"{A}/{V}/SERVICE", "a1", granted),
        Sync(),
        Put("Link", link_key(A, B), LINKS, link(A, B)[1]),
        Sync(),
    ]
    runner.run(live(database, steps))


def test_a_history_that_has_everything_fills_mirrors(
    world: tuple[asyncio.Runner, Database],
) -> None:
    runner, database = world
    value = {"amount": "5.00", "currency": "CNY"}
    took = [Take(client, 50, (0, 1)) for client in range(CLIENTS)]
    record = instrument(A, "T1", originalValue=value)[1]
    first = usage(A, "1", V)[1]
    steps = [
        Put("Instrument", f"{A}/T1", "a1", record),
        Put("Instrument", f"{A}/T1", PLATFORM, instrument(A, "T1", annualHours=3)[1]),
        Put("Instrument", f"{B}/T1", "b1", instrument(B, "T1")[1]),
        Put("UsageRecord", f"{A}/T1/1", "a2", first),
        Put("UsageRecord", f"{A}/T1/1", PEER, usage(A, "1", U)[1], system(A)),
        *took,
        Put("Agreement", f"{A}/{U}/SERVICE", "a1", agreement(A, U)[1]),
        *took,
        Put("Link", link_key(A, B), LINKS, link(A, B)[1]),
        Register("a2", (C,), SourceKind.OWN),
        *took,
    ]
    clients = runner.run(live(database, steps))
    kept = [sorted(key.partition("_")[0] for key in each.items) for each in clients]
    assert kept == [
        ["agr", "instr", "link", "use"],
        ["instr", "link"],
        ["agr", "instr", "link", "use"],
        ["agr", "instr", "use"],
        ["use"],
        ["agr", "instr", "link"],
        ["instr"],
        ["instr", "link"],
    ]
    assert min(each.resets for each in clients) == 1
