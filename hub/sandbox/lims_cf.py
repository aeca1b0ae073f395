"""`lims_cf`: a stand-in for a university's LIMS-CF (Genee 基理) and its JSON-RPC.

Members, filters and errors are those of the published code of one installation (unpc/srms,
2024-10): a search keeps its question under a token and counts; a fetch asks anew, by start and
number; bookings and use are asked for by their end and counted by nobody. Errors have status 200.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.sandbox.faults import NAMES, STALE_DAYS, Switchboard
from hub.sandbox.wire import FrozenAnswer
from hub.sandbox.world import Booking, SandboxInstrument, World
from schema.dates import SHANGHAI

CALL_BYTES_MAX = 65_536
TOKENS_MAX = 64
ROWS_MAX = 1_000
LISTS_KEPT = 6
EXPIRED, UNKNOWN_METHOD = 500, -32601
STATUS = {"1": 0, "2": 0, "4": 0, "6": 1}
"""Their state by the state of the instrument in the world: 正常, 暂时故障."""
RESERVATION, NOT_GIVEN = 0, 3
OPEN_EVERY = 40
"""Of so many instruments one is in use at the moment."""
SEARCH = FrozenAnswer("lims_cf", "search")
EQUIPMENTS, RESERVATIONS, RECORDS = (
    FrozenAnswer("lims_cf", name, "result") for name in ("equipments", "reservs", "records")
)
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class LimsCf:
    """The application and its faults; it lets in whoever asks, as the real one does."""

    app: Starlette
    switchboard: Switchboard


class _CallError(Exception):
    """What the system says no to."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _unix(moment: datetime) -> int:
    return int(moment.replace(tzinfo=SHANGHAI).timestamp())


EMPTY = dict.fromkeys(
    (
        "name_abbr",
        "cat_no",
        "current_user",
        "specification",
        "configs",
        "open_reserv",
        "control_address",
        "access_code",
        "tags",
        "bluetooth_serial_address",
        "charge_rule",
        "requirement",
        "service_content",
        "achievement",
    ),
    "",
)
"""Members of an instrument that most installations leave empty."""


def equipment_row(position: int, one: SandboxInstrument) -> dict[str, Any]:
    """Write an instrument as `getEquipments` does."""
    number, sort = position + 1, one.sort
    base = f"https://lims.example.edu.cn/!equipments/equipment/index.{number}"
    booked = _unix(datetime.combine(one.booked_on, datetime.min.time()))
    icons = {f"icon{size}_url": "" for size in ("", 16, 32, 48, 64, 128, "real")}
    office = {"31": "大型仪器平台值班室"}
    return EQUIPMENTS.row(
        {
            "id": number,
            **EMPTY,
            **icons,
            "url": base,
            "name": sort.name_zh,
            "phone": "025-00000000",
            "contact": "大型仪器平台值班室",
            "email": "instruments@lims.example",
            "location": one.place,
            "accept_sample": 1,
            "accept_reserv": 1,
            "reserv_url": f"{base}.reserv",
            "sample_url": f"{base}.sample",
            "price": f"{one.worth * 10_000:.2f}",
            "status": STATUS[one.status],
            "ref_no": one.number,
            "model_no": sort.model,
            "control_mode": "computer",
            "is_using": int(position % OPEN_EVERY == 0),
            "connect": 1,
            "is_monitoring": 1,
            "is_monitoring_mtime": booked,
            "accept_limit_time": 0,
            "organization": one.owner.name_zh,
            "tech_specs": sort.specification,
            "features": sort.function,
            "charge_info": f"{one.hour_price} 元/小时",
            "manu_at": sort.country,
            "manufacturer": sort.maker,
            "manu_date": 0,
            "purchased_date": booked,
            "require_training": 1,
            "ctime": booked,
            "atime": booked,
            "mtime": booked,
            "group": {"8": "分析测试中心"},
            "group_id": 8,
            "group_name": "分析测试中心",
            "tag_root_id": 2,
            "billing_dept_id": 0,
            "incharges": "大型仪器平台值班室",
            "incharges_info": office,
            "contacts_info": office,
            "tagsInfo": [],
            "en_name": sort.name_en,
            "yiqikong_share": 1,
        }
    )


def _use(number: int, equipment: int, start: int, end: int, *, samples: int) -> dict[str, Any]:
    span = _span_row(number, equipment, start, end)
    return RECORDS.row({**span, "amount": "0.00", "samples": samples})


def _span_row(number: int, equipment: int, start: int, end: int) -> dict[str, Any]:
    return {
        "id": number,
        "user": {"77": "课题组"},
        "lab": {"5": "课题组"},
        "equipmentId": equipment,
        "dtstart": start,
        "dtend": end,
        "amount": None,
    }


