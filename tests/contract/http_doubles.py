"""Sources over HTTP for the contract of readers: REST, SOAP, GraphQL and JSON-RPC."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from connectors.change_feed import REMOVED, ChangeFeedList
from connectors.graphql import GraphqlList
from connectors.http.credentials import StaticToken
from connectors.http.session import HttpSession
from connectors.http.session import open_session as open_straight
from connectors.jsonrpc import RpcList, RpcPaging, SearchToken
from connectors.limits import Limits
from connectors.rest import (
    Cursor,
    PagedJson,
    PageNumber,
    TimeSlices,
    WholeList,
)
from connectors.soap import SoapList
from connectors.soap_envelope import SOAP_11
from connectors.start_pages import RestList
from connectors.wsdl import wsdl
from tests.contract.plays import (
    FAULTY,
    PAGE,
    SOURCE,
    TOKEN,
    USERINFO,
    Double,
    Open,
    Play,
)
from tests.loopback import loopback_server


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
            async with open_straight(SOURCE, url, limits, auth=StaticToken(TOKEN)) as session:
                yield session

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
CHANGE_FEED = ChangeFeedList(
    record_type="Row", changes_id="changes", items_id="items", receipts_id="receipts", rows=PAGE
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
            async with open_straight(SOURCE, url, limits, auth=StaticToken(TOKEN)) as session:
                yield session

        yield open_session


def bare_double() -> Double:
    return Double(
        name="bare lists",
        reader=RestList(path="list", rows=PAGE, fixed={"bare": "1"}),
        open=http_double,
        text=lambda row: row["text"],
        faults=(*HTTP_FAULTS, "same page"),
        bytes_limit="response_bytes_max",
        is_move_seen=False,
    )


def rpc_list_double(name: str, paging: RpcPaging, **more: Any) -> Double:
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


def rest_double(name: str, paging: Any, **more: Any) -> Double:
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


def write_changes(play: Play, _: str, asked: bytes) -> bytes:
    """Answer as the change feed of a hub does, of which everything was removed."""
    after = json.loads(asked)["variables"].get("after")
    page = _page(play, {"page_size": "", **({"cursor": after} if after else {})}, "")
    rows = [{"kind": REMOVED, "id": row["text"]} for row in page["results"]]
    told = {"endCursor": page["next_cursor"] or "end", "hasMore": page["more"], "retryAfterS": 0}
    return json.dumps({"data": {"changes": {"nodes": rows, "resync": [], **told}}}).encode()


def over_http_double(
    name: str, reader: Any, write: Write, *more_faults: str, **more: Any
) -> Double:
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
