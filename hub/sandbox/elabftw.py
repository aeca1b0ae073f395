"""`elabftw`: a stand-in for an eLabFTW, in the shapes of its REST interface, version 2.

Lists are bare arrays: `items` with `limit` (15 unless told), `offset` and `state`, `events` with
`start` and `end`, whose times have no zone. The key of a user stands in `Authorization` as it is;
without one the answer is 401 with `{code, message, description}`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.http.credentials import StaticToken
from hub.sandbox.faults import STALE_DAYS, Switchboard
from hub.sandbox.wire import FrozenAnswer
from hub.sandbox.world import Booking, SandboxInstrument, World
from schema.dates import SHANGHAI

ITEMS_MAX = 1_000
ITEMS_DEFAULT = "15"
LISTS_KEPT = 6
ITEMS, EVENTS = FrozenAnswer("elabftw", "items"), FrozenAnswer("elabftw", "events")
CATEGORY = "仪器"
STATUS = {"1": "可用", "2": "可用", "4": "可用", "6": "维护中"}
"""Words of the team, by the state of the instrument in the world."""
YUAN = 2
NORMAL, DELETED = 1, 3
OFFICE = {"fullname": "公共平台", "firstname": "", "lastname": "", "orcid": ""}
"""Whose a resource is: no person's."""
FORM = "%Y-%m-%d %H:%M:%S"
FACTS = {
    "instance": "elab",
    "categories": [CATEGORY],
    "statuses": {"可用": "IN_SERVICE", "维护中": "AWAITING_REPAIR"},
    "time_zone": "Asia/Shanghai",
    "fields": {"localNo": "资产编号", "model": "型号", "manufacturer": "厂家"},
    "booking_url": "https://elab.example.edu.cn/scheduler.php",
}
"""What a deployment has to know of this installation."""


@dataclass(frozen=True)
class ElabFtw:
    """The application, its faults, and what lets in."""

    app: Starlette
    switchboard: Switchboard
    key: str

    @property
    def auth(self) -> httpx.Auth:
        """What a caller sends with each question."""
        return StaticToken(self.key)


def item_row(position: int, one: SandboxInstrument) -> dict[str, Any]:
    """Write an instrument as a resource that can be booked."""
    values = {"资产编号": one.number, "型号": one.sort.model, "厂家": one.sort.maker}
    fields = {name: {"type": "text", "value": value} for name, value in values.items()}
    return ITEMS.row(
        {
            "id": position + 1,
            "title": one.sort.name_zh,
            "date": one.booked_on.isoformat(),
            "elabid": f"{one.booked_on:%Y%m%d}-{position:010x}",
            "body": "",
            "body_html": "",
            "category_title": CATEGORY,
            "status_title": STATUS[one.status],
            "tags": "",
            "tags_id": "",
            "metadata": json.dumps({"extra_fields": fields}, ensure_ascii=False),
            "created_at": f"{one.booked_on} 09:00:00",
            "modified_at": f"{one.booked_on} 09:00:00",
            **OFFICE,
            "state": NORMAL,
            "book_max_minutes": 0,
            "book_cancel_minutes": 0,
            "booking_window_days": 0,
            "booking_hourly_rate_notax": f"{one.hour_price}.00",
            "booking_hourly_rate_tax": f"{one.hour_price}.00",
            "booking_hourly_rate_currency": YUAN,
            "sharelink": f"https://elab.example.edu.cn/database.php?mode=view&id={position + 1}",
        }
    )


def event_row(number: int, of_item: int, booking: Booking) -> dict[str, Any]:
    """Write a booking; one that was cancelled is deleted."""
    minutes = int((booking.end - booking.start).total_seconds()) // 60
    return EVENTS.row(
        {
            "id": number,
            "team_name": "公共平台",
            "title": f"[{CATEGORY}] 预约",
            "title_only": "预约",
            "start": booking.start.strftime(FORM),
            "end": booking.end.strftime(FORM),
            "event_duration_minutes": minutes,
            "created_at": booking.start.strftime(FORM),
            "modified_at": booking.start.strftime(FORM),
            "fullname": "课题组",
            "items_id": of_item,
            "item_title": booking.instrument.sort.name_zh,
            "state": DELETED if booking.state == "CANCELLED" else NORMAL,
        }
    )


def spoil(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with defects that real rows have."""
    if "title_only" in row:
        return {**row, "start": row["end"], "end": row["start"]}
    return {**row, "status_title": "借走了", "metadata": "{"}


class _Notebook:
    """The lists of the notebook on a day."""

    def __init__(self, today: Callable[[], date], scale: float, key: str) -> None:
        self.switchboard = Switchboard(
            renames={"title": "name"}, amounts={"booking_hourly_rate_notax"}
        )
        self._today = today
        self._scale = scale
        self._key = key
        self._rows = lru_cache(maxsize=LISTS_KEPT)(self._all_rows)

    def _all_rows(self, name: str, day: date) -> list[dict[str, Any]]:
        world = World(day, self._scale)
        owned = list(enumerate(world.university))
        if name == "items":
            return [item_row(position, one) for position, one in owned]
        booked = [(at + 1, each) for at, one in owned for each in world.bookings(one)]
        return [event_row(number, item, each) for number, (item, each) in enumerate(booked, 1)]

    async def items(self, request: Request) -> Response:
        """Answer some of the resources."""
        query = request.query_params
        limit, offset = query.get("limit", ITEMS_DEFAULT), query.get("offset", "0")
        if not (limit.isdigit() and offset.isdigit()):
            return _error(400, "limit, offset")
        refused = await self._refusal(request)
        if refused is not None:
            return refused
        rows, _ = self.switchboard.published(self._rows("items", self._day()), spoil)
        part = self.switchboard.page(rows, int(offset), min(int(limit), ITEMS_MAX))
        return JSONResponse(ITEMS.answer(part))

    async def events(self, request: Request) -> Response:
        """Answer the bookings that lie within two moments."""
        refused = await self._refusal(request)
        if refused is not None:
            return refused
        try:
            since = _local(request.query_params.get("start", "2018-12-23T00:00:00+01:00"))
            until = _local(request.query_params.get("end", "2119-12-23T00:00:00+01:00"))
        except ValueError:
            return _error(400, "start, end")
        found = [
            row
            for row in self._rows("events", self._day())
            if row["start"] > since and row["end"] <= until
        ]
        rows, _ = self.switchboard.published(found, spoil)
        return JSONResponse(EVENTS.answer(rows))

    async def _refusal(self, request: Request) -> Response | None:
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        given = request.headers.get("authorization", "")
        known = compare_digest(given.encode(), self._key.encode())
        return None if known else _error(401, "Authentication required")

    def _day(self) -> date:
        stale = STALE_DAYS if self.switchboard.faults.stale else 0
        return self._today() - timedelta(days=stale)


def _local(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(SHANGHAI).strftime(FORM)


def _error(code: int, description: str) -> Response:
    content = {"code": code, "message": "Error", "description": description}
    return JSONResponse(content, status_code=code)


def elabftw(today: Callable[[], date], scale: float = 1.0) -> ElabFtw:
    """Make the application; its key is new each time."""
    key = f"3-{secrets.token_hex(42)}"
    notebook = _Notebook(today, scale, key)
    app = Starlette(
        routes=[
            Route("/api/v2/items", notebook.items),
            Route("/api/v2/events", notebook.events),
            Route("/_faults", notebook.switchboard.endpoint, methods=["GET", "POST"]),
        ]
    )
    return ElabFtw(app, notebook.switchboard, key)
