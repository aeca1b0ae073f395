"""`figures`: what is here in numbers, for everybody: `GET /figures.json`.

- They are asked for as a stranger asks, by the registered document `figures`: nothing is counted
  that a stranger could not read. Where strangers may not ask, only the log's figures are told,
  which are public anyhow.
- Counted once in `KEPT_S`, however many look; an answer that fails is not kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from importlib.resources import files
from typing import Any

from hub.access.resource import ANONYMOUS
from hub.clock import Clock
from hub.graphql.service import Asking, Engine, GraphRequest
from hub.query.plan.documents import document_id
from schema.codes import Province, tables
from schema.dates import format_instant

KEPT_S = 60.0
"""How old a count may be."""
CACHED_S = 10
"""How long others may keep an answer."""
CLASSES_SHOWN = 10
BUCKET = "front page"
"""Whose cost the questions are counted as: nobody else's."""
Wire = dict[str, Any]


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
        self._document = document_id(_document_text())
        self._turn = asyncio.Lock()
        self._kept: Wire | None = None
        self._until = 0.0

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
        return {**wire, **await self._counted()} if self._is_open else wire

    async def _counted(self) -> Wire:
        loop = asyncio.get_running_loop()
        async with self._turn:
            if self._kept is None or loop.time() >= self._until:
                counted_at = format_instant(self._clock())
                self._kept = {**figures_wire(await self._ask()), "countedAt": counted_at}
                self._until = loop.time() + KEPT_S
            return self._kept

    async def _ask(self) -> Wire:
        request = GraphRequest(document_id=self._document, read_only=True)
        answer = await self._engine.answer(request, Asking(caller=ANONYMOUS, bucket=BUCKET))
        if answer.error is not None:
            raise answer.error
        data: Wire = json.loads(answer.body)["data"]
        return data


def figures_wire(data: Wire) -> Wire:
    """Return the figures of an answer, with the names of what is counted; pure."""
    instruments = data["instruments"]
    counts = {(each["by"], each["value"]): each["count"] for each in instruments["facets"]}
    return {
        "institutions": data["institutions"]["totalCount"],
        "instruments": instruments["totalCount"],
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
            for (by, code), count in counts.items()
            if by == "CLASS"
        ][:CLASSES_SHOWN],
        "sources": data["sources"],
    }


def _document_text() -> str:
    return files("hub.query.plan").joinpath("documents", "figures.graphql").read_text("utf-8")


def _class_name(code: str) -> str:
    found = tables.lookup(tables.INSTRUMENT_CLASSES, code)
    return code if found is None else found.name
