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
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import psycopg
import xlsxwriter
from sqlalchemy import make_url

from connectors.drop.folder import Folder
from connectors.drop.ledger import MemoryLedger
from connectors.drop.session import DropSession, Look
from connectors.files import DroppedFiles
from connectors.graphql import GraphqlList
from connectors.http.credentials import StaticToken
from connectors.http.session import HttpSession
from connectors.http.transport import open_client
from connectors.jsonrpc import RpcList, RpcPaging, SearchToken, StartAndNumber
from connectors.limits import Limits
from connectors.mqtt import Messages
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
from connectors.sql.session import SqlSession, open_sql
from connectors.sql.view import SqlView
from connectors.start_pages import RestList
from connectors.wsdl import wsdl
from tests.contract.mqtt_double import MQTT_FAULTS, mqtt_broker
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
    if "bare" in query:
        start = int(query["offset"])
        if play.fault == "same page":
            start = min(start, (FAULTY - 2) * PAGE)
        return rows[start : start + PAGE]
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
# JSON-RPC


def _rpc_result(play: Play, call: dict[str, Any]) -> Any:
    if call["method"] == "list.search":
        return {"token": "t1", "total": len(play.rows)}
    start = call["params"][1] if call["method"] == "list.fetch" else call["params"][0]["limit"][0]
    if play.fault == "same page":
        start = min(start, (FAULTY - 2) * PAGE)
    return [{"text": text} for text in play.rows[start : start + PAGE]]


def _rpc_answer(play: Play, call: dict[str, Any]) -> bytes | None:
    """Return the bytes of one answer; searches are no documents and never fail."""
    result = _rpc_result(play, call)
    number = len(play.sent) + 1
    if play.fault == "short" and number >= FAULTY:
        result = []
    body = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}).encode()
    if call["method"] == "list.search":
        return _http(200, body)
    play.sent.append(body)
    if number < FAULTY:
        return _http(200, body)
    error = {"code": RPC_ERRORS.get(play.fault), "message": TOKEN}
    said = json.dumps({"jsonrpc": "2.0", "id": call["id"], "error": error}).encode()
    faults = {**SPOILED, "another call": _http(200, body.replace(b'"id"', b'"no"'))}
    faults |= dict.fromkeys(RPC_ERRORS, _http(200, said))
    return faults.get(play.fault, _http(200, body))


RPC_ERRORS = {"error 401": 401, "error -32601": -32601, "error 500": 500, "error -1": -1}


@asynccontextmanager
async def rpc_double(play: Play, folder: Path) -> AsyncIterator[Open]:
    del folder

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        play.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                assert TOKEN in head
                length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
                answer = _rpc_answer(play, json.loads(await reader.readexactly(length)))
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


def _bare() -> Double:
    return Double(
        name="bare lists",
        reader=RestList(path="list", rows=PAGE, fixed={"bare": "1"}),
        open=http_double,
        text=lambda row: row["text"],
        faults=(*HTTP_FAULTS, "same page"),
        bytes_limit="response_bytes_max",
        is_move_seen=False,
    )


