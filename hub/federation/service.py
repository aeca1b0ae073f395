"""`federation`: asks the sources of some instruments, in parallel, until a deadline.

1. Which sources know them, and how old is what they said (`targets`)? What is fresh enough is not
   asked again, nor what nobody can ask, nor anything for an anonymous caller.
2. Of many callers that need the same, in all workers, one asks (`hub.state.flight`). He takes a
   turn at the source, passes its breaker and its budget, and asks once (`question`).
3. At the deadline the caller goes on with what there is. The question goes on by itself: who comes
   next finds its answer. So neither a deadline nor a caller that leaves takes one from others.

Nothing of a source ends as an exception: whatever it does is the status of its own answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from adapters._adapter import Context
from connectors.errors import ConnectorError, PayloadError, SlowError, SourceRefusedError
from hub.clock import Clock
from hub.errors import ErrorCode, HubError
from hub.federation.breaker import Breaker, Permit
from hub.federation.deployed import LiveSources
from hub.federation.entries import Answered, AnswerStatus, ServedFrom
from hub.federation.errands import Questioner, asked_name, errand_of, leads_back
from hub.federation.history import SourceHistory
from hub.federation.limits import (
    ANSWER_KEPT_S,
    FLIGHT_S_MAX,
    KEYS_MAX,
    LOOK_AGAIN_S,
    QUESTION_S_MAX,
    QUESTIONS_OF_ONE,
    RATE_CAPACITY,
    RATE_REFILL_PER_S,
    RELAYED_KEPT_S,
    RELAYED_TOLD_S,
)
from hub.federation.question import HeardAnswer, LiveQuestions
from hub.federation.targets import Target, TargetLookup
from hub.harvest.connections.errand import Errand
from hub.harvest.source import HarvestSource
from hub.query.plan.limits import LIVE_COST
from hub.state import Flights, FlightTimeoutError, State, StateUnavailableError
from hub.store.database import Database
from hub.store.source_events import EventKind, SourceEvent
from hub.watching.metrics import METRICS
from schema.parties import HUB_PARTY

__all__ = ["Federation", "FreshenRequest"]

_LOG = logging.getLogger(__name__)
Charge = Callable[[int], Awaitable[None]]
NoteErrand = Callable[[Errand, str, str], Awaitable[None]]
"""Gets what goes with a question to a hub, the hub's source id and the instrument's key there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FreshenRequest:
    """What a caller wants of some instruments."""

    since: datetime
    """What sources said before is too old."""
    until: float
    """When he goes on, in the time of the event loop."""
    is_anonymous: bool
    asker: Questioner | None = None
    """For whom; None: for this hub itself."""
    charge: Charge
    """Takes the cost of questions; raises where the caller may not spend it."""


