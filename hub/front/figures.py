"""`figures`: what is here in numbers, for everybody: `GET /figures.json`.

- They are asked for as a stranger asks, by two registered documents: nothing is counted that a
  stranger could not read. Where strangers may not ask, only the log's figures are told, which are
  public anyhow.
- However many look, each document is asked once in a time, whether it was answered or not; what
  took long is kept longer. Counts by province and class are dear where there is much: where they
  fail the rest is told without them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from importlib.resources import files
from typing import Any

from hub.access.resource import ANONYMOUS
from hub.clock import Clock
from hub.errors import HubError
from hub.front.limits import CLASSES_SHOWN, FAILED_KEPT_S, KEPT_S, TIMES_KEPT
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine
from hub.query.plan.documents import document_id
from schema.codes import Province, tables
from schema.dates import format_instant

COUNTS, SHARES = "figures", "instruments_by_place_and_class"
BUCKET = "front page"
"""Whose cost the questions are counted as: nobody else's."""
Wire = dict[str, Any]
Ask = Callable[[str], Awaitable[Wire]]
_LOG = logging.getLogger(__name__)


class PublicFigures:
    """Counts what everybody may know, now and then."""

    def __init__(
        self,
        engine: Engine,
        log: Callable[[], Awaitable[tuple[int, datetime | None]]],
        clock: Clock,
        *,
        is_open: bool,
    ) -> None:
        """`log` says how long the log is and when it was signed; `is_open`: strangers may ask."""
        self._engine = engine
        self._log = log
        self._clock = clock
        self._is_open = is_open
        self._counts = KeptAnswer(COUNTS, self._ask)
        self._shares = KeptAnswer(SHARES, self._ask)

    async def look(self) -> Wire:
        """Return the figures as JSON; the hub's errors come out."""
        entries, signed_at = await self._log()
        wire: Wire = {
            "at": format_instant(self._clock()),
            "open": self._is_open,
            "log": {
                "entries": entries,
                "signedAt": None if signed_at is None else format_instant(signed_at),
            },
        }
        if not self._is_open:
            return wire
        counts = await self._counts.look()
        try:
            shares = shares_wire(await self._shares.look())
        except HubError:
            shares = {"provinces": None, "classes": None}
        return {
            **wire,
            "countedAt": counts["countedAt"],
            "institutions": counts["institutions"]["totalCount"],
            "instruments": counts["instruments"]["totalCount"],
            "sources": counts["sources"],
            **shares,
        }

    async def _ask(self, name: str) -> Wire:
        counted_at = format_instant(self._clock())
        request = GraphRequest(document_id=document_id(_text_of(name)), read_only=True)
        answer = await self._engine.answer(request, Asking(caller=ANONYMOUS, bucket=BUCKET))
        if answer.error is not None:
            raise answer.error
        return {**json.loads(answer.body)["data"], "countedAt": counted_at}


class KeptAnswer:
    """The answer of one document, asked for by one caller at a time."""

    def __init__(self, document: str, ask: Ask) -> None:
        self._document = document
        self._ask = ask
        self._turn = asyncio.Lock()
        self._last: Wire | HubError | None = None
        self._until = 0.0

    async def look(self) -> Wire:
        """Return the answer, or raise what was said in its place."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            if self._last is None or loop.time() >= self._until:
                begun = loop.time()
                self._last = await self._asked()
                self._until = loop.time() + self._kept_for(loop.time() - begun)
        if isinstance(self._last, HubError):
            raise self._last
        return self._last

    def _kept_for(self, took_s: float) -> float:
        if isinstance(self._last, HubError):
            return FAILED_KEPT_S
        least, most = KEPT_S
        return max(least, min(most, TIMES_KEPT * took_s))

    async def _asked(self) -> Wire | HubError:
        try:
            return await self._ask(self._document)
        except HubError as error:
            _LOG.warning("figures of the front page: %s: %s", self._document, error.code.name)
            return error


def shares_wire(data: Wire) -> Wire:
    """Return the counts by province and class, with the names of what is counted; pure."""
    counts = {(each["by"], each["value"]): each["count"] for each in data["instruments"]["facets"]}
    classes = [(code, count) for (by, code), count in counts.items() if by == "CLASS"]
    return {
        "provinces": [
            {
                "code": one.name,
                "zh": one.zh,
                "en": one.en,
                "count": counts.get(("PROVINCE", one.name), 0),
            }
            for one in Province
            if one is not Province.OTHER
        ],
        "classes": [
            {"code": code, "zh": _class_name(code), "count": count}
            for code, count in classes[:CLASSES_SHOWN]
        ],
    }


def _class_name(code: str) -> str:
    found = tables.lookup(tables.INSTRUMENT_CLASSES, code)
    return code if found is None else found.name


def _text_of(document: str) -> str:
    folder = files("hub.query.plan").joinpath("documents")
    return folder.joinpath(f"{document}.graphql").read_text("utf-8")
