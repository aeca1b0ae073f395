"""A small laboratory over HTTP whose lists come in short pages, and which dies when it is told to.

Its lists: `instruments` (needed by the others), `offers`, `bookings`, `coverage`. Each page has
`PAGE` rows and tells the number of all.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from adapters._adapter import Adapter, Collection, Context, Mapped, Yielded
from adapters._row import Row
from connectors.limits import Limits
from connectors.reader import Window
from connectors.rest import PagedJson, PageNumber
from hub.harvest.connections import HttpConnection
from hub.harvest.source import HarvestSource
from schema.codes import Audience
from schema.dates import format_instant
from tests.loopback import loopback_server
from tests.source_metadata import metadata

INSTITUTION = "moe:10269"
PAGE = 2
NOT_MODIFIED = "304"
LISTS = ("instruments", "offers", "bookings", "coverage")


@dataclass
class Laboratory:
    """What it holds, and when it dies."""

    url: str = ""
    rows: dict[str, list[str]] = field(
        default_factory=lambda: {
            "instruments": ["1", "2"],
            "offers": ["1", "2"],
            "bookings": [f"{n}" for n in range(1, 9)],
            "coverage": ["1", "2"],
        }
    )
    dies_at: tuple[str, int] | None = None
    """List and page at which the connection breaks."""
    hangs_at: tuple[str, int] | None = None
    """List and page that get no answer."""
    breaks_at: tuple[str, int] | None = None
    """List and page of which half an answer comes."""
    repeats_at: tuple[str, int] | None = None
    """List and page that is answered with the page before it."""
    on_ask: Callable[[int], None] = lambda _: None
    """Called with the number of each question before it is answered."""
    from_page: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    """What a list holds from the moment on at which that page of it is asked for."""
    bad: set[str] = field(default_factory=set)
    """Rows of bookings, and of offers, that nobody can read."""
    members: dict[str, Callable[[str], dict[str, Any]]] = field(default_factory=dict)
    """What rows of a list have beside their id, by list: a function of the id."""
    skips_when_size_is: int = 0
    """Size of a page at which each page after the first begins one row too late."""
    tags: Callable[[str, bytes], str] | None = None
    """Gives each answer an entity tag, by list and content; None: it has none."""
    changed: dict[str, list[str]] = field(default_factory=dict)
    """Rows of a list that changed, for questions that ask since when."""
    changed_since: list[str] = field(default_factory=list)
    """`list moment` of every question for what changed."""
    always_unchanged: bool = False
    """Whether it answers 304 to everything."""
    conditions: list[str] = field(default_factory=list)
    """`list 304` or `list 200` of every question that rests on an entity tag."""
    asked: list[str] = field(default_factory=list)
    """`list page` of every question, in order; windows in `windows`."""
    windows: list[str] = field(default_factory=list)


SORTS = {"a": Audience.OUTSIDE}


def _instrument(row: Row, context: Context) -> Iterable[Yielded]:
    number = row.text("id")
    yield Mapped(
        "Instrument",
        {
            "institutionKey": context.institution_key,
            "localNo": number,
            "name": {"zh": f"电镜{number}"},
            "status": "IN_SERVICE",
        },
    )


def _offer(row: Row, context: Context) -> Iterable[Yielded]:
    key = f"{context.institution_key}/{row.text('id')}"
    row.flag("good", "yes", "no")
    row.drop("phone")
    row.optional_decimal("price")
    row.optional_code("sort", SORTS)
    row.ignore("note", "place")
    yield Mapped("ServiceOffer", {"instrumentKey": key, "code": "a", "audience": "OUTSIDE"})


def _booking(row: Row, context: Context) -> Iterable[Yielded]:
    number = row.text("id")
    row.flag("good", "yes", "no")
    start = context.window_start + timedelta(hours=int(number))
    yield Mapped(
        "Occupancy",
        {
            "instrumentKey": f"{context.institution_key}/{1 + int(number) % 2}",
            "localId": number,
            "kind": "RESERVATION",
            "certainty": "FIRM",
            "startAt": format_instant(start),
            "endAt": format_instant(start + timedelta(hours=1)),
        },
    )


def _coverage(row: Row, context: Context) -> Iterable[Yielded]:
    yield context.coverage(f"{context.institution_key}/{row.text('id')}")


def _window(context: Context) -> Window:
    since, until = context.window_start, context.now
    return Window(since=since, until=until, filters={"until": until.isoformat()})


def _list(name: str) -> PagedJson:
    return PagedJson(path=name, paging=PageNumber(rows=PAGE), items_at="rows", total_at="total")


ADAPTER = Adapter(
    metadata=metadata(
        "laboratory",
        {
            "Instrument": ("1 h", "2 h"),
            "ServiceOffer": ("1 h", "2 h"),
            "Occupancy": ("15 min", "2 h"),
            "OccupancyCoverage": ("15 min", "2 h"),
        },
        title=("小实验室", "Small laboratory"),
    ),
    collections=(
        Collection(
            name="instruments",
            reader=_list("instruments"),
            map=_instrument,
            types=("Instrument",),
            complete=True,
        ),
        Collection(
            name="offers",
            reader=_list("offers"),
            map=_offer,
            types=("ServiceOffer",),
            complete=True,
        ),
        Collection(
            name="bookings",
            reader=_list("bookings"),
            map=_booking,
            types=("Occupancy",),
            window=_window,
            complete=True,
        ),
        Collection(
            name="coverage",
            reader=_list("coverage"),
            map=_coverage,
            types=("OccupancyCoverage",),
            complete=True,
        ),
    ),
    states=lambda context: [Mapped("Institution", dict(context.institution))],
)


def source_of(laboratory: Laboratory) -> HarvestSource:
    return HarvestSource(
        id="laboratory",
        adapter=ADAPTER,
        connection=HttpConnection(base_url=laboratory.url),
        institution={
            "institutionKey": INSTITUTION,
            "name": {"zh": "华东师范大学"},
            "kind": "UNIVERSITY",
            "divisionCode": "310107",
        },
        owners=(INSTITUTION,),
        authority=f"{INSTITUTION}/laboratory",
        limits=Limits(attempts_max=1),
    )


def _answer(laboratory: Laboratory, target: str) -> bytes | None:
    parts = urlsplit(target)
    name, query = parts.path.strip("/"), dict(parse_qsl(parts.query))
    if name not in laboratory.rows:
        return b"{}"
    page = int(query.get("page", 1))
    laboratory.asked.append(f"{name} {page}")
    laboratory.windows.append(query.get("until", ""))
    laboratory.on_ask(len(laboratory.asked))
    if laboratory.repeats_at == (name, page):
        page -= 1
    if laboratory.dies_at == (name, page):
        return None
    if laboratory.hangs_at == (name, page):
        return b""
    laboratory.rows[name] = laboratory.from_page.get((name, page), laboratory.rows[name])
    every = laboratory.rows[name]
    if "changed" in query:
        laboratory.changed_since.append(f"{name} {query['changed']}")
        every = laboratory.changed.get(name, [])
    size = int(query.get("page_size", PAGE)) if "page" in query else len(every)
    begin = (page - 1) * size + (page > 1 and size == laboratory.skips_when_size_is)
    rows: list[dict[str, Any]] = [{"id": each} for each in every[begin : page * size]]
    for row in rows:
        row.update(laboratory.members.get(name, lambda _: {})(row["id"]))
        if name in ("offers", "bookings"):
            row["good"] = "?" if f"{name} {row['id']}" in laboratory.bad else "yes"
    return json.dumps({"total": len(every), "rows": rows}).encode()


def _last(laboratory: Laboratory) -> tuple[str, int]:
    name, page = laboratory.asked[-1].split()
    return name, int(page)


def _tagged(laboratory: Laboratory, head: str, body: bytes) -> str:
    """Return the entity tag of an answer, `304` where the question names it, empty without tags."""
    if laboratory.tags is None:
        return ""
    lines = head.split("\r\n")
    name = urlsplit(lines[0].split(" ")[1]).path.strip("/")
    fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    asked = {key.lower(): value for key, value in fields.items()}.get("if-none-match")
    tag = laboratory.tags(name, body)
    if asked is not None:
        laboratory.conditions.append(f"{name} {304 if asked == tag else 200}")
    return NOT_MODIFIED if asked == tag else tag


@asynccontextmanager
async def serving(laboratory: Laboratory) -> AsyncIterator[Laboratory]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = _answer(laboratory, head.split(b" ")[1].decode())
            if body is None:
                break
            if not body:
                continue
            tag = _tagged(laboratory, head.decode(), body)
            if laboratory.always_unchanged or tag == NOT_MODIFIED:
                writer.write(b"HTTP/1.1 304 Not Modified\r\n\r\n")
                await writer.drain()
                continue
            is_broken = bool(laboratory.asked) and laboratory.breaks_at == _last(laboratory)
            part = body[: len(body) // 2] if is_broken else body
            headers = (
                b"Content-Length: %d\r\n" % len(body) + (f"ETag: {tag}\r\n" if tag else "").encode()
            )
            writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n%b" % (headers, part))
            await writer.drain()
            if is_broken:
                break

    async with loopback_server(serve) as port:
        laboratory.url = f"http://127.0.0.1:{port}"
        yield laboratory
