"""What the contract of readers is tried on: for each kind of reader, servers or files that obey.

A new reader is tested by one more entry of `DOUBLES`. A double gives `ROWS` by default, in four
documents; `play` changes what it gives: other rows, or a fault of those that it lists, which shows
at `FAULTY` at the earliest, so that something came before.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import xlsxwriter

from connectors.graphql import GraphqlList
from connectors.http.credentials import StaticToken
from connectors.http.session import HttpSession
from connectors.http.transport import open_client
from connectors.limits import Limits
from connectors.reader import Reader
from connectors.rest import (
    Cursor,
    NextLink,
    Offset,
    PagedJson,
    PageNumber,
    TimeSlices,
    WholeList,
)
from connectors.sheet import FileSession, Sheet
from connectors.soap import SoapList
from connectors.soap_envelope import SOAP_11
from connectors.wsdl import wsdl
from tests.loopback import loopback_server

ROWS = tuple(f"row {number}" for number in range(1, 8))
PAGE = 2
"""Rows of one document."""
FAULTY = 3
"""The document that a fault spoils."""
SOURCE = "the-source"
TOKEN, USERINFO = "t0ken-of-the-session", "p4ssword-in-the-address"
SECRETS = (TOKEN, USERINFO)
WAIT_S_MAX = 20
CREATED = datetime(2026, 1, 1)  # noqa: DTZ001 - a workbook's stamp has no zone


@dataclass(kw_only=True)
class Play:
    """What a double gives, and what it gave."""

    rows: Sequence[str] = ROWS
    fault: str = ""
    sent: list[bytes] = field(default_factory=list)
    """Raw bytes of each document that was asked for."""
    connections: int = 0
    """Connections that are open on its side."""


Open = Callable[[Play, Limits], AbstractAsyncContextManager[Any]]


@dataclass(frozen=True, kw_only=True)
class Double:
    """A reader, and how to open a session of a source that plays."""

    name: str
    reader: Reader[Any]
    open: Callable[[Play, Path], AbstractAsyncContextManager[Open]]
    """Serve what a `Play` says as long as the block runs; a folder is given for files."""
    text: Callable[[Any], str]
    """What of `ROWS` a row is."""
    faults: tuple[str, ...]
    bytes_limit: str
    """Name of the limit that bounds the bytes of its answers."""
    documents: int = 4
    is_move_seen: bool = True
    """Whether it can see that a list has another length than when it was cut off."""

    def __str__(self) -> str:
        return self.name


# HTTP


def _page(play: Play, query: dict[str, str], path: str) -> Any:
    """Return one answer of a list, however it is asked for."""
    rows = [{"text": text} for text in play.rows]
    total = len(rows)
    if "offset" in query:
        start = int(query["offset"])
    elif "cursor" in query:
        start = [row["text"] for row in rows].index(query["cursor"]) + 1
    elif "page" in query:
        start = (int(query["page"]) - 1) * PAGE
    else:
        start = 0
    is_whole = "page_size" not in query and "limit" not in query
    part = rows if is_whole else rows[start : start + PAGE]
    number = start // PAGE + 1
    if play.fault == "short" and number >= FAULTY:
        part = []
    has_more = start + PAGE < total
    more = f"http://elsewhere.test{path}?page={number + 1}&page_size={PAGE}"
    return {
        "total": total,
        "next": more if has_more else None,
        "next_cursor": part[-1]["text"] if part and has_more else None,
        "more": has_more,
        "results": part,
    }


ECHO = json.dumps({"error": "no", "token": TOKEN, "password": USERINFO}).encode()


def _http(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


SPOILED = {
    "denied": _http(401, ECHO),
    "broken": _http(500, ECHO),
    "html": _http(200, b"<html>log in again, " + TOKEN.encode() + b"</html>"),
    "nonsense": _http(200, ECHO[:-4]),
    "hang-up": None,
    "silent": b"",
    "huge": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{",
    "blank": _http(200, b" " * 100_000),
}
HTTP_FAULTS = tuple(SPOILED)


Write = Callable[[Play, str, bytes], bytes]
"""Writes the body of an answer to a target and the body of a question."""


def write_json(play: Play, target: str, _: bytes) -> bytes:
    parts = urlsplit(target)
    return json.dumps(_page(play, dict(parse_qsl(parts.query)), parts.path)).encode()


def _answer(play: Play, body: bytes, number: int) -> bytes | None:
    """Return the bytes of one answer; None: hang up; empty: say nothing."""
    play.sent.append(body)
    if number < FAULTY and not play.fault.startswith("first-"):
        return _http(200, body)
    return SPOILED.get(play.fault.removeprefix("first-"), _http(200, body))


@asynccontextmanager
async def http_double(play: Play, folder: Path, write: Write = write_json) -> AsyncIterator[Open]:
    del folder

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        play.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                assert TOKEN in head
                _, _, length = head.lower().partition("content-length: ")
                asked = await reader.readexactly(int(length.split()[0])) if length else b""
                body = write(play, head.split(" ")[1], asked)
                answer = _answer(play, body, len(play.sent) + 1)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        finally:
            play.connections -= 1

    async with loopback_server(serve) as port:

        @asynccontextmanager
        async def open_session(_: Play, limits: Limits) -> AsyncIterator[HttpSession]:
            url = f"http://hub:{USERINFO}@127.0.0.1:{port}/base/"
            async with open_client(url, limits=limits, auth=StaticToken(TOKEN)) as client:
                yield HttpSession(SOURCE, client, limits)

        yield open_session


LIST_NAMESPACE = "urn:test:list"
SOAP_LIST = SoapList(
    path="service",
    wsdl=wsdl(
        LIST_NAMESPACE, {"list": {"page": "int", "page_size": "int"}}, "http://service.test/"
    ),
    operation="list",
    paging=PageNumber(rows=PAGE),
    total_at="total",
)


GRAPHQL_LIST = GraphqlList(
    document="query ($first: Int, $after: String) { rows(first: $first, after: $after) { … } }",
    paging=Cursor(
        cursor="after",
        size="first",
        rows=PAGE,
        at="rows.pageInfo.endCursor",
        more_at="rows.pageInfo.hasNextPage",
    ),
    items_at="rows.nodes",
    total_at="rows.totalCount",
)


def _rest(name: str, paging: Any, **more: Any) -> Double:
    declared = {"total_at": "total"} if more.pop("counts", False) else {}
    faults = (*HTTP_FAULTS, "short") if declared else HTTP_FAULTS
    if isinstance(paging, WholeList | TimeSlices):
        faults = tuple(f"first-{fault}" for fault in HTTP_FAULTS)
    return Double(
        name=name,
        reader=PagedJson(path="list", paging=paging, **declared),
        open=http_double,
        text=lambda row: row["text"],
        faults=faults,
        bytes_limit="response_bytes_max",
        is_move_seen=bool(declared),
        **more,
    )


def _xml_member(content: bytes, name: str) -> str:
    found = re.search(rf"<[^>]*\b{name}>([^<]*)<".encode(), content)
    return found[1].decode() if found else ""


def write_soap(play: Play, _: str, asked: bytes) -> bytes:
    """Answer as services do that print around their envelope, with JSON inside XML."""
    query = {name: _xml_member(asked, name) for name in ("page", "page_size")}
    text = escape(json.dumps(_page(play, query, "")))
    return (
        f"Warning: nothing\r\n<?xml version='1.0'?>\n<e:Envelope xmlns:e='{SOAP_11}'><e:Body>"
        f"<r:listResponse xmlns:r='{LIST_NAMESPACE}'><return>{text}</return></r:listResponse>"
        "</e:Body></e:Envelope>\n<!-- end -->"
    ).encode()


def write_graphql(play: Play, _: str, asked: bytes) -> bytes:
    """Answer as a connection of the Relay kind."""
    variables = json.loads(asked)["variables"]
    after = variables.get("after")
    page = _page(play, {"page_size": "", **({"cursor": after} if after else {})}, "")
    info = {"endCursor": page["next_cursor"], "hasNextPage": page["more"]}
    rows = {"totalCount": page["total"], "nodes": page["results"], "pageInfo": info}
    return json.dumps({"data": {"rows": rows}}).encode()


def _over_http(name: str, reader: Any, write: Write, *more_faults: str, **more: Any) -> Double:
    """A reader that asks with POST."""
    return Double(
        name=name,
        reader=reader,
        open=partial(http_double, write=write),
        text=lambda row: row["text"],
        faults=(*HTTP_FAULTS, *more_faults),
        bytes_limit="response_bytes_max",
        **more,
    )


# Files


def _csv(rows: Iterable[str], *, is_spoiled: bool = False) -> bytes:
    memory = io.StringIO()
    csv.writer(memory).writerows([[text] for text in rows])
    return memory.getvalue().encode() + (b'"never closed' if is_spoiled else b"")


def _xlsx(rows: Sequence[str], *, is_spoiled: bool = False) -> bytes:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        book.set_properties({"created": CREATED})  # made again it is the same file
        for name, part in (("one", rows[:3]), ("two", rows[3:])):
            sheet = book.add_worksheet(name)
            for number, text in enumerate(part):
                sheet.write(number * 2, 1, text)
    content = memory.getvalue()
    return content[: len(content) // 2] if is_spoiled else content


def file_double(make: Callable[..., bytes], *, is_path: bool) -> Any:
    @asynccontextmanager
    async def double(play: Play, folder: Path) -> AsyncIterator[Open]:
        @asynccontextmanager
        async def open_session(now: Play, limits: Limits) -> AsyncIterator[FileSession]:
            content = make(now.rows, is_spoiled=now.fault == "spoiled")
            play.sent[:] = [content] * 99
            path = folder / "table"
            path.write_bytes(content)
            if now.fault == "missing":
                path.unlink()
            yield FileSession(
                source=SOURCE,
                content=path if is_path else content,
                name="table",
                limits=limits,
            )

        yield open_session

    return double


def _sheet(name: str, make: Callable[..., bytes], *, is_path: bool, **more: Any) -> Double:
    return Double(
        name=name,
        reader=Sheet(rows=PAGE),
        open=file_double(make, is_path=is_path),
        text=lambda row: next(cell for cell in row["cells"] if cell is not None),
        faults=("spoiled", "missing") if is_path else ("spoiled",),
        bytes_limit="table_bytes_max",
        **more,
    )


DOUBLES = (
    _rest("pages", PageNumber(rows=PAGE), counts=True),
    _rest("pages without a count", PageNumber(rows=PAGE)),
    _rest("offsets", Offset(rows=PAGE), counts=True),
    _rest("offsets without a count", Offset(rows=PAGE)),
    _rest("links", NextLink(rows=PAGE)),
    _rest("cursors", Cursor(size="page_size", rows=PAGE, more_at="more")),
    _rest("slices of time", TimeSlices(), documents=1),
    _rest("a whole list", WholeList(), documents=1),
    _over_http("SOAP", SOAP_LIST, write_soap, "short"),
    _over_http("GraphQL", GRAPHQL_LIST, write_graphql),
    _sheet("a CSV file", _csv, is_path=True),
    _sheet("a CSV file in memory", _csv, is_path=False),
    _sheet("a workbook", _xlsx, is_path=True),
)


def digest(raw: bytes) -> bytes:
    return sha256(raw).digest()