class Federation:
    """Asks sources live. `party` is the hub's own, `hub:<origin>`."""

    def __init__(
        self,
        database: Database,
        state: State,
        clock: Clock,
        party: str,
        sources: LiveSources,
        note: NoteErrand | None = None,
    ) -> None:
        """`note` writes down each question to a hub before it leaves; None: nobody does."""
        self._state, self._clock = state, clock
        self._own, self._note = party.removeprefix(HUB_PARTY), note
        self.sources = sources
        self._questions = LiveQuestions(database, clock, party)
        self._targets = TargetLookup(database, clock)
        self._flights = Flights(state, ANSWER_KEPT_S)
        self._breakers: dict[str, Breaker] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self.history = SourceHistory(database)

    async def aclose(self) -> None:
        """Cancel the questions that are under way; note how those before went."""
        await self._flights.aclose()
        await self._targets.aclose()
        await self._questions.aclose()
        await self.history.aclose()

    async def freshen(self, keys: Sequence[str], request: FreshenRequest) -> list[Answered]:
        """Make the calendars of instruments as fresh as asked; return what came of each source.

        Raises what `request.charge` raises, and errors of the hub's own database.
        """
        targets = await self._targets.of(keys[:KEYS_MAX])
        sources = await self.sources.now()
        answers: list[Answered] = []
        asked: list[tuple[HarvestSource, Target]] = []
        for target in targets:
            source = sources.get(target.source)
            if source is None or not _accepts(source, target, self._clock()):
                if target.heard_at is not None:
                    answers.append(_stored(target, target.heard_at, request.since))
            elif target.covered_at is not None and target.covered_at >= request.since:
                answers.append(_stored(target, target.covered_at, request.since))
            elif request.is_anonymous or await self._ends_here(source, target, request.asker):
                answers.append(_failed(target, AnswerStatus.SKIPPED, ErrorCode.SOURCE_STALE.name))
            else:
                asked.append((source, target))
        if asked:
            await request.charge(LIVE_COST * len({source.id for source, _ in asked}))
            answers += await self._ask_all(asked, request)
        return answers

    async def _ends_here(
        self, source: HarvestSource, target: Target, asker: Questioner | None
    ) -> bool:
        """Tell whether a question that came from a hub goes no further to this source."""
        relay = None if asker is None else asker.relay
        if relay is None:
            return False
        if relay.ends_at(self._own) or leads_back(source, asker):
            return True
        name = asked_name(relay, source.id, target.own_key)
        try:
            return not await self._state.reserve(name, RELAYED_KEPT_S, None)
        except StateUnavailableError:  # nobody knows whether it was asked: better once too little
            return True

    async def known(self, keys: Sequence[str], request: FreshenRequest) -> list[Answered]:
        """Return how old what is known of instruments is, without asking; STALE where too old."""
        targets = await self._targets.of(keys[:KEYS_MAX])
        ages = [(each, each.covered_at or each.heard_at) for each in targets]
        return [_stored(each, at, request.since) for each, at in ages if at is not None]

    async def look_again(self, key: str) -> None:
        """Have the calendar of one instrument read anew: the hub has just changed something there.

        What comes of it is a source's own matter and is told by its state, never raised.
        """
        request = FreshenRequest(
            since=self._clock(),
            until=asyncio.get_running_loop().time() + LOOK_AGAIN_S,
            is_anonymous=False,
            charge=_free,
        )
        try:
            await self.freshen([key], request)
        except HubError as error:
            _LOG.warning("calendar after a booking: %s", error.code.name)

    async def _ask_all(
        self, asked: Sequence[tuple[HarvestSource, Target]], request: FreshenRequest
    ) -> list[Answered]:
        began = self._clock()
        if len(asked) == 1:  # who asks alone is bounded by himself
            return [await self._ask(*asked[0], request, began)]
        waiting = [asyncio.create_task(self._ask(*each, request, began)) for each in asked]
        try:
            left = max(0.0, request.until - asyncio.get_running_loop().time())
            await asyncio.wait(waiting, timeout=left)
        finally:
            for task in waiting:  # those who wait, not those who ask
                task.cancel()
        return [
            task.result() if task.done() and not task.cancelled() else _late(target)
            for task, (_, target) in zip(waiting, asked, strict=True)
        ]

    async def _ask(
        self, source: HarvestSource, target: Target, request: FreshenRequest, began: datetime
    ) -> Answered:
        """Wait for one answer, whoever asks for it."""
        live = source.adapter.live
        assert live is not None
        about = sha256(target.own_key.encode()).hexdigest()[:32]
        left = request.until - asyncio.get_running_loop().time()
        staleness_s = max((self._clock() - request.since).total_seconds(), 0.0)
        errand = errand_of(source, request.asker, self._own, request.until, staleness_s)
        # What a hub answers depends on how fresh it is wanted.
        wanted = "" if errand is None else f":{staleness_s:.0f}"
        try:
            result = json.loads(
                await self._flights.fetch_once(
                    f"live:{source.id}:{live.record_type}:{about}{wanted}",
                    lambda: self._counted(source, target, errand),
                    lease_s=FLIGHT_S_MAX,
                    wait_s=max(left, 0.0),
                )
            )
        except FlightTimeoutError:
            return _late(target)
        except Exception as error:  # noqa: BLE001 - outermost: one source takes nothing from another
            code = error.code if isinstance(error, HubError) else ErrorCode.INTERNAL
            _LOG.warning("live question to %s: %s", source.id, type(error).__name__)
            return _failed(target, AnswerStatus.UNKNOWN, code.name)
        status = AnswerStatus(result["status"])
        if status is not AnswerStatus.OK:
            return _failed(target, status, result["errorCode"], result["latencyMs"])
        as_of = datetime.fromisoformat(result["asOf"])
        # Another hub says it in whole seconds: it was up to one later.
        latest = as_of + timedelta(seconds=0.0 if errand is None else RELAYED_TOLD_S)
        is_fresh = latest >= request.since - timedelta(seconds=ANSWER_KEPT_S)
        return Answered(
            source=source.id,
            status=AnswerStatus.OK if is_fresh else AnswerStatus.STALE,
            served_from=ServedFrom.LIVE if latest >= began else ServedFrom.CACHE,
            as_of=as_of,
            latency_ms=result["latencyMs"],
            error_code=None if is_fresh else ErrorCode.SOURCE_STALE.name,
        )

    async def _counted(self, source: HarvestSource, target: Target, errand: Errand | None) -> bytes:
        """Ask one source about one instrument; what became of it, as JSON for all that wait."""
        status, raw = AnswerStatus.UNKNOWN, b""
        try:
            status, raw = await self._fetch(source, target, errand)
        finally:
            METRICS.asked_live(source.id, status.value)
        return raw

    async def _fetch(
        self, source: HarvestSource, target: Target, errand: Errand | None
    ) -> tuple[AnswerStatus, bytes]:
        turn = self._turns.setdefault(source.id, asyncio.Semaphore(QUESTIONS_OF_ONE))
        async with turn:
            live = source.adapter.live
            assert live is not None
            breaker = self._breaker(source.id, live.record_type)
            permit = await breaker.enter()
            if permit is None:
                code = ErrorCode.SOURCE_UNAVAILABLE.name
                return _result(AnswerStatus.OPEN, error_code=code)
            rate = f"live:{source.id}", RATE_CAPACITY, RATE_REFILL_PER_S
            if not (await self._state.take(*rate)).ok:
                await breaker.give_back(permit)
                return _result(AnswerStatus.BUDGET, error_code=ErrorCode.RATE_LIMITED.name)
            try:
                if errand is not None and self._note is not None:
                    await self._note(errand, source.id, target.own_key)
            except BaseException:
                await breaker.give_back(permit)
                raise
            return await self._asked(source, target, errand, (breaker, permit))

    def _breaker(self, source: str, record_type: str) -> Breaker:
        name = f"{source}:{record_type}"
        known = self._breakers.get(name)
        if known is None:

            def note(is_open: bool) -> None:  # noqa: FBT001 - as the breaker tells it
                event = SourceEvent(
                    source=source,
                    kind=EventKind.BREAKER,
                    record_type=record_type,
                    status="OPEN" if is_open else "CLOSED",
                    at=self._clock(),
                )
                self.history.add(event)

            known = self._breakers[name] = Breaker(name, self._state, self._clock, note)
        return known

    async def _asked(
        self,
        source: HarvestSource,
        target: Target,
        errand: Errand | None,
        leave: tuple[Breaker, Permit],
    ) -> tuple[AnswerStatus, bytes]:
        breaker, permit = leave
        clock = asyncio.get_running_loop().time
        now, began = self._clock(), clock()
        live = source.adapter.live
        assert live is not None
        heard, code = HeardAnswer(AnswerStatus.UNKNOWN, 0), None
        is_over = False
        try:
            try:
                async with asyncio.timeout(QUESTION_S_MAX):
                    heard = await self._questions.ask(source, target, now, errand)
                code = _CODES.get(heard.status)
            except TimeoutError:
                heard, code = HeardAnswer(AnswerStatus.TIMEOUT, 0), SlowError.code
            except ConnectorError as error:
                heard, code = HeardAnswer(_status_of(error), 0), error.code
            status = heard.status
            latency_ms = round((clock() - began) * 1000)
            failed = status in _FAILURES
            self.history.add(
                SourceEvent(
                    source=source.id,
                    kind=EventKind.LIVE,
                    record_type=live.record_type,
                    status=status.value,
                    served_from=(ServedFrom.NONE if failed else ServedFrom.LIVE).value,
                    latency_ms=latency_ms,
                    rows=heard.rows,
                    error_code=code,
                    at=now,
                )
            )
            await breaker.leave(permit, failed=failed)
            is_over = True
        finally:
            if not is_over:  # cut off: no outcome of the source
                await breaker.give_back(permit)
        return _result(status, heard.as_of, latency_ms, code)


