"""`service`: takes batches in, and hands rows on whose home is another hub (decision 0033).

1. `submit` states what is at home here and sets aside what is not: UNSETTLED, kept as the answer to
   this request before anything leaves.
2. The rows of each home are sent to it in one request: with a token that is exchanged for the
   caller (RFC 8693), signed by this hub, with headers that say for whom and on which way.
   `Hub-Deadline` says how long this hub still waits; what cannot be committed before, the home
   gives up.
3. What it says of each row takes the place of UNSETTLED. What it does not say stays so: the caller
   sends the same request again, and the same goes to the home under the same idempotency key, so
   that nothing is stated twice.

What a hub hands on to this one is never handed on again: it is refused with the address.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any, TypeAlias

from connectors.answer_json import read_answer
from connectors.errors import ConnectorError, SourceRefusedError, SourceUnavailableError
from connectors.http.session import HttpAnswer, HttpQuestion, HttpSession, parse_json
from hub.access.clients import ClientKind
from hub.access.content_digest import content_digest
from hub.access.relay import Relay, relay_headers
from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.errors import ErrorCode, HubError
from hub.forwarding.home_answer import HandedOn
from hub.forwarding.limits import (
    AWAY_WAIT_S,
    BATCHES_AWAY,
    BATCHES_AWAY_OF_ONE,
    BATCHES_AWAY_WAITING,
    FORWARD_S,
    RECEIPTS_S,
)
from hub.forwarding.receipts import with_receipts
from hub.harvest.connections import HubConnection
from hub.harvest.connections.errand import SPARE_S, Principal
from hub.harvest.source import HarvestSource
from hub.intake.batch import Batch, Channel, Outcome, Outcomes, RowOutcome, Take
from hub.intake.idempotency import settle_answer
from hub.store.database import Database
from hub.store.fair import Asker, FairQueue, Shares
from hub.watching.notes import current

__all__ = ["Forwarding", "NoteHandedOn"]

_LOG = logging.getLogger(__name__)
Sources: TypeAlias = Callable[[], Awaitable[Mapping[str, HarvestSource]]]
NoteHandedOn: TypeAlias = Callable[[Caller, str, str, Mapping[str, Any]], Awaitable[None]]
"""Writes down that rows are handed on: for whom, to which source, the request id, details."""

WANTED = (Scope.RECORDS_PUSH, Scope.RECORDS_WITHDRAW, Scope.RECEIPT_READ, Scope.CATALOGUE_READ)
"""What a caller may do at a home, as far as both may: push, withdraw, fetch receipts, be named."""
REFUSALS = frozenset(range(400, 500)) - {408, 425, 429}
_HOMES = """
SELECT h.owner, h.source FROM source s
JOIN foreign_home h ON s.owners IS NULL OR h.owner = ANY(s.owners)
JOIN source p ON p.source_id = h.source AND p.active
WHERE s.source_id = %s AND s.active"""


@dataclass(frozen=True, slots=True)
class _Home:
    """Where rows of an institution are handed on: a hub, and its source there."""

    source: HarvestSource
    pushed_as: str

    @property
    def connection(self) -> HubConnection:
        """How that hub is reached."""
        assert isinstance(self.source.connection, HubConnection), "only hubs are homes"
        return self.source.connection


class Forwarding:
    """Takes batches, whoever is their home. `own`: name of this hub's log.

    `forward_s`: so long a home is waited for.
    """

    def __init__(
        self,
        database: Database,
        take: Take,
        sources: Sources,
        note: NoteHandedOn,
        own: str,
        *,
        forward_s: float = FORWARD_S,
    ) -> None:
        self._database, self._take, self._sources = database, take, sources
        self._note, self._own, self._forward_s = note, own, forward_s
        shares = Shares(client_runs=BATCHES_AWAY_OF_ONE, client_waits=BATCHES_AWAY_WAITING)
        self._turns = FairQueue(BATCHES_AWAY, shares, AWAY_WAIT_S)

    async def take(self, batch: Batch) -> Outcomes:
        """Take a batch in and say what became of each row, wherever it is at home.

        Raises what `hub.intake.service.submit` raises, and `HubError` HOME_UNREACHABLE where every
        row is at home elsewhere and none of it left.
        """
        homes = await self._homes(batch)
        if not homes:
            return await self._take(batch)
        outcomes = await self._take(replace(batch, hands_on=frozenset(homes)))
        groups = _groups(batch, outcomes, homes)
        assert batch.caller is not None, "see _homes"
        if groups:
            async with self._turns.turn(Asker(batch.caller.client_id or "")):
                heard = await asyncio.gather(
                    *(self._hand_on(batch, home, sent) for home, sent in groups)
                )
            outcomes = await settle_answer(self._database, batch, _merged(outcomes, heard))
            _refuse_unsent(outcomes.rows)
        if batch.dry_run or batch.channel is not Channel.PUSH:  # the answer to a file shows none
            return outcomes
        return await self._with_receipts(batch.caller, outcomes, homes)

    async def _homes(self, batch: Batch) -> dict[str, _Home]:
        """Return where rows of a batch are handed on, by institution; empty: nowhere."""
        caller = batch.caller
        if caller is None or caller.kind is ClientKind.PEER or caller.requester is not None:
            return {}
        rows = await self._database.writes.fetch_all(_HOMES, (batch.source,))
        if not rows:
            return {}
        deployed, homes = await self._sources(), dict[str, _Home]()
        for institution, name in rows:
            source = deployed.get(name)
            if source is not None and isinstance(source.connection, HubConnection):
                pushed_as = source.connection.pushed_as.get(institution)
                if pushed_as is not None:
                    homes[institution] = _Home(source, pushed_as)
        return homes

    async def _hand_on(self, batch: Batch, home: _Home, sent: HandedOn) -> list[RowOutcome]:
        """Send rows to their home; return what it says of each, or that it said nothing."""
        caller = batch.caller
        assert caller is not None
        request_id = notes.request_id if (notes := current()) else token_hex(8)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._forward_s
        detail = {"hub": home.source.id, "as": sent.pushed_as, "rows": len(sent.waiting)}
        await self._note(caller, home.source.id, request_id, {**detail, "via": [self._own]})
        try:
            async with asyncio.timeout_at(until), self._session(home, caller) as session:
                left_s = until - loop.time() - SPARE_S
                relay = Relay(via=(self._own,), request_id=request_id, left_s=left_s)
                answer = await session.ask_once(_question(batch, sent, relay))
                if answer.status == ErrorCode.HOME_LATE.status:
                    is_late = _code_in(answer) == ErrorCode.HOME_LATE.name
                    return sent.unsettled(ErrorCode.HOME_LATE if is_late else ErrorCode.HOME_SILENT)
                if answer.status in REFUSALS:
                    return sent.unsettled(ErrorCode.HOME_REFUSED, _code_in(answer))
                origins = home.connection.origins
                origin = next(iter(origins)) if len(origins) == 1 else None
                return sent.settled(parse_json(home.source.id, answer), origin)
        except SourceRefusedError as error:
            _LOG.warning("%s refuses rows handed on: %s", home.source.id, error)
            return sent.unsettled(ErrorCode.HOME_REFUSED)
        except (ConnectorError, TimeoutError, ValueError) as error:
            _LOG.warning("%s: no answer to rows handed on: %r", home.source.id, error)
            never_left = isinstance(error, SourceUnavailableError) and not error.was_sent
            return sent.unsettled(
                ErrorCode.HOME_UNREACHABLE if never_left else ErrorCode.HOME_SILENT
            )

    def _session(self, home: _Home, caller: Caller) -> AbstractAsyncContextManager[HttpSession]:
        """Reach a home for somebody: with a token that is his, as far as both may."""
        mine = tuple(each.value for each in WANTED if each.value in caller.scopes)
        who = Principal(subject=caller.client_id or "", party=caller.party, scopes=mine)
        limits = replace(
            home.source.limits, attempts_max=1, read_s=self._forward_s, total_s=self._forward_s
        )
        return home.connection.session(home.source.id, limits, behalf=who)

    async def _with_receipts(
        self, caller: Caller, outcomes: Outcomes, homes: Mapping[str, _Home]
    ) -> Outcomes:
        """Add the receipts that the homes give by now; what is missing is only missing."""
        if Scope.RECEIPT_READ.value not in caller.scopes:
            return outcomes
        by_hub = {each.connection.place: each for each in homes.values()}
        rows: dict[int, RowOutcome] = {each.row: each for each in outcomes.rows}
        for hub, stated in _stated(outcomes.rows, by_hub).items():
            try:
                async with (
                    asyncio.timeout(RECEIPTS_S),
                    self._session(by_hub[hub], caller) as session,
                ):
                    judge = by_hub[hub].connection.judge
                    told = await with_receipts(session, stated, judge)
                rows.update((each.row, each) for each in told)
            except (ConnectorError, TimeoutError) as error:
                _LOG.warning("%s gives no receipts: %r", hub, error)
        return replace(outcomes, rows=tuple(rows.values()))


def _groups(
    batch: Batch, outcomes: Outcomes, homes: Mapping[str, _Home]
) -> list[tuple[_Home, HandedOn]]:
    """Return what is sent to each home: the rows that wait for it, by its source."""
    waiting: defaultdict[tuple[str, str], list[RowOutcome]] = defaultdict(list)
    found: dict[tuple[str, str], _Home] = {}
    for each in outcomes.rows:
        home = homes.get(each.home.institution) if each.home is not None else None
        if each.outcome is Outcome.UNSETTLED and home is not None:
            name = (home.connection.place, home.pushed_as)
            found[name] = home
            waiting[name].append(each)
    return [
        (found[name], HandedOn.of(*name, each, batch.rows, is_first=not outcomes.replayed))
        for name, each in waiting.items()
    ]


def _merged(outcomes: Outcomes, heard: Sequence[Sequence[RowOutcome]]) -> Outcomes:
    by_row = {each.row: each for group in heard for each in group}
    rows = tuple(by_row.get(each.row, each) for each in outcomes.rows)
    return replace(outcomes, rows=rows, replayed=False)


def _question(batch: Batch, sent: HandedOn, relay: Relay) -> HttpQuestion:
    """Return the push as it is sent; the session adds token, proof and signature."""
    assert batch.client_id is not None
    assert batch.idempotency is not None
    query = {"source": sent.pushed_as}
    if batch.said_at is not None:
        query["asOf"] = batch.said_at.isoformat()
    if batch.dry_run:
        query["dryRun"] = "true"
    return HttpQuestion(
        path="batches",
        query=query,
        method="POST",
        content=sent.body,
        headers={
            "content-type": "application/x-ndjson",
            "accept": "application/json",
            "content-digest": content_digest(sent.body),
            "idempotency-key": sent.key(batch.client_id, batch.idempotency.key),
            **relay_headers(relay),
        },
        is_safe=False,
        read_too=REFUSALS | {ErrorCode.HOME_LATE.status},
    )


def _code_in(answer: HttpAnswer) -> str | None:
    """Return the code of a refusal, where it is one of this project."""
    try:
        told = read_answer(answer.raw.decode("utf-8"))
    except ValueError:
        return None
    code = told.get("code") if isinstance(told, dict) else None
    return code if isinstance(code, str) and code in ErrorCode.__members__ else None


def _refuse_unsent(rows: Sequence[RowOutcome]) -> None:
    """Raise where a batch is at home elsewhere as a whole, and nothing of it left."""
    codes = {each.code for row in rows for each in row.problems}
    is_unsettled = all(row.outcome is Outcome.UNSETTLED for row in rows)
    if is_unsettled and codes == {ErrorCode.HOME_UNREACHABLE.name}:
        raise HomeUnreachableError


class HomeUnreachableError(HubError):
    """The home of every row of a batch is away: nothing of it was handed on or kept."""

    retry_after_s: int | None = 30

    def __init__(self) -> None:
        super().__init__(ErrorCode.HOME_UNREACHABLE)


def _stated(rows: Sequence[RowOutcome], hubs: Mapping[str, _Home]) -> dict[str, list[RowOutcome]]:
    """Return rows that have an entry at their home, by its address."""
    stated: defaultdict[str, list[RowOutcome]] = defaultdict(list)
    for each in rows:
        if each.home is not None and each.home.entry_id is not None and each.home.hub in hubs:
            stated[each.home.hub].append(each)
    return stated
