"""A hub of two workers whose clock is set by the test, and followers of its change feed.

- `Hub` takes records in and answers GraphQL; each worker keeps grants of its own for some seconds,
  so what one of them says may be older than what the other does.
- A has two systems and B and C one each; a platform and a peer speak of everybody, the peer with
  the authority of each row; the operator links.
- `Mirror` is a client that follows `changes` as `docs/partners/quickstart.md` tells it to.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.exchange.limits import SETTLED_S
from hub.exchange.service import ChangeFeed
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine, Parts
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.sources import register_source
from schema.codes import SourceKind
from schema.parties import OPERATOR

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
A, B, C = "moe:10335", "moe:10246", "moe:10284"
U, V = "moe:10358", "moe:10269"
SOURCES = {A: ("a1", "a2"), B: ("b1",), C: ("c1",)}
PLATFORM, PEER, LINKS = "platform", "peer", "links"
"""Sources that speak of everybody, and the one by which the operator links."""
SCOPES = frozenset(
    {"catalogue:read", "graphql:adhoc", "changes:read"} | {"asset:read", "service:read"}
)
PAGE = """query($after: String, $types: [String!], $owner: String, $first: Int!) {
  changes(after: $after, types: $types, owner: $owner, first: $first) {
    nodes { kind recordType id key owner source revision entryId acceptedAt withdrawn }
    resync endCursor hasMore retryAfterS } }"""
ITEMS = {
    "Instrument": "localNo name { zh } annualHours originalValue { amount }",
    "UsageRecord": "localId userKey hours purpose",
    "Agreement": "providerKey consumerKey dataset fields why: purpose validFrom validUntil",
    "Centre": "institutionKey code operatorKey",
    "Link": "recordType firstKey secondKey statedBy relation",
    "CustomsSupervision": "declarationNo instrumentKey customsKey releasedOn settledOn",
    "ServiceRecord": "localId serviceUser: userKey userSide startedAt serviceHours: hours content",
}
LISTS = {
    "Instrument": "instruments",
    "UsageRecord": "usageRecords",
    "Agreement": "agreements",
    "Centre": "centres",
    "Link": "links",
    "CustomsSupervision": "customsSupervisions",
    "ServiceRecord": "serviceRecords",
}
_HEADER = "id key provenance { owner source revision entryId }"
_ANY = " ".join(f"... on {name} {{ {_HEADER} {items} }}" for name, items in ITEMS.items())
LOOK = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ id {_ANY} }} }}"
PAGES_MAX = 1_000


def caller(
    party: str | None, scopes: Iterable[str] = SCOPES, sources: Iterable[str] = ()
) -> Caller:
    return Caller(f"of-{party}", party, ClientKind.PARTNER, frozenset(scopes), frozenset(sources))


def instrument(owner: str, number: str, **more: Any) -> tuple[str, dict[str, Any]]:
    made = {"institutionKey": owner, "localNo": number, "name": {"zh": "透射电镜"}}
    return "Instrument", {**made, "status": "IN_SERVICE", **more}


def usage(owner: str, number: str, user: str | None, **more: Any) -> tuple[str, dict[str, Any]]:
    made = {
        "instrumentKey": f"{owner}/T1",
        "localId": number,
        "startedAt": "2026-11-02T01:00:00Z",
        "endedAt": "2026-11-02T05:00:00Z",
        "hours": "4.0",
        "purpose": "RESEARCH",
        "collectionMethod": "BOOKING_SYSTEM",
        **more,
    }
    return "UsageRecord", made if user is None else {**made, "userKey": user}


def agreement(
    owner: str, consumer: str, dataset: str = "SERVICE", **more: Any
) -> tuple[str, dict[str, Any]]:
    made = {"providerKey": owner, "consumerKey": consumer, "dataset": dataset}
    return "Agreement", {**made, **more}


def centre(owner: str, code: str, operator: str | None) -> tuple[str, dict[str, Any]]:
    made = {
        "institutionKey": owner,
        "code": code,
        "name": {"zh": "中心"},
        "kind": "ANALYSIS_CENTRE",
    }
    return "Centre", made if operator is None else {**made, "operatorKey": operator}


def link(
    one: str, other: str, by: str = OPERATOR, relation: str = "SAME_AS", **more: Any
) -> tuple[str, dict[str, Any]]:
    first, second = sorted((one, other))
    kind = "Instrument" if "/" in one else "Institution"
    made = {"recordType": kind, "firstKey": first, "secondKey": second, "statedBy": by}
    return "Link", {**made, "relation": relation, **more}


def link_key(one: str, other: str, by: str = OPERATOR) -> str:
    made = link(one, other, by)[1]
    return "|".join(made[name] for name in ("recordType", "firstKey", "secondKey", "statedBy"))


@dataclass(slots=True)
class Hub:
    """Two workers on one database."""

    database: Database
    at: datetime = NOW
    engines: list[Engine] = field(default_factory=list)

    def __post_init__(self) -> None:
        facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
        for _ in range(2):
            agreements = Agreements(self.database, self.clock)
            feed = ChangeFeed(self.database, agreements, self.clock)
            parts = Parts(facts=facts, changes=feed.page)
            self.engines.append(Engine(self.database, self.clock, parts, agreements=agreements))

    def clock(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    async def put(
        self,
        *rows: tuple[str, dict[str, Any]],
        source: str,
        withdraw: bool = False,
        authority: str | None = None,
        may_fail: bool = False,
        dry_run: bool = False,
    ) -> bool:
        """Put rows in, or withdraw them by the keys that stand in for their records.

        Tell whether all were taken; those that were not must be allowed to fail.
        """
        raw: list[Any] = [
            {"type": kind, "withdraw": {"key": body["key"], "reason": "误报"}}
            if withdraw
            else {"type": kind, "record": body}
            for kind, body in rows
        ]
        if authority is not None:
            raw = [{**row, "authority": authority} for row in raw]
        batch = Batch(
            source=source,
            party="hub:delta.example",
            channel=Channel.HARVEST,
            rows=raw,
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"
            ),
            as_of=self.at,
            dry_run=dry_run,
        )
        outcomes = await submit(self.database, batch, clock=self.clock)
        bad = [row for row in outcomes.rows if row.outcome is Outcome.QUARANTINED]
        assert may_fail or bad == []
        return not bad

    async def withdraw(
        self, kind: str, key: str, source: str, authority: str | None = None, **more: Any
    ) -> bool:
        row = (kind, {"key": key})
        return await self.put(row, source=source, withdraw=True, authority=authority, **more)

    async def ask(self, who: Caller, query: str, worker: int = 0, **variables: Any) -> Any:
        request = GraphRequest(query=query, variables=variables)
        asking = Asking(caller=who, language="en")
        return json.loads((await self.engines[worker].answer(request, asking)).body)

    async def page(self, who: Caller, worker: int = 0, first: int = 100, **asked: Any) -> Any:
        """Return a page of the feed, which must be answered."""
        answer = await self.ask(who, PAGE, worker, first=first, **asked)
        assert "errors" not in answer, answer
        return answer["data"]["changes"]

    async def refused(self, who: Caller, **asked: Any) -> str:
        """Return the code with which a page of the feed is refused."""
        answer = await self.ask(who, PAGE, **{"first": 100, **asked})
        assert answer["data"]["changes"] is None, answer
        (error,) = answer["errors"]
        return str(error["extensions"]["code"])

    async def all(self, who: Caller, after: str | None = None, **asked: Any) -> tuple[Any, Any]:
        """Return all changes after a cursor, waiting as told, with the last page's facts."""
        found: list[Any] = []
        resync: list[str] = []
        for _ in range(PAGES_MAX):
            page = await self.page(who, after=after, **asked)
            found += page["nodes"]
            resync += page["resync"]
            after = page["endCursor"]
            if not page["hasMore"]:
                return found, {**page, "resync": resync}
            self.wait(page["retryAfterS"])
        raise AssertionError("the feed does not end")

    async def lists(self, who: Caller, types: Iterable[str] | None = None) -> dict[str, Any]:
        """Return what a client reads by lists, by identity."""
        found: dict[str, Any] = {}
        for kind, name in LISTS.items():
            if types is not None and kind not in types:
                continue
            items = ITEMS[kind]
            query = f"{{ {name}(first: 100) {{ totalCount nodes {{ {_HEADER} {items} }} }} }}"
            connection = (await self.ask(who, query))["data"][name]
            if connection is not None:
                assert connection["totalCount"] == len(connection["nodes"])
                found |= {node["id"]: node for node in connection["nodes"]}
        return found


