"""`shanghai`: a city's platform: instruments with their prices and hours in them, and bookings.

The real platform's interface is not public; this one has the envelope of a university in Shanghai
and the fields of the national form (see `adapters.shanghai`, which this knows nothing of). Worth is
in 10,000 yuan, prices are in yuan, times carry an offset, access is by a bearer token.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.sandbox.anhui import equipment_values
from hub.sandbox.faults import STALE_DAYS, Switchboard
from hub.sandbox.wire import FrozenAnswer
from hub.sandbox.world import Booking, SandboxInstrument, SandboxOwner, World
from schema.codes import InstitutionKind
from schema.dates import SHANGHAI

WIRES = {
    name: FrozenAnswer("shanghai", name, "data", "rows")
    for name in ("units", "instruments", "bookings")
}
OF_INSTRUMENT = ("unitId", "innerId")
"""By what lists of instruments and of bookings are narrowed to one instrument."""
LISTS_KEPT = 6
PAGE_ROWS_MAX = 500
CITY = "31"
STATUS_WORDS = {"1": "正常", "2": "待机", "4": "偶有故障", "6": "待修"}
KINDS = {"预约": "BOOKING", "维护": "MAINTENANCE"}
STATES = {"FIRM": "CONFIRMED", "TENTATIVE": "PENDING", "CANCELLED": "CANCELLED"}

Row = dict[str, Any]


@dataclass(frozen=True)
class City:
    """The application, its faults, and the token that callers need."""

    app: Starlette
    switchboard: Switchboard
    token: str


@dataclass(frozen=True)
class CityOptions:
    """How the platform pages."""

    page_rows_max: int = PAGE_ROWS_MAX
    """Rows that it gives at once, however many are asked for."""


def unit_row(owner: SandboxOwner) -> Row:
    """Write a unit."""
    return WIRES["units"].row(
        {
            "unitId": _unit_id(owner),
            "name": owner.name_zh,
            "nameEn": owner.name_en,
            "kind": InstitutionKind[owner.kind].zh,
            "uscc": owner.uscc or "无",
            "schoolCode": owner.school_code or "无",
            "ror": owner.ror,
            "adcode": owner.division,
            "department": owner.department or "无",
            "website": "",
        }
    )


def _unit_id(owner: SandboxOwner) -> str:
    return f"U{owner.ins_code[:6].upper()}"


def instrument_row(one: SandboxInstrument) -> Row:
    """Write an instrument: the form's fields, its prices, its hours."""
    prices = [("H", "机时测试", "企业", "元/小时", str(one.hour_price))]
    if one.sort.sample_price:
        prices.append(("S", "委托测样", "外部", "元/样品", one.sort.sample_price))
    return WIRES["instruments"].row(
        {
            **equipment_values(one),
            "unitId": _unit_id(one.owner),
            "runStatus": STATUS_WORDS[one.status],
            "shareMode": "外部共享",
            "calendar": one.has_calendar,
            "prices": [
                {
                    "id": number,
                    "name": name,
                    "audience": audience,
                    "unit": unit,
                    "price": price,
                    "minimum": None,
                    "validFrom": f"{one.booked_on.year + 1}-01-01",
                    "validUntil": None,
                }
                for number, name, audience, unit, price in prices
            ],
            "openHours": [
                {"weekday": day, "begin": period[:5], "end": period[6:]}
                for day, periods in one.week
                for period in periods.split(",")
            ],
        }
    )


def booking_row(booking: Booking) -> Row:
    """Write a booking; whoever booked is an office."""
    return WIRES["bookings"].row(
        {
            "unitId": _unit_id(booking.instrument.owner),
            "innerId": booking.instrument.number,
            "bookingId": booking.id,
            "kind": KINDS[booking.kind],
            "begin": booking.start.replace(tzinfo=SHANGHAI).isoformat(),
            "end": booking.end.replace(tzinfo=SHANGHAI).isoformat(),
            "state": STATES[booking.state],
            "applicant": "课题组",
            "applicantPhone": "",
        }
    )


def spoil(row: Row) -> Row:
    """Return a row with defects that real rows have."""
    if "worth" in row:
        return {**row, "worth": "712 万", "prices": "面议", "nation": "不详"}
    if "bookingId" in row:
        return {**row, "begin": row["end"], "end": row["begin"]}
    return {**row, "adcode": "319999"}


class _Api:
    """The lists of the platform on a day."""

    def __init__(
        self,
        world: Callable[[date], World],
        today: Callable[[], date],
        token: str,
        options: CityOptions,
    ) -> None:
        self.switchboard = Switchboard(renames={"cname": "name"}, amounts={"worth"})
        self._today = today
        self._world = world
        self._token = token
        self._options = options
        self._rows = lru_cache(maxsize=LISTS_KEPT)(self._all_rows)

    def _all_rows(self, name: str, day: date) -> list[Row]:
        world = self._world(day)
        if name == "units":
            return [unit_row(each) for each in world.owners if each.division.startswith(CITY)]
        stock = [one for one in world.platform if one.owner.division.startswith(CITY)]
        if name == "instruments":
            return [instrument_row(one) for one in stock]
        return [booking_row(each) for one in stock for each in world.bookings(one)]

    async def listing(self, request: Request) -> Response:
        """Answer one page of one list."""
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        given = request.headers.get("authorization", "")
        if not compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return JSONResponse({"code": 401, "msg": "令牌无效"}, status_code=401)
        name, query = request.path_params["name"], request.query_params
        if name not in WIRES:
            return JSONResponse({"code": 404, "msg": "not found"}, status_code=404)
        page, size = query.get("pageNum", "1"), query.get("pageSize", "20")
        if not (page.isdigit() and size.isdigit() and int(page) and int(size)):
            return JSONResponse({"code": 400, "msg": "pageNum, pageSize"}, status_code=400)
        day = self._today() - timedelta(days=STALE_DAYS if self.switchboard.faults.stale else 0)
        rows = self._rows(name, day)
        own = {each: query[each] for each in OF_INSTRUMENT if each in query and name != "units"}
        rows = [row for row in rows if row.items() >= own.items()]
        if name == "bookings":
            since, until = query.get("from", ""), query.get("to", "9999")
            rows = [row for row in rows if _utc(row["end"]) > since and _utc(row["begin"]) < until]
        shown, total = self.switchboard.published(rows, spoil)
        length = min(int(size), self._options.page_rows_max)
        part = self.switchboard.page(shown, (int(page) - 1) * length, length)
        data = {"totalNum": total, "pageSize": length}
        return JSONResponse(WIRES[name].answer(part, {"data": data}))


@lru_cache(maxsize=20_000)
def _utc(text: str) -> str:
    """Return a moment of a row as questions write it: in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def city(today: Callable[[], date], scale: float = 1.0, options: CityOptions | None = None) -> City:
    """Make the application; its token is new each time."""
    token = secrets.token_urlsafe(24)
    api = _Api(lambda day: World(day, scale), today, token, options or CityOptions())
    app = Starlette(
        routes=[
            Route("/gateway/v2/{name}", api.listing),
            Route("/_faults", api.switchboard.endpoint, methods=["GET", "POST"]),
        ]
    )
    return City(app, api.switchboard, token)
