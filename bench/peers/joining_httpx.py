"""`joining_httpx`: what one writes without a gateway: Strawberry, whose siblings run at once, and stock httpx.

One client for the life of the process, with connections kept, as httpx advises; no system waits for another. It asks the
systems' own REST interface, as the hub does, and gives the fields that gateways give.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from functools import cache
from typing import Any

import httpx
import strawberry
from strawberry.asgi import GraphQL

from schema.dates import SHANGHAI, format_instant

_PAGE = {"pageNum": "1", "pageSize": "200"}


@cache
def _client() -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    return httpx.AsyncClient(limits=limits, timeout=20.0, trust_env=False)


@strawberry.type
class Booking:
    local_id: str
    start_at: str
    end_at: str


@strawberry.type
class Bookings:
    nodes: list[Booking]


@strawberry.type
class Device:
    key: str
    bookings: Bookings


async def _device(letter: str, key: str) -> Device:
    addresses = json.loads(os.environ["BENCH_UPSTREAMS"])
    query = {**_PAGE, "yqbh": key.partition("/")[2]}
    answer = await _client().get(f"{addresses[letter]}/api/v1/device/yyjl", params=query)
    rows: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["rows"]
    nodes = [
        Booking(local_id=row["yybh"], start_at=_utc(row["kssj"]), end_at=_utc(row["jssj"]))
        for row in rows
    ]
    return Device(key=key, bookings=Bookings(nodes=nodes))


def _utc(text: str) -> str:
    return format_instant(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI))


@strawberry.type
class Query:
    @strawberry.field
    async def device(self, key: str) -> Device:
        """A device; the first letter of its number says which system has it. Siblings run at once."""
        return await _device(key.partition("/")[2][0], key)


def application(_: str) -> GraphQL[Any, Any]:
    """Return the ASGI application; it needs no database."""
    return GraphQL(strawberry.Schema(query=Query))