@dataclass(slots=True)
class Mirror:
    """A client's copy of what it may read, made from `changes` and `nodes` alone."""

    who: Caller
    types: list[str] | None = None
    first: int = 50
    items: dict[str, Any] = field(default_factory=dict)
    cursor: str | None = None
    resets: int = 0

    async def step(self, hub: Hub, first: int, workers: tuple[int, int] = (0, 0)) -> Any:
        """Take one page from one worker and look at its items on another one."""
        asked = {"first": first, "after": self.cursor, "types": self.types}
        answer = await hub.ask(self.who, PAGE, workers[0], **asked)
        if "errors" in answer:
            assert answer["errors"][0]["extensions"]["code"] == "CURSOR_RESET", answer
            assert self.cursor is not None
            self.items, self.cursor = {}, None
            self.resets += 1
            return await self.step(hub, first, workers)
        page = answer["data"]["changes"]
        for owner in page["resync"]:
            await self._again(hub, owner, first, workers)
        await self._apply(hub, page, workers[1])
        self.cursor = page["endCursor"]
        return page

    async def follow(self, hub: Hub) -> None:
        """Follow the feed to its end, waiting as it says."""
        for _ in range(PAGES_MAX):
            page = await self.step(hub, self.first)
            if not page["hasMore"]:
                return
            hub.wait(page["retryAfterS"])
        raise AssertionError("the feed does not end")

    async def is_right(self, hub: Hub) -> bool:
        """Whether it equals what its client may read; say how it differs if not."""
        read = await hub.lists(self.who, self.types)
        assert self.items == read, (self.who.party, self.who.scopes, self.types)
        return True

    async def _again(self, hub: Hub, owner: str, first: int, workers: tuple[int, int]) -> None:
        self.items = {
            key: item for key, item in self.items.items() if item["provenance"]["owner"] != owner
        }
        after = None
        for _ in range(PAGES_MAX):
            asked = {"owner": owner, "after": after, "types": self.types}
            page = await hub.page(self.who, workers[0], first, **asked)
            assert page["retryAfterS"] == 0
            await self._apply(hub, page, workers[1])
            after = page["endCursor"]
            if not page["hasMore"]:
                return
        raise AssertionError("an owner's records do not end")

    async def _apply(self, hub: Hub, page: Any, worker: int) -> None:
        looked = [each["id"] for each in page["nodes"] if each["kind"] == "CHANGED"]
        for each in page["nodes"]:
            self.items.pop(each["id"], None)
        for start in range(0, len(looked), 100):
            answer = await hub.ask(self.who, LOOK, worker, ids=looked[start : start + 100])
            for node in answer["data"]["nodes"]:
                if node is not None:
                    self.items[node["id"]] = node


def system(owner: str) -> str:
    """Return the system whose numbers the sources of an owner state."""
    return f"{owner}/booking"


async def register(database: Database) -> None:
    for owner, sources in SOURCES.items():
        for source in sources:
            await register_as(database, source, [owner], authority=system(owner))
    await register_as(database, PLATFORM, None, authority="platform:x/booking")
    await register_as(database, PEER, None, kind=SourceKind.PEER)
    await register_as(database, LINKS, [OPERATOR])


async def register_as(
    database: Database, source: str, owners: list[str] | None, **more: Any
) -> None:
    await register_source(database, source, source, mode="HARVEST", now=NOW, owners=owners, **more)


@pytest.fixture
async def hub(database: Database) -> AsyncIterator[Hub]:
    await register(database)
    yield Hub(database)


SETTLED = SETTLED_S + 1
"""Seconds after which every worker goes by a change of rights."""