def _rpc(name: str, paging: RpcPaging, **more: Any) -> Double:
    faults = (*HTTP_FAULTS, *RPC_ERRORS, "another call", "same page")
    return Double(
        name=name,
        reader=RpcList(path="api", paging=paging),
        open=rpc_double,
        text=lambda row: row["text"],
        faults=(*faults, "short") if isinstance(paging, SearchToken) else faults,
        bytes_limit="response_bytes_max",
        **more,
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


# Folders


def _lines_of(data: bytes) -> list[dict[str, str]]:
    """Parse a dropped file: a line for each row, and one that says how many there are."""
    *lines, last = data.decode().splitlines()
    if last != f"{len(lines)} rows in all of this file":
        raise ValueError("the file is cut short")
    return [{"text": line} for line in lines]


def _dropped(rows: Sequence[str]) -> bytes:
    return "\n".join([*rows, f"{len(rows)} rows in all of this file"]).encode()


def _drop_into(play: Play, folder: Path) -> None:
    """Leave the rows of a play in a folder, two in each file."""
    parts = [play.rows[at : at + PAGE] for at in range(0, len(play.rows), PAGE)]
    play.sent[:] = [_dropped(part) for part in parts] or [b""]
    for number, part in enumerate(parts, start=1):
        content = _dropped(part)
        if play.fault == "spoiled" and number >= FAULTY:
            content = content[:-9]
        path = folder / f"{number}.txt"
        path.write_bytes(content)
        os.utime(path, (number, number))
        (folder / f"{number}.txt.ok").touch()
    (folder / "5.txt.part").write_bytes(b"half a")
    if play.fault == "first-crowded":
        for number in range(20):
            (folder / f"more {number}.part").touch()


@asynccontextmanager
async def folder_double(play: Play, folder: Path) -> AsyncIterator[Open]:
    @asynccontextmanager
    async def open_session(now: Play, limits: Limits) -> AsyncIterator[DropSession]:
        with TemporaryDirectory(dir=folder) as name:
            path = Path(name)
            _drop_into(now, path)
            if now.fault == "first-missing":
                path = path / "none"
            limits = replace(limits, files_max=12)
            yield FreshSession(source=SOURCE, place=Folder(SOURCE, path), limits=limits)

    del play
    yield open_session


class FreshSession(DropSession):
    """A session that was never read before, whenever it is read."""

    async def look(self) -> Look:
        self.ledger = MemoryLedger()
        return await super().look()


# Databases

CLUSTER: list[str] = []
"""The address of the session's PostgreSQL (tests/contract/conftest.py)."""
_VIEW = """
CREATE VIEW {schema}."the view" AS SELECT n,
  '2026-11-25 08:00'::timestamptz + (n / 3) * interval '1 hour' AS changed,
  text {spoiled} FROM {schema}.lines
"""
_SPOILED = {
    "bytes": ", CASE WHEN n > 5 THEN '\\x00'::bytea END AS odd",
    "broken": ", CASE WHEN n > 5 THEN 1 / (n - n) END AS odd",
    "silent": ", CASE WHEN n > 5 THEN pg_sleep(60)::text END AS odd",
    "hang-up": ", CASE WHEN n > 5 THEN pg_terminate_backend(pg_backend_pid()) END AS odd",
}
_numbers = count(1)


@asynccontextmanager
async def sql_double(play: Play, folder: Path) -> AsyncIterator[Open]:
    """A view of the session's PostgreSQL, for a role that may read it and nothing else."""
    del folder
    schema = f"unit_{next(_numbers)}"
    role = f"{schema}_reader"
    texts = [f"('{text}')" for text in play.rows]
    with psycopg.connect(CLUSTER[0], autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{TOKEN}'".encode())
        owner.execute(f"CREATE SCHEMA {schema}".encode())
        owner.execute(
            f"CREATE TABLE {schema}.lines (n int GENERATED ALWAYS AS IDENTITY, text text)".encode()
        )
        if texts:
            owner.execute(f"INSERT INTO {schema}.lines (text) VALUES {','.join(texts)}".encode())
        view = _VIEW.format(schema=schema, spoiled=_SPOILED.get(play.fault, ""))
        owner.execute(view.encode())
        if play.fault != "denied":
            owner.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}".encode())
            owner.execute(f'GRANT SELECT ON {schema}."the view" TO {role}'.encode())
        found = (
            owner.execute(
                f'SELECT n, changed, text FROM {schema}."the view" ORDER BY n'.encode()
            ).fetchall()
            if not play.fault
            else []
        )
        lines = [json.dumps([n, str(at), text]) for n, at, text in found]
        head = json.dumps(["n", "changed", "text"])
        parts = [lines[at : at + PAGE] for at in range(0, len(lines), PAGE)] or [[]]
        play.sent[:] = ["\n".join([head, *part]).encode() for part in parts]
        url = make_url(CLUSTER[0]).set(username=role, password=TOKEN)

        @asynccontextmanager
        async def open_session(_: Play, limits: Limits) -> AsyncIterator[SqlSession]:
            async with open_sql(SOURCE, url, limits, is_tls=False, schema=schema) as session:
                yield session

        try:
            yield open_session
        finally:
            owner.execute(f"DROP SCHEMA {schema} CASCADE".encode())
            owner.execute(f"DROP ROLE {role}".encode())


# Messages


@asynccontextmanager
async def mqtt_double(play: Play, folder: Path) -> AsyncIterator[Open]:
    del folder
    async with mqtt_broker(play, TOKEN, PAGE, FAULTY) as open_session:
        yield open_session


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
    _bare(),
    _rpc("calls by token", SearchToken(search="list.search", fetch="list.fetch", rows=PAGE)),
    _rpc("calls", StartAndNumber(method="list.get", rows=PAGE), is_move_seen=False),
    _sheet("a CSV file", _csv, is_path=True),
    _sheet("a CSV file in memory", _csv, is_path=False),
    _sheet("a workbook", _xlsx, is_path=True),
    Double(
        name="a folder",
        reader=DroppedFiles(parse=_lines_of, names="*.txt"),
        open=folder_double,
        text=lambda row: row["text"],
        faults=("spoiled", "first-missing", "first-crowded"),
        bytes_limit="response_bytes_max",
        is_move_seen=False,
    ),
    Double(
        name="a view of PostgreSQL",
        reader=SqlView(view="the view", key=("n",), changed_at="changed", rows=PAGE),
        open=sql_double,
        text=lambda row: row["text"],
        faults=("bytes", "broken", "silent", "hang-up", "denied"),
        bytes_limit="response_bytes_max",
        is_move_seen=False,
    ),
    Double(
        name="messages",
        reader=Messages(count=PAGE, quiet_s=0.05),
        open=mqtt_double,
        text=lambda row: row["text"],
        faults=(*MQTT_FAULTS, "first-denied"),
        bytes_limit="packet_bytes_max",
        is_move_seen=False,
    ),
)


def digest(raw: bytes) -> bytes:
    return sha256(raw).digest()