async def _free(_: int) -> None:
    """Take nothing: who booked has paid for it."""


_CODES = {
    AnswerStatus.BAD_DATA: ErrorCode.SOURCE_BAD_DATA.name,
    AnswerStatus.STALE: ErrorCode.SOURCE_STALE.name,
}
_FAILURES = (AnswerStatus.TIMEOUT, AnswerStatus.ERROR, AnswerStatus.DENIED)


def _accepts(source: HarvestSource, target: Target, now: datetime) -> bool:
    live = source.adapter.live
    context = Context(source=source.id, now=now, institution=source.institution, facts=source.facts)
    return live is not None and live.accepts(context, target.own_key)


def _status_of(error: ConnectorError) -> AnswerStatus:
    if isinstance(error, SlowError):
        return AnswerStatus.TIMEOUT
    if isinstance(error, SourceRefusedError):
        return AnswerStatus.DENIED
    return AnswerStatus.BAD_DATA if isinstance(error, PayloadError) else AnswerStatus.ERROR


def _result(
    status: AnswerStatus,
    as_of: datetime | None = None,
    latency_ms: int | None = None,
    error_code: str | None = None,
) -> tuple[AnswerStatus, bytes]:
    answer = {
        "status": status.value,
        "asOf": None if as_of is None else as_of.isoformat(),
        "latencyMs": latency_ms,
        "errorCode": error_code,
    }
    return status, json.dumps(answer).encode()


def _stored(target: Target, as_of: datetime, since: datetime) -> Answered:
    is_fresh = as_of >= since
    return Answered(
        source=target.source,
        status=AnswerStatus.OK if is_fresh else AnswerStatus.STALE,
        served_from=ServedFrom.STORE,
        as_of=as_of,
        error_code=None if is_fresh else ErrorCode.SOURCE_STALE.name,
    )


def _late(target: Target) -> Answered:
    return _failed(target, AnswerStatus.TIMEOUT, ErrorCode.SOURCE_TIMEOUT.name)


def _failed(
    target: Target, status: AnswerStatus, code: str | None, latency_ms: int | None = None
) -> Answered:
    """Return an answer that the store gives in place of the source, or that nobody gives."""
    return Answered(
        source=target.source,
        status=status,
        served_from=ServedFrom.NONE if target.heard_at is None else ServedFrom.STORE,
        as_of=target.heard_at,
        latency_ms=latency_ms,
        error_code=code,
    )
