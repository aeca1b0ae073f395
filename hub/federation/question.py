"""`question`: one question to one source, from what is asked to what the store has then.

What comes goes through intake like everything, as an observation of the hub: bookings and what is
withdrawn in one batch; then, where the calendar is known whole, the coverage, which a harvest
states in the same words. So an answer with nothing new writes only when it was heard.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from adapters._adapter import Collection, Context, Live, Mapped
from adapters._live import Covered, WantedCalendar
from connectors.reader import Session
from hub.clock import Clock
from hub.federation.entries import AnswerStatus
from hub.federation.errands import on_errand
from hub.federation.limits import LOOK_UPS_KEPT_S, PAGES_MAX, QUESTION_S_MAX, ROWS_MAX
from hub.federation.live_answer import Conclusion, LiveAnswer
from hub.federation.targets import Target, authorities, standing
from hub.harvest.connections.errand import Errand
from hub.harvest.source import HarvestSource
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.store.database import Database

__all__ = ["LiveQuestions"]


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """What the look-up lists of a source told."""

    facts: Mapping[tuple[str, str], Any]
    until: float


class LiveQuestions:
    """Asks sources, and gives what they say to intake; `party` is the hub's own."""

    def __init__(self, database: Database, clock: Clock, party: str) -> None:
        self._database, self._clock, self._party = database, clock, party
        self._looked_up: dict[str, _LookedUp] = {}

    async def ask(
        self, source: HarvestSource, target: Target, now: datetime, errand: Errand | None = None
    ) -> tuple[AnswerStatus, datetime | None]:
        """Ask for the calendar of an instrument, a hub for somebody (`errand`).

        Returns OK and as of when it is known whole; STALE where the source itself does not know it,
        BAD_DATA where what it says cannot be read. Raises `ConnectorError` where it does not
        answer, or not as agreed.
        """
        adapter, live = source.adapter, source.adapter.live
        assert live is not None, "only sources that can be asked are asked"
        context = _context(source, now)
        if errand is not None:
            context.wanted = WantedCalendar(errand.max_staleness_s, errand.left_s)
            source = on_errand(source, errand)
        answer = LiveAnswer(adapter, live, self._database.records.registry, context, target.own_key)
        async with _session(source) as session:
            await self._look_up(source, live, session, context)
            for part in live.question(context, target.own_key):
                collection = _named((*adapter.collections, *live.lists), part.collection)
                documents = collection.reader.read(session, part.window)
                async with aclosing(documents):
                    async for document in documents:
                        answer.take(collection, document)
        since, until = context.window_start, context.window_end
        known = await standing(self._database, live.record_type, target, since, until)
        covered = Covered(context.coverage(target.own_key), now)
        if live.covers is not None:
            told = live.covers(context, target.own_key)
            if told is None:  # what it has goes in, and nothing is missed
                await self._take(answer, answer.conclude({}), target, context, None)
                return AnswerStatus.STALE, None
            covered = told
        is_whole = await self._take(answer, answer.conclude(known), target, context, covered)
        if not is_whole:  # what was looked up may be why
            self._looked_up.pop(source.id, None)
            return AnswerStatus.BAD_DATA, None
        return AnswerStatus.OK, covered.as_of

    async def _look_up(
        self, source: HarvestSource, live: Live, session: Session, context: Context
    ) -> None:
        """Remember what the question needs, read anew after some minutes."""
        if not live.look_ups:
            return
        kept = self._looked_up.get(source.id)
        if kept is None or kept.until < time.monotonic():
            told = _context(source, context.now)
            for name in live.look_ups:
                collection = _named(source.adapter.collections, name)
                documents = collection.reader.read(session, collection.window(told))
                async with aclosing(documents):
                    async for document in documents:
                        for row in document.rows:
                            source.adapter.convert(collection, row, told)
            kept = _LookedUp(dict(told.facts_told), time.monotonic() + LOOK_UPS_KEPT_S)
            self._looked_up[source.id] = kept
        for (kind, name), value in kept.facts.items():
            context.remember(kind, name, value)

    async def _take(
        self,
        answer: LiveAnswer,
        conclusion: Conclusion,
        target: Target,
        context: Context,
        covered: Covered | None,
    ) -> bool:
        """Hand on what follows from an answer; return whether the calendar is known whole now."""
        rows = [_row(one) for one in conclusion.records]
        if conclusion.withdrawn:
            rows += await self._withdrawals(answer, conclusion, target)
        is_whole = conclusion.is_whole and covered is not None
        as_of = context.now if covered is None else covered.as_of
        if rows:
            outcomes = await self._submit(rows, answer, context, as_of)
            is_whole = is_whole and Outcome.QUARANTINED not in outcomes
        if is_whole and covered is not None:
            row = _row(covered.coverage)
            is_whole = Outcome.QUARANTINED not in await self._submit([row], answer, context, as_of)
        return is_whole

    async def _withdrawals(
        self, answer: LiveAnswer, conclusion: Conclusion, target: Target
    ) -> list[dict[str, Any]]:
        """Return the rows that withdraw, of each system whose number a key holds."""
        record_type, gone = answer.record_type, conclusion.withdrawn
        numbered = await authorities(self._database, record_type, target, sorted(gone))
        return [
            {"type": record_type, "withdraw": {"key": key, "reason": gone[key]}, **by}
            for key, by in numbered
        ]

    async def _submit(
        self, rows: list[Any], answer: LiveAnswer, context: Context, as_of: datetime
    ) -> set[Outcome]:
        batch = Batch(
            source=context.source,
            party=self._party,
            channel=Channel.LIVE,
            rows=rows,
            evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=answer.digest),
            as_of=as_of,
        )
        outcomes = await submit(self._database, batch, clock=self._clock)
        return {row.outcome for row in outcomes.rows}


def _context(source: HarvestSource, now: datetime) -> Context:
    return Context(
        source=source.id,
        now=now,
        institution=source.institution,
        facts=source.facts,
        lookback=source.adapter.lookback,
    )


@asynccontextmanager
async def _session(source: HarvestSource) -> AsyncIterator[Session]:
    """Reach a source within the bounds of a caller that waits: one attempt, and not for long."""
    limits = replace(
        source.limits,
        attempts_max=1,
        connect_s=min(source.limits.connect_s, QUESTION_S_MAX),
        total_s=QUESTION_S_MAX,
        reading_s=QUESTION_S_MAX,
        pages_max=PAGES_MAX,
        rows_max=ROWS_MAX,
    )
    async with replace(source, limits=limits).session() as session:
        yield session


def _row(one: Mapped) -> dict[str, Any]:
    by = {} if one.authority is None else {"authority": one.authority}
    return {"type": one.type, "record": one.record, **by}


def _named(lists: Sequence[Collection], name: str) -> Collection:
    return next(each for each in lists if each.name == name)
