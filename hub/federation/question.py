"""`question`: one question to one source, from what is asked to what the store has then.

What comes goes through intake like everything, as an observation of the hub: bookings and what is
withdrawn in one batch; then, where all was said, the coverage, which a harvest states in the same
words. An answer that says exactly what stands needs no batch: it only writes when it was heard, and
one that is the last one byte for byte is not even mapped (`last_answers`, `hub.intake.renewing`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from adapters._adapter import Collection, Context, Live, Mapped
from adapters._live import Covered, LiveList, WantedCalendar
from connectors.document import Document
from connectors.http.heard import HeardExchanges
from connectors.http.session import HttpSession
from hub.clock import Clock
from hub.federation.entries import AnswerStatus
from hub.federation.errands import on_errand
from hub.federation.last_answers import (
    AnswerMadeOf,
    LastAnswer,
    LastAnswers,
    digest_of_documents,
    repeatable,
)
from hub.federation.limits import (
    LOOK_UP_ROWS_MAX,
    LOOK_UPS_KEPT_S,
    ROWS_MAX,
)
from hub.federation.live_answer import NOT_REPORTED, Conclusion, LiveAnswer, SaidCalendar
from hub.federation.sessions import KeptSessions, session_for
from hub.federation.targets import Target, authorities, coverage_from, standing
from hub.harvest.connections.errand import Errand
from hub.harvest.source import HarvestSource
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.linking import state_as_operator
from hub.intake.renewing import CalendarSaid, Renewals
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.transient import TransientCalendar, keep_for_a_while
from schema.dates import format_instant
from schema.parties import OPERATOR
from schema.records import Observation
from schema.traits import Covers

__all__ = ["HeardAnswer", "LiveQuestions", "question_hash"]

UNKNOWN = {"": datetime.min.replace(tzinfo=UTC)}
"""What stands of a source of which nothing may be kept: something, for all the hub knows. So an
answer without a booking is believed only where it says by itself that it may be."""


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """What the look-up lists of a source told."""

    facts: Mapping[tuple[str, str], Any]
    until: float


@dataclass(frozen=True, slots=True)
class HeardAnswer:
    """What came of a question.

    `status`: OK; STALE where the source itself does not know the calendar; BAD_DATA where what it
    says cannot be read.
    """

    status: AnswerStatus
    rows: int
    """Rows that came."""
    as_of: datetime | None = None
    """As of when the calendar is known whole; None: it is not."""


class LiveQuestions:
    """Asks sources, and gives what they say to intake; `party` is the hub's own."""

    def __init__(self, database: Database, clock: Clock, party: str) -> None:
        self._database, self._clock, self._party = database, clock, party
        self._looked_up: dict[str, _LookedUp] = {}
        self._looking: dict[str, asyncio.Lock] = {}
        self._sessions = KeptSessions()
        self._last = LastAnswers()
        self._renewals = Renewals(database)

    async def aclose(self) -> None:
        """Close the connections to sources that are kept."""
        await self._renewals.aclose()
        await self._sessions.aclose()

    async def ask(
        self, source: HarvestSource, target: Target, now: datetime, errand: Errand | None = None
    ) -> HeardAnswer:
        """Ask for the calendar of an instrument, a hub for somebody (`errand`).

        Raises `ConnectorError` where the source does not answer, or not as agreed.
        """
        adapter, live = source.adapter, source.adapter.live
        assert live is not None, "only sources that can be asked are asked"
        context, deployed = _context(source, now), source
        if errand is not None:
            context.wanted = WantedCalendar(errand.max_staleness_s, errand.left_s)
            source = on_errand(source, errand)
        looked_up = await self._look_up(source, live, context)
        parts, heard = tuple(live.question(context, target.own_key)), HeardExchanges()
        may_say_again = adapter.stale_max is None and live.covers is None
        last = self._last.of(target) if may_say_again else None
        if last is not None and last.is_of(deployed, looked_up, context.window_start, parts):
            is_same = await self._says_again(source, last, heard)
            if is_same and await self._stands(last.said, live, target, context):
                return HeardAnswer(AnswerStatus.OK, last.rows, now)
        documents = await self._documents(source, live, parts, heard)
        made_of = AnswerMadeOf(
            deployed, looked_up, context.window_start, digest_of_documents(d for _, d in documents)
        )
        is_same = last is not None and last.made_of.is_same(made_of)
        if last is not None and is_same and await self._stands(last.said, live, target, context):
            return HeardAnswer(AnswerStatus.OK, last.rows, now)
        answer = LiveAnswer(adapter, live, self._database.records.registry, context, target.own_key)
        for collection, document in documents:
            answer.take(collection, document)
        if may_say_again and (said := answer.said()) is not None:
            if live.is_steady:
                exchanges = repeatable(heard.exchanges)
                self._last.keep(target, LastAnswer(made_of, said, parts, exchanges, answer.rows))
            if await self._stands(said, live, target, context):
                return HeardAnswer(AnswerStatus.OK, answer.rows, now)
        return await self._new(answer, source, target, context)

    async def _new(
        self, answer: LiveAnswer, source: HarvestSource, target: Target, context: Context
    ) -> HeardAnswer:
        """Let go in what an answer says, in the way that its source allows."""
        adapter, live = source.adapter, source.adapter.live
        assert live is not None
        as_of: datetime | None = context.now
        if adapter.stale_max is not None:
            is_whole = await self._show(answer, target, context, adapter.stale_max)
        elif live.covers is None:
            is_whole = await self._take(answer, target, context)
        else:
            covered = live.covers(context, target.own_key)
            as_of = None if covered is None else covered.as_of
            is_whole = await self._pass_on(answer, target, context, covered)
        if not is_whole:  # what was looked up may be why
            self._looked_up.pop(source.id, None)
            return HeardAnswer(AnswerStatus.BAD_DATA, answer.rows)
        status = AnswerStatus.STALE if as_of is None else AnswerStatus.OK
        return HeardAnswer(status, answer.rows, as_of)

    async def _says_again(
        self, source: HarvestSource, last: LastAnswer, heard: HeardExchanges
    ) -> bool:
        """Ask what was asked last; return whether the same came. What came goes into `heard`."""
        async with self._sessions.of(source, ROWS_MAX) as session:
            assert isinstance(session, HttpSession), "only exchanges over HTTP are kept"
            for each in last.heard:
                answer = await session.ask(each.question)
                heard.ahead.append((each.question, answer))
                if not each.is_same(answer):
                    if session.remembers:  # the rest goes over another session
                        heard.ahead.clear()
                    return False
        return True

    async def _documents(
        self,
        source: HarvestSource,
        live: Live,
        parts: Sequence[LiveList],
        heard: HeardExchanges,
    ) -> list[tuple[Collection, Document]]:
        """Read what the source answers, each document with its list; `heard` notes how."""
        documents = []
        lists = (*source.adapter.collections, *live.lists)
        async with self._sessions.of(source, ROWS_MAX) as session:
            hearing = session.hearing(heard) if isinstance(session, HttpSession) else nullcontext()
            with hearing:
                for part in parts:
                    collection = _named(lists, part.collection)
                    reading = collection.reader.read(session, part.window)
                    async with aclosing(reading):
                        documents += [(collection, document) async for document in reading]
        return documents

    async def _stands(
        self, said: SaidCalendar, live: Live, target: Target, context: Context
    ) -> bool:
        """Note that a source says what stands; return whether exactly this stands."""
        return await self._renewals.of(
            CalendarSaid(
                record_type=live.record_type,
                source=target.source,
                key=target.key,
                own_key=target.own_key,
                since=context.window_start,
                until=context.window_end,
                rows=said.rows,
                coverage=said.coverage,
                coverage_keys=said.coverage_keys,
                as_of=context.now,
            )
        )

    async def _show(
        self, answer: LiveAnswer, target: Target, context: Context, stale_max: timedelta
    ) -> bool:
        """Let a whole answer that must not be kept be read for a while; prove that it came."""
        conclusion = answer.conclude(UNKNOWN)
        if conclusion.is_whole:
            observation = {
                "statedBy": OPERATOR,
                "answeredBy": target.source,
                "question": question_hash(target.source, answer.record_type, target.own_key),
                "askedAt": format_instant(context.now),
                "document": answer.digest.hex(),
                "rowsCount": answer.rows,
            }
            row = {"type": Observation.__name__, "record": observation}
            await state_as_operator(self._database, self._clock, self._party, [row])
            await keep_for_a_while(
                self._database,
                TransientCalendar(
                    source=target.source,
                    instrument_key=target.key,
                    owner=target.own_key.partition("/")[0],
                    as_of=context.now,
                    expires_at=context.now + stale_max,
                    **answer.spans(conclusion),
                ),
            )
        return conclusion.is_whole

    async def _look_up(
        self, source: HarvestSource, live: Live, context: Context
    ) -> _LookedUp | None:
        """Remember what the question needs, read anew after some minutes; return what was told."""
        if not live.look_ups:
            return None
        async with self._looking.setdefault(source.id, asyncio.Lock()):  # several ask at once
            kept = self._looked_up.get(source.id)
            if kept is None or kept.until < time.monotonic():
                told = await _told(source, live, context.now)
                kept = _LookedUp(told, time.monotonic() + LOOK_UPS_KEPT_S)
                self._looked_up[source.id] = kept
        for (kind, name), value in kept.facts.items():
            context.remember(kind, name, value)
        return kept

    async def _take(self, answer: LiveAnswer, target: Target, context: Context) -> bool:
        """Give intake what follows from an answer; return whether it was whole and was taken."""
        known = await self._known(answer, target, context)
        covered = await coverage_from(self._database, target, context.now)
        conclusion = answer.conclude(known, covered)
        is_taken = await self._state(answer, conclusion, target, context, context.now)
        if not (is_taken and conclusion.is_whole):
            return False
        coverage = [_row(one) for one in conclusion.coverage]
        coverage += [
            {"type": spec.name, "withdraw": {"key": key, "reason": NOT_REPORTED}}
            for spec, _ in self._database.records.registry.with_trait(Covers)
            for key in conclusion.uncovered
        ]
        return await self._submit(coverage, answer, context, context.now)

    async def _pass_on(
        self, answer: LiveAnswer, target: Target, context: Context, covered: Covered | None
    ) -> bool:
        """Give intake what a hub says of a calendar that is others'; return whether it was taken.

        `covered`: what it says it knows, and as of when. None: it does not know the calendar
        itself; what it has goes in, and nothing is missed.
        """
        if covered is None:
            conclusion = answer.conclude({})
            return await self._state(answer, conclusion, target, context, context.now)
        conclusion = answer.conclude(await self._known(answer, target, context))
        is_taken = await self._state(answer, conclusion, target, context, covered.as_of)
        if not (is_taken and conclusion.is_whole):
            return False
        return await self._submit([_row(covered.coverage)], answer, context, covered.as_of)

    async def _known(
        self, answer: LiveAnswer, target: Target, context: Context
    ) -> dict[str, datetime]:
        window = context.window_start, context.window_end
        return await standing(self._database, answer.record_type, target, *window)

    async def _state(
        self,
        answer: LiveAnswer,
        conclusion: Conclusion,
        target: Target,
        context: Context,
        as_of: datetime,
    ) -> bool:
        """State what takes time and withdraw what does not any more; whether all was taken."""
        rows = [_row(one) for one in conclusion.records]
        record_type, gone = answer.record_type, conclusion.withdrawn
        if gone:  # of each system whose number a key holds
            numbered = await authorities(self._database, record_type, target, sorted(gone))
            rows += [
                {"type": record_type, "withdraw": {"key": key, "reason": gone[key]}, **by}
                for key, by in numbered
            ]
        return await self._submit(rows, answer, context, as_of)

    async def _submit(
        self, rows: list[Any], answer: LiveAnswer, context: Context, as_of: datetime
    ) -> bool:
        """Give rows to intake; return whether it took them all."""
        if not rows:
            return True
        batch = Batch(
            source=context.source,
            party=self._party,
            channel=Channel.LIVE,
            rows=rows,
            evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=answer.digest),
            as_of=as_of,
        )
        outcomes = await submit(self._database, batch, clock=self._clock)
        return Outcome.QUARANTINED not in {row.outcome for row in outcomes.rows}


async def _told(source: HarvestSource, live: Live, now: datetime) -> Mapping[tuple[str, str], Any]:
    """Return what the look-up lists of a source tell."""
    told = _context(source, now)
    async with session_for(source, LOOK_UP_ROWS_MAX) as session:
        for name in live.look_ups:
            collection = _named(source.adapter.collections, name)
            documents = collection.reader.read(session, collection.window(told))
            async with aclosing(documents):
                async for document in documents:
                    for row in document.rows:
                        source.adapter.convert(collection, row, told)
    return dict(told.facts_told)


def question_hash(source: str, record_type: str, key: str) -> str:
    """Return what an Observation says of a question: SHA-256, hexadecimal."""
    return sha256(f"{source}\n{record_type}\n{key}\n".encode()).hexdigest()


def _context(source: HarvestSource, now: datetime) -> Context:
    return Context(
        source=source.id,
        now=now,
        institution=source.institution,
        facts=source.facts,
        lookback=source.adapter.lookback,
    )


def _row(one: Mapped) -> dict[str, Any]:
    by = {} if one.authority is None else {"authority": one.authority}
    return {"type": one.type, "record": one.record, **by}


def _named(lists: Sequence[Collection], name: str) -> Collection:
    return next(each for each in lists if each.name == name)
