"""`booking`: runs an adapter's booking protocol against its source, one attempt an instrument.

Attempts at one instrument follow each other, whatever worker of this hub they come to: each holds
an advisory lock of the database while it asks. What the source answers decides; where it does not,
the booking stays TENTATIVE and the next attempt with the same order goes on from what is there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from adapters._booking import (
    Ask,
    BookingAnswered,
    BookingOutcome,
    BookingReason,
    BookingResult,
    BookingSteps,
    NotSent,
    Reply,
    Unclear,
    Unwilling,
)
from connectors.errors import (
    PayloadError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.http.session import HttpQuestion, HttpSession, decode_answer, parse_json
from hub.orders.limits import BOOKING_S, LOCK_WAIT_MS, STEPS_MAX
from hub.store.database import Database
from hub.store.locks import alone_with

BAD_REQUEST = 400
JSON_HEADERS = {"content-type": "application/json"}
Heard: TypeAlias = Callable[[bytes], object]
"""Is given each answer of a source as it came: its hash is evidence of what the hub was told."""


async def attempt(
    session: HttpSession,
    steps: BookingSteps,
    *,
    seconds: float = BOOKING_S,
    heard: Heard = len,
) -> BookingResult:
    """Run a protocol to its end, or until its time is up: then nothing more is known."""
    try:
        async with asyncio.timeout(seconds):
            return await _run(session, steps, heard)
    except TimeoutError:
        return _silent()
    finally:
        steps.close()


async def _run(session: HttpSession, steps: BookingSteps, heard: Heard) -> BookingResult:
    try:
        ask = next(steps)
        for _ in range(STEPS_MAX):
            ask = steps.send(await _reply(session, ask, heard))
    except StopIteration as ended:
        result: BookingResult = ended.value
        return result
    return _silent()


async def _reply(session: HttpSession, ask: Ask, heard: Heard) -> Reply:
    question = HttpQuestion(
        path=ask.path,
        query=ask.query or None,
        method=ask.method,
        content=None if ask.body is None else json.dumps(ask.body).encode(),
        headers=JSON_HEADERS if ask.body is not None else {},
        is_safe=ask.body is None,
        read_too=frozenset({BAD_REQUEST}),
    )
    try:
        answer = await session.ask(question)
        heard(answer.raw)
        if answer.status == BAD_REQUEST:
            return Unwilling(decode_answer(answer))
        return BookingAnswered(parse_json(session.source, answer))
    except SourceUnavailableError as error:
        return Unclear() if error.was_sent else NotSent()
    except (PayloadError, SourceRefusedError) as error:
        # A page of HTML with 200 to a POST says nothing about what was done.
        return Unwilling(error.detail) if isinstance(error, SourceRefusedError) else Unclear()


@asynccontextmanager
async def alone_at(database: Database, instrument: str) -> AsyncIterator[None]:
    """Keep other attempts at an instrument waiting for as long as the block runs.

    Raises `HubError` TIMEOUT after `LOCK_WAIT_MS`; nothing was asked then.
    """
    async with alone_with(database, f"booking {instrument}", LOCK_WAIT_MS):
        yield


def _silent() -> BookingResult:
    return BookingResult(outcome=BookingOutcome.TENTATIVE, reason=BookingReason.SOURCE_SILENT)