def spoil(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with defects that real rows have: no number, an end before its start."""
    if "ref_no" in row:
        return {**row, "ref_no": "", "manu_at": "不详"}
    return {**row, "dtstart": row["dtend"], "dtend": row["dtstart"]}


class _Api:
    """The calls of the system on a day."""

    def __init__(self, today: Callable[[], date], scale: float) -> None:
        self.switchboard = Switchboard(known=NAMES, renames={"ref_no": "no"}, amounts={"price"})
        self._today = today
        self._scale = scale
        self._tokens: dict[str, int] = {}
        self._equipment = lru_cache(maxsize=LISTS_KEPT)(self._all_equipment)
        self._reservations = lru_cache(maxsize=LISTS_KEPT)(self._all_reservations)

    def _all_equipment(self, day: date) -> Rows:
        instruments = World(day, self._scale).university
        return [equipment_row(position, one) for position, one in enumerate(instruments)]

    def _all_reservations(self, day: date) -> Rows:
        world = World(day, self._scale)
        rows: Rows = []
        for position, one in enumerate(world.university):
            for each in world.bookings(one):
                if each.state != "CANCELLED":
                    rows.append(self._reservation(len(rows) + 1, position + 1, each))
        return rows

    def _reservation(self, number: int, equipment: int, booking: Booking) -> dict[str, Any]:
        kind = RESERVATION if booking.kind == "预约" else NOT_GIVEN
        row = _span_row(number, equipment, _unix(booking.start), _unix(booking.end))
        return RESERVATIONS.row({**row, "type": kind})

    def _records(self, day: date) -> Rows:
        """Return what was used: what was booked before today, and some uses that go on."""
        midnight = _unix(datetime.combine(day, datetime.min.time()))
        rows = [
            _use(row["id"], row["equipmentId"], row["dtstart"], row["dtend"], samples=2)
            for row in self._reservations(day)
            if row["dtend"] <= midnight and row["type"] == RESERVATION
        ]
        first = len(self._reservations(day)) + 1
        going_on = [row["id"] for row in self._equipment(day) if row["is_using"]]
        rows += [
            _use(first + at, number, midnight, 0, samples=0) for at, number in enumerate(going_on)
        ]
        return rows

    async def call(self, request: Request) -> Response:
        """Answer one call."""
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        try:
            call = json.loads((await request.body())[:CALL_BYTES_MAX])
            method, parameters = call["method"], call["params"]
        except (ValueError, KeyError, TypeError):
            error = {"code": -32600, "message": "Invalid Request"}
            return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error})
        number = call.get("id")
        try:
            return JSONResponse(self._answer(number, method, parameters))
        except _CallError as error:
            told = {"code": error.code, "message": str(error)}
            return JSONResponse({"jsonrpc": "2.0", "id": number, "error": told})

    def _answer(self, number: int, method: str, parameters: Sequence[Any]) -> Any:
        day = self._today() - timedelta(days=STALE_DAYS if self.switchboard.faults.stale else 0)
        if method == "equipment/searchEquipments":
            _, total = self.switchboard.published(self._equipment(day), spoil)
            token = secrets.token_hex(7)
            self._tokens = dict([*self._tokens.items()][1 - TOKENS_MAX :]) | {token: 0}
            return SEARCH.row({"id": number, "result": {"token": token, "total": total}})
        if method == "equipment/getEquipments":
            return EQUIPMENTS.answer(self._fetched(day, parameters), {"id": number})
        if method == "reserv/get_reservs":
            found = self._asked(self._reservations(day), parameters[0])
            return RESERVATIONS.answer(found, {"id": number})
        if method == "record/get_records":
            found = self._asked(self._records(day), parameters[0])
            return RECORDS.answer(found, {"id": number})
        raise _CallError(UNKNOWN_METHOD, "Method not found")

    def _fetched(self, day: date, parameters: Sequence[Any]) -> Rows:
        token, start, number = parameters
        fetched = self._tokens.get(token)
        if fetched is None or (fetched and self.switchboard.faults.expired):
            raise _CallError(EXPIRED, "Internal Error")
        self._tokens[token] = fetched + 1
        rows, _ = self.switchboard.published(self._equipment(day), spoil)
        return self.switchboard.page(rows, int(start), min(int(number), ROWS_MAX))

    def _asked(self, rows: Rows, asked: Mapping[str, Any]) -> Rows:
        """Return what ends between two moments, and what has no end yet."""
        since, until = int(asked["dtstart"]), int(asked["dtend"])
        start, number = asked.get("limit") or (0, 100)
        now = _unix(datetime.combine(self._today(), datetime.min.time()))
        found = [
            row
            for row in rows
            if since <= row["dtend"] <= until or (row["dtend"] == 0 and until > now)
        ]
        shown, _ = self.switchboard.published(found, spoil)
        return self.switchboard.page(shown, int(start), min(int(number), ROWS_MAX))


def lims_cf(today: Callable[[], date], scale: float = 1.0) -> LimsCf:
    """Make the application."""
    api = _Api(today, scale)
    app = Starlette(
        routes=[
            Route("/api", api.call, methods=["POST"]),
            Route("/_faults", api.switchboard.endpoint, methods=["GET", "POST"]),
        ]
    )
    return LimsCf(app, api.switchboard)
