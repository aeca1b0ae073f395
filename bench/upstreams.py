"""`upstreams`: systems that answer live, as REST for the hub and as subgraphs for gateways.

    python -m bench.upstreams 4 2000       four systems of 2,000 instruments each

One process, one port for each system, which is known by its letter. Each speaks the interface of `adapters.ecnu` (lists
of instruments, hours and bookings) and, at `/graphql`, a subgraph whose one field gives an instrument with its bookings.
Both say the same. An answer is made once and kept by the bytes of its request, so that what an upstream costs is next to
nothing in either language. `POST /fault` with `{"dead": true}` or `{"slow_s": 2}` spoils what follows, `{}` mends it;
`GET /asked` says how many questions were asked. Prints the addresses as JSON when it listens.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
import uvloop
from graphql import FieldNode, OperationDefinitionNode, SelectionSetNode, VariableNode, parse

from hub.clock import system_clock
from schema.dates import SHANGHAI

UNIVERSITY = "moe:10269"
"""The one institution of which the interface speaks."""
LETTERS = "abcd"
BOOKINGS = 4
SUBGRAPH = """extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@shareable"])
type Query { device_%s(key: String!): Device }
type Device @shareable { key: String! bookings: Bookings! }
type Bookings @shareable { nodes: [Booking!]! }
type Booking @shareable { localId: String! startAt: String! endAt: String! }
"""
_WORDS = {
    "dw": "平台", "fwdw": "平台", "fwdwbh": "GC01", "ly": "购置", "hgjg": "否", "ywmc": "TEM", "qyrq": "2020-01-02",
    "yqlb": "通用", "gg": "JEM", "jzsb": "无", "zygn": "无", "zyxk": "", "fwnr": "无", "fwcg": "无", "yxzt": "正常",
    "kfgd": "无", "sfbz": "无", "yydz": "无", "azdd": "无", "lxr": "某人", "dh": "0", "email": "x@example.com",
    "txdz": "无", "yzbm": "0", "gzms": "外部共享", "fldm": "010101",
}  # fmt: skip


def number_of(letter: str, place: int) -> str:
    """Return the number of an instrument of a system."""
    return f"{letter}{place:05}"


def key_of(letter: str, place: int) -> str:
    """Return its key."""
    return f"{UNIVERSITY}/{number_of(letter, place)}"


class Upstream:
    """One system."""

    def __init__(self, letter: str, count: int, today: datetime) -> None:
        self._letter, self._count, self._today = letter, count, today
        self._made: dict[bytes, bytes] = {}
        self._fault: dict[str, Any] = {}
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request over ASGI."""
        body = await _body(receive)
        path = scope["path"]
        if path == "/fault":
            self._fault = json.loads(body)
            await _send(send, b"{}")
        elif path == "/asked":
            await _send(send, str(self.asked).encode())
        else:
            self.asked += 1
            if self._fault.get("dead"):
                await asyncio.Event().wait()
            if "slow_s" in self._fault:
                await asyncio.sleep(self._fault["slow_s"])
            request = (
                body if path == "/graphql" else scope["raw_path"] + b"?" + scope["query_string"]
            )
            answer = self._made.get(request)
            if answer is None:
                make = self._graphql if path == "/graphql" else self._list
                answer = self._made[request] = json.dumps(
                    make(request), ensure_ascii=False
                ).encode()
            await _send(send, answer)

    # -- REST ----------------------------------------------------------------------------------

    def _list(self, request: bytes) -> dict[str, Any]:
        path, _, query = request.decode().partition("?")
        asked = dict(parse_qsl(query))
        make = {"dxyq": self._instrument, "kfsj": self._hours, "yyjl": self._bookings}
        rows_of = make.get(path.rpartition("/")[2], lambda _: [])
        numbers = [number_of(self._letter, place) for place in range(self._count)]
        only = asked.get("yqbh")
        rows = [row for each in numbers if only in (None, each) for row in rows_of(each)]
        size = int(asked["pageSize"])
        start = (int(asked["pageNum"]) - 1) * size
        return {"code": 0, "data": {"totalNum": len(rows), "rows": rows[start : start + size]}}

    def _instrument(self, number: str) -> list[dict[str, Any]]:
        return [{**_WORDS, "bh": number, "mc": f"透射电镜{number}"}]

    def _hours(self, number: str) -> list[dict[str, Any]]:
        return [{"yqbh": number, "xq": str(day), "sd": "08:00-20:00"} for day in range(1, 8)]

    def _spans(self, number: str) -> list[tuple[str, datetime, datetime]]:
        """Return the bookings of an instrument, one each day from tomorrow."""
        days = [self._today + timedelta(days=n) for n in range(1, BOOKINGS + 1)]
        hour = 8 + int(number[-1])
        return [
            (f"{number}-{n}", day + timedelta(hours=hour), day + timedelta(hours=hour + 2))
            for n, day in enumerate(days)
        ]

    def _bookings(self, number: str) -> list[dict[str, Any]]:
        return [
            {
                "yqbh": number, "yybh": name, "yylx": "预约", "zt": "已通过", "yyr": "课题组", "dh": "",
                "kssj": f"{start:%Y-%m-%d %H:%M:%S}", "jssj": f"{end:%Y-%m-%d %H:%M:%S}",
            }
            for name, start, end in self._spans(number)
        ]  # fmt: skip

    # -- GraphQL -------------------------------------------------------------------------------

    def _graphql(self, request: bytes) -> dict[str, Any]:
        asked = json.loads(request)
        (operation,) = parse(asked["query"]).definitions
        assert isinstance(operation, OperationDefinitionNode)
        values = asked.get("variables") or {}
        found: dict[str, Any] = {"__typename": "Query"}
        for node in operation.selection_set.selections:
            assert isinstance(node, FieldNode)
            for argument in node.arguments or ():
                given = argument.value
                is_variable = isinstance(given, VariableNode)
                key = values[given.name.value] if is_variable else given.value  # type: ignore[union-attr]
                found[node.name.value] = self._device(key)
        return {"data": _selected(operation.selection_set, found)}

    def _device(self, key: str) -> dict[str, Any]:
        number = key.partition("/")[2]
        nodes = [
            {"__typename": "Booking", "localId": name, "startAt": _utc(start), "endAt": _utc(end)}
            for name, start, end in self._spans(number)
        ]
        bookings = {"__typename": "Bookings", "nodes": nodes}
        return {"__typename": "Device", "key": key, "bookings": bookings}


def _selected(selection: SelectionSetNode | None, value: Any) -> Any:
    """Return what a selection asks of a value."""
    if isinstance(value, list):
        return [_selected(selection, each) for each in value]
    if selection is None or not isinstance(value, dict):
        return value
    nodes = [node for node in selection.selections if isinstance(node, FieldNode)]
    return {
        (node.alias or node.name).value: _selected(node.selection_set, value[node.name.value])
        for node in nodes
    }


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(send: Callable[[Any], Awaitable[None]], body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve(systems: int, count: int) -> None:
    """Serve until told to stop."""
    now = system_clock().astimezone(SHANGHAI)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    listeners, servers = {}, []
    for letter in LETTERS[:systems]:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners[letter] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            Upstream(letter, count, today), http="httptools", loop="none", lifespan="off", log_level="warning",
            access_log=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        servers.append(uvicorn.Server(config).serve(sockets=[listener]))
    print(json.dumps(listeners), flush=True)
    await asyncio.gather(*servers)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), int(sys.argv[2])))
