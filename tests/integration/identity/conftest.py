"""Several sources that speak of the same things, and a hub that answers what it makes of them.

- A and U are two keys of one institution; B and C are others. `a`, `u`, `b`, `c` are their own
  systems, `d` is one that A and B entrusted, `p` and `q` are platforms, `op` is the operator's.
- The clock stands still unless a test moves it, so that equal answers have equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine, Parts
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome, RequestSignature
from hub.intake.batch import RowOutcome as Row
from hub.intake.service import submit
from hub.query.sql.planner import Planner
from hub.store.check import check
from hub.store.database import Database
from hub.store.former import FORMER_ID
from hub.store.rebuild import rebuild
from hub.store.sources import register_source
from hub.store.tables import METADATA
from schema.codes import SourceKind
from tests.databases import as_owner, lent_to_hub, opened

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
A, U = "moe:10335", "uscc:12100000470095016Q"
B, C = "moe:10246", "moe:10284"
HUB = "hub:delta.example"
SCOPES = frozenset(
    ("catalogue:read", "graphql:adhoc", "changes:read", "asset:read", "service:read", "person:read")
)
SOURCES: dict[str, tuple[list[str] | None, SourceKind | None, str | None]] = {
    "a": ([A], None, None),
    "u": ([U], None, None),
    "b": ([B], None, None),
    "c": ([C], None, None),
    "d": ([A, B], SourceKind.DELEGATE, "moe:10246/shared"),
    "p": (None, None, "moe:10246/platform-p"),
    "q": (None, None, "moe:10246/platform-q"),
    "peer": (None, SourceKind.PEER, None),
    "op": (["operator"], None, None),
}

Said = tuple[str, dict[str, Any] | str]
"""A record type with a record, or with the key of one that is withdrawn."""


def institution(key: str, **more: Any) -> Said:
    return "Institution", {
        "institutionKey": key,
        "name": {"zh": "大学"},
        "kind": "UNIVERSITY",
        **more,
    }


def centre(owner: str, code: str = "C1", **more: Any) -> Said:
    made = {"institutionKey": owner, "code": code, "name": {"zh": "分析中心"}}
    return "Centre", {**made, "kind": "ANALYSIS_CENTRE", **more}


def instrument(owner: str, number: str = "1", **more: Any) -> Said:
    made = {"institutionKey": owner, "localNo": number, "name": {"zh": "透射电镜"}}
    return "Instrument", {**made, "status": "IN_SERVICE", **more}


def offer(key: str, code: str = "S1", price: str = "100.00", **more: Any) -> Said:
    made = {"instrumentKey": key, "code": code, "audience": "OUTSIDE", "unit": "HOUR"}
    return "ServiceOffer", {**made, "price": {"amount": price, "currency": "CNY"}, **more}


def hours(key: str, weekday: str = "WEDNESDAY", opens: str = "08:00") -> Said:
    periods = [{"opens": opens, "closes": "18:00"}]
    return "OpeningHours", {"instrumentKey": key, "weekday": weekday, "periods": periods}


def occupancy(key: str, number: str = "o1", hour: int = 2) -> Said:
    made = {"instrumentKey": key, "localId": number, "kind": "RESERVATION", "certainty": "FIRM"}
    at = {"startAt": f"2026-11-25T0{hour}:00:00Z", "endAt": f"2026-11-25T0{hour + 1}:00:00Z"}
    return "Occupancy", {**made, **at}


def coverage(key: str, start: str = "2026-11-24T16:00:00Z") -> Said:
    made = {"instrumentKey": key, "startAt": start}
    return "OccupancyCoverage", {**made, "endAt": "2026-12-24T16:00:00Z"}


def usage(key: str, number: str = "u1", **more: Any) -> Said:
    made = {"instrumentKey": key, "localId": number, "hours": "2.0", "purpose": "RESEARCH"}
    return "UsageRecord", {**made, "collectionMethod": "BOOKING_SYSTEM", **more}


def service(key: str, number: str = "s1", **more: Any) -> Said:
    made = {"instrumentKey": key, "localId": number, "hours": "2.0", "purpose": "RESEARCH"}
    return "ServiceRecord", {**made, "collectionMethod": "BOOKING_SYSTEM", **more}


def agreement(owner: str, consumer: str, dataset: str = "SERVICE", **more: Any) -> Said:
    made = {"providerKey": owner, "consumerKey": consumer, "dataset": dataset}
    return "Agreement", {**made, **more}


def link(one: str, other: str, stated_by: str = "operator", relation: str = "SAME_AS") -> Said:
    first, second = sorted((one, other))
    kind = "Instrument" if "/" in one else "Institution"
    made = {"recordType": kind, "firstKey": first, "secondKey": second}
    return "Link", {**made, "statedBy": stated_by, "relation": relation}


def key_of(said: Said) -> Said:
    """Return what withdraws a link that was said."""
    record_type, body = said
    assert isinstance(body, dict)
    names = ("recordType", "firstKey", "secondKey", "statedBy")
    return record_type, "|".join(body[name] for name in names)


def raw(said: Said, **more: Any) -> dict[str, Any]:
    """Return the row of a batch."""
    record_type, body = said
    if isinstance(body, str):
        withdraw = {"key": body, "reason": "误报", "at": "2026-11-25T00:00:00Z"}
        return {"type": record_type, "withdraw": withdraw, **more}
    return {"type": record_type, "record": body, **more}


def batch(
    source: str,
    rows: Sequence[Any],
    as_of: datetime = NOW,
    signed_by: str | None = None,
    **more: Any,
) -> Batch:
    """Return what the hub saw at a source, or what a party signed as a request."""
    evidence = Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1")
    if signed_by is not None:
        request = RequestSignature("base", b"signature", "k" * 43)
        evidence = Evidence(assurance=Assurance.REQUEST_SIGNED, request=request)
    return Batch(
        source=source,
        party=signed_by or HUB,
        channel=Channel.FILE,
        rows=list(rows),
        evidence=evidence,
        as_of=as_of,
        **more,
    )


async def register(database: Database) -> None:
    """Register all sources as they are meant."""
    for source, (owners, kind, authority) in SOURCES.items():
        await register_source(
            database,
            source,
            source,
            mode="HARVEST",
            now=NOW,
            owners=owners,
            kind=kind,
            authority=authority,
        )


def caller(party: str | None, scopes: frozenset[str] = SCOPES) -> Caller:
    return Caller(f"of-{party}", party, ClientKind.PARTNER, scopes)


PLANNERS: dict[str, Planner] = {}
"""One for all hubs: what a document means does not depend on the rows."""


@dataclass(slots=True)
class Hub:
    """A hub on one database."""

    database: Database
    at: datetime = NOW
    as_of: datetime = NOW
    seconds: int = 0
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
        agreements = Agreements(self.database, self.never_the_same)
        self.engine = Engine(self.database, self.clock, Parts(facts=facts), agreements=agreements)
        self.engine.planner = PLANNERS.setdefault("all", self.engine.planner)

    def never_the_same(self) -> datetime:
        """Return an instant of the day by which what was granted is read anew each time."""
        self.seconds += 1
        return self.at - timedelta(seconds=self.seconds)

    def clock(self) -> datetime:
        return self.at

    async def say(self, source: str, *said: Said, **more: Any) -> list[Row]:
        """Say facts by a source, one minute later than before; none of them may be refused."""
        self.as_of += timedelta(minutes=1)
        of = {"as_of": self.as_of, **more}
        found = await self.try_to_say(source, *(raw(each) for each in said), **of)
        bad = [each for each in found if each.outcome is Outcome.QUARANTINED]
        assert bad == []
        return found

    async def try_to_say(self, source: str, *rows: Any, **more: Any) -> list[Row]:
        made = batch(source, rows, **more)
        return list((await submit(self.database, made, clock=self.clock)).rows)

    async def body(self, query: str, who: Caller | None = None, **variables: Any) -> bytes:
        """Return the bytes of the data that a worker answers with."""
        asking = Asking(caller=who or caller(None), language="en")
        request = GraphRequest(query=query, variables=variables)
        answer = await self.engine.answer(request, asking)
        return answer.body.rpartition(b',"extensions":')[0] + b"}"

    async def ask(self, query: str, who: Caller | None = None, **variables: Any) -> Any:
        """Return the data of an answer without errors."""
        answer = json.loads(await self.body(query, who, **variables))
        assert "errors" not in answer, answer
        return answer["data"]

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return await self.database.reads.fetch_all(statement)

    async def tables(self) -> dict[str, list[str]]:
        return await derived(self.database)

    async def assert_right(self) -> None:
        """Check that what is stored follows from the entries alone."""
        await assert_follows(self.database)


async def derived(database: Database) -> dict[str, list[str]]:
    """Return every row of every table that follows from the entries."""
    found = {}
    for name in sorted({*database.records.metadata.tables, FORMER_ID.name}):
        rows = await database.writes.fetch_all(f"SELECT to_jsonb(t)::text FROM {name} t ORDER BY 1")
        found[name] = [text for (text,) in rows]
    return found


async def assert_follows(database: Database) -> None:
    """Check what is stored, and that a rebuild makes the same."""
    stated = await database.reads.fetch_all("SELECT DISTINCT record_type FROM entry")
    report = await check(database, [name for (name,) in stated])
    assert report.differences == []
    before = await derived(database)
    await rebuild(database)
    after = await derived(database)
    for name, rows in before.items():
        assert after[name] == rows, name


@pytest.fixture(scope="session")
def shared_url(cluster: str, template: str) -> Iterator[str]:
    """The address of a database that one test after another uses, emptied by each."""
    with lent_to_hub(cluster, template) as url:
        yield url


_KEEP = "CREATE TABLE source_as_registered AS SELECT * FROM source"
_REGISTER_AGAIN = "INSERT INTO source SELECT * FROM source_as_registered"


async def emptied(database: Database) -> None:
    """Take everything out of a database but the sources, which are as they were registered."""
    names = [*METADATA.tables, *database.records.metadata.tables]
    statements = "; ".join(f"DELETE FROM {name}" for name in names)
    (known,) = await database.reads.fetch_all("SELECT to_regclass('source_as_registered')")
    if known[0] is not None:
        statements += f"; {_REGISTER_AGAIN}"
    owner = as_owner(database.url)
    with psycopg.connect(owner) as connection:
        connection.execute(statements.encode())
    if known[0] is None:
        await register(database)
        with psycopg.connect(owner) as connection:
            connection.execute(_KEEP.encode())


@pytest.fixture(scope="session")
async def shared(shared_url: str) -> AsyncIterator[Database]:
    async with opened(shared_url) as database:
        yield database


@pytest.fixture
async def hub(shared: Database) -> Hub:
    await emptied(shared)
    return Hub(shared)
