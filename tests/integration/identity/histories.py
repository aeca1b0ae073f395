"""Histories of what several sources say, withdraw, link and are registered as, drawn by Hypothesis.

Few keys and few values, so that sources meet at the same things and say both the same and others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from hub.store.database import Database
from hub.store.sources import register_source
from schema.codes import SourceKind
from tests.integration.identity.conftest import (
    NOW,
    A,
    B,
    Hub,
    Said,
    U,
    centre,
    coverage,
    hours,
    institution,
    instrument,
    key_of,
    link,
    occupancy,
    offer,
    raw,
    usage,
)

OWNED = {"a": [A], "u": [U], "d": [A, B], "p": [A, U, B], "q": [A, U, B]}
"""For which institutions each source speaks in a history."""
LINKED = ((A, U), (A, B), (f"{A}/1", f"{B}/1"), (f"{A}/1", f"{A}/2"), (f"{U}/1", f"{B}/2"))


@dataclass(frozen=True, slots=True)
class Batched:
    """What a source says at once."""

    source: str
    rows: tuple[Any, ...]
    day: int
    is_signed: bool


@dataclass(frozen=True, slots=True)
class Registered:
    """What a source is registered as from then on."""

    source: str
    owners: tuple[str, ...] | None
    kind: SourceKind | None


Event = Batched | Registered
_few = st.sampled_from([None, "x", "y"])


@st.composite
def _record(draw: st.DrawFn, owner: str) -> Said:
    number = draw(st.sampled_from("12"))
    key = f"{owner}/{number}"
    text = {name: value for name in ("model", "contact") if (value := draw(_few)) is not None}
    other = draw(st.sampled_from([A, U, B]))
    price = draw(st.sampled_from(["1.00", "2.00"]))
    return draw(
        st.sampled_from(
            [
                institution(
                    owner, **({"departmentName": text["model"]} if "model" in text else {})
                ),
                instrument(owner, number, **text),
                instrument(owner, number, **text),
                centre(owner, operatorKey=other),
                offer(key, draw(st.sampled_from(["S1", "S2"])), price),
                hours(key, opens=draw(st.sampled_from(["08:00", "09:00"]))),
                occupancy(key, "o", draw(st.sampled_from([1, 5]))),
                coverage(key, f"2026-11-2{number}T16:00:00Z"),
                usage(key, draw(st.sampled_from(["u", "u/"])), userKey=other),
            ]
        )
    )


def withdrawn(said: Said) -> Said:
    """Return what withdraws a record."""
    record_type, body = said
    assert isinstance(body, dict)
    parts = {
        "Institution": ("institutionKey",),
        "Centre": ("institutionKey", "code"),
        "Instrument": ("institutionKey", "localNo"),
        "ServiceOffer": ("instrumentKey", "code"),
        "OpeningHours": ("instrumentKey", "weekday"),
        "OccupancyCoverage": ("instrumentKey", "startAt"),
    }.get(record_type, ("instrumentKey", "localId"))
    return record_type, "/".join(body[part] for part in parts)


@st.composite
def _facts(draw: st.DrawFn) -> Batched:
    source = draw(st.sampled_from(sorted(OWNED)))
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        said = draw(_record(draw(st.sampled_from(OWNED[source]))))
        rows.append(raw(withdrawn(said) if draw(st.integers(0, 4)) == 0 else said))
    return Batched(source, tuple(rows), draw(st.integers(0, 9)), draw(st.booleans()))


@st.composite
def _links(draw: st.DrawFn) -> Batched:
    source = draw(st.sampled_from(["op", "op", "op", "a", "u", "d"]))
    rows = []
    for one, other in draw(st.lists(st.sampled_from(LINKED), min_size=1, max_size=2)):
        stated_by = "operator" if source == "op" else draw(st.sampled_from(OWNED[source]))
        relation = draw(st.sampled_from(["SAME_AS"] * 5 + ["DIFFERS"]))
        said = link(one, other, stated_by, relation)
        rows.append(raw(key_of(said) if draw(st.integers(0, 4)) == 0 else said))
    if draw(st.booleans()) and source != "op":
        rows.append(raw(draw(_record(OWNED[source][0]))))
    return Batched(source, tuple(rows), draw(st.integers(0, 9)), is_signed=False)


_registered = st.sampled_from(
    [
        Registered("d", (A, B), SourceKind.DELEGATE),
        Registered("d", (B, "operator"), SourceKind.DELEGATE),
        Registered("d", (U,), SourceKind.OWN),
        Registered("p", None, None),
        Registered("p", (A,), SourceKind.OWN),
        Registered("q", None, SourceKind.PEER),
        Registered("a", (A,), None),
        Registered("a", (A,), SourceKind.DELEGATE),
    ]
)

histories = st.lists(
    st.one_of(_facts(), _facts(), _links(), _links(), _registered), min_size=4, max_size=10
).map(tuple)


async def live(database: Database, history: tuple[Event, ...]) -> None:
    """Let everything of a history happen; a row that is refused changes nothing."""
    hub = Hub(database)
    for event in history:
        if isinstance(event, Registered):
            await register_source(
                database,
                event.source,
                event.source,
                mode="HARVEST",
                now=NOW,
                owners=event.owners,
                kind=event.kind,
                authority=f"{B}/{event.source}",
            )
        else:
            await hub.try_to_say(
                event.source,
                *event.rows,
                as_of=NOW + timedelta(days=event.day),
                signed_by=A if event.is_signed else None,
            )
