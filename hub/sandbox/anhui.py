"""`anhui`: a province platform with instruments of many institutions, in the national form (NRII).

The real platform's interface is not public (see `adapters.anhui`). Beside the units of Anhui this
one carries units of the three other provinces, as platforms of the delta mirror each other's
stock. Worth is in 10,000 yuan, prices are in yuan, access is by a key in `X-Api-Key`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.sandbox.faults import STALE_DAYS, Switchboard
from hub.sandbox.wire import FrozenAnswer
from hub.sandbox.world import Booking, SandboxInstrument, SandboxOwner, World
from schema.codes import InstitutionKind
from schema.codes.tables import division

LISTS_KEPT = 12
"""Lists in the cache: six of two days."""
PAGE_ROWS_MAX = 1000
WIRES = {
    name: FrozenAnswer("anhui", name, "result", "list")
    for name in ("units", "equipment", "offers", "hours", "occupancy", "coverage")
}
OF_INSTRUMENT = ("insCode", "innerId")
"""By what every list but that of units is narrowed to one instrument."""
CONFIRMED = {"FIRM": "1", "TENTATIVE": "0", "CANCELLED": "-1"}
CITY_DIGITS = 4

Row = dict[str, Any]


@dataclass(frozen=True)
class Platform:
    """The application, its faults, and the key that callers need."""

    app: Starlette
    switchboard: Switchboard
    api_key: str


def unit_row(owner: SandboxOwner) -> Row:
    """Write a unit."""
    return WIRES["units"].row(
        {
            "insCode": owner.ins_code,
            "insName": owner.name_zh,
            "insEnName": owner.name_en,
            "insType": InstitutionKind[owner.kind].zh,
            "uscc": owner.uscc,
            "schoolCode": owner.school_code,
            "ror": owner.ror,
            "adcode": owner.division,
            "department": owner.department or "无",
            "website": "无",
        }
    )


def _division_name(code: str) -> str:
    place = division(code)
    return place.name if place else ""


def equipment_values(one: SandboxInstrument) -> Row:
    """Return the equipment form (type 4) of an instrument, with two members of platforms."""
    sort, owner = one.sort, one.owner
    return {
        "insCode": owner.ins_code,
        "innerId": one.number,
        "cname": sort.name_zh,
        "ename": sort.name_en,
        "instrBelongsType": "无",
        "instrBelongsName": "",
        "instrCategory": sort.code,
        "province": _division_name(f"{owner.division[:2]}0000"),
        "city": _division_name(f"{owner.division[:CITY_DIGITS]}00"),
        "county": _division_name(owner.division),
        "street": f"{owner.name_zh} {one.place}",
        "worth": f"{one.worth:.2f}",
        "instrSource": "购置",
        "type": sort.use,
        "subject": sort.subjects,
        "nation": sort.country,
        "instrVersion": sort.model,
        "manufacturer": sort.maker,
        "beginDate": one.booked_on.isoformat(),
        "technical": sort.specification,
        "function": sort.function,
        "requirement": "提前三个工作日预约",
        "fee": f"校外 {one.hour_price} 元/机时",
        "serviceContent": f"{sort.name_zh}测试服务",
        "serviceUrl": _url(one),
        "instrSupervise": "是" if one.supervised else "否",
        "runMachine": float(one.hours_year),
        "serviceMachine": float(one.hours_shared),
        "funds": one.funds,
        "insideDepart": "分析测试中心",
        "contact": "仪器共享服务台",
        "phone": "",
        "email": "service@share-ah.example",
        "address": owner.name_zh,
        "postalcode": "230000",
        "image": "",
        "auditStatus": "-1",
        "achievement": "无",
        "runStatus": one.status,
        "shareMode": "2",
    }


def equipment_row(one: SandboxInstrument) -> Row:
    """Write an instrument."""
    return WIRES["equipment"].row(equipment_values(one))


def _url(one: SandboxInstrument) -> str:
    return f"https://share-ah.example/i/{one.owner.ins_code[:8]}/{one.number}"


def _instrument_key(one: SandboxInstrument) -> Row:
    return {"insCode": one.owner.ins_code, "innerId": one.number}


def offer_rows(one: SandboxInstrument) -> list[Row]:
    """Write the prices: an hour for enterprises and for other units, a sample where it is usual."""
    academic = one.hour_price * 8 // 10
    offers = [("E1", "机时测试（企业）", "3", "小时", str(one.hour_price), str(one.hour_price))]
    offers.append(("O1", "机时测试（科研）", "2", "小时", str(academic), ""))
    if one.sort.sample_price:
        offers.append(("S1", "委托测样", "3", "样品", one.sort.sample_price, ""))
    return [
        WIRES["offers"].row(
            {
                **_instrument_key(one),
                "itemCode": code,
                "itemName": name,
                "audience": audience,
                "unit": unit,
                "price": price,
                "minCharge": least,
                "beginDate": f"{one.booked_on.year + 1}-01-01",
                "endDate": "",
                "serviceUrl": _url(one),
            }
        )
        for code, name, audience, unit, price, least in offers
    ]


def week_row(one: SandboxInstrument) -> Row:
    """Write the week of an instrument in one text."""
    parts = [f"{day} {period}" for day, periods in one.week for period in periods.split(",")]
    return WIRES["hours"].row({**_instrument_key(one), "week": ";".join(parts)})


def occupancy_row(booking: Booking) -> Row:
    """Write a booking or another occupied time."""
    form = "%Y-%m-%d %H:%M:%S"
    return WIRES["occupancy"].row(
        {
            **_instrument_key(booking.instrument),
            "bookId": booking.id,
            "kind": booking.kind,
            "startTime": booking.start.strftime(form),
            "endTime": booking.end.strftime(form),
            "confirmed": CONFIRMED[booking.state],
        }
    )


def spoil(row: Row) -> Row:
    """Return a row with defects that real rows have: text for a number, unknown codes."""
    spoiled = dict(row)
    if "worth" in row:
        spoiled |= {"instrCategory": "019898", "nation": "不详", "worth": "约三百万元"}
    elif "price" in row:
        spoiled["price"] = "-"
    elif "startTime" in row:
        spoiled |= {"startTime": row["endTime"], "endTime": row["startTime"]}
    elif "week" in row:
        spoiled["week"] = "每天"
    elif "adcode" in row:
        spoiled["adcode"] = "349999"
    return spoiled


class _Api:
    """The lists of the platform on a day."""

    def __init__(self, today: Callable[[], date], scale: float, api_key: str) -> None:
        self.switchboard = Switchboard(renames={"cname": "name"}, amounts={"worth"})
        self._today = today
        self._scale = scale
        self._key = api_key
        self._rows = lru_cache(maxsize=LISTS_KEPT)(self._all_rows)

    def _all_rows(self, name: str, day: date) -> list[Row]:
        world = World(day, self._scale)
        if name == "units":
            return [unit_row(owner) for owner in world.owners]
        stock = world.platform
        if name == "equipment":
            return [equipment_row(one) for one in stock]
        if name == "offers":
            return [row for one in stock for row in offer_rows(one)]
        if name == "hours":
            return [week_row(one) for one in stock]
        if name == "occupancy":
            return [occupancy_row(each) for one in stock for each in world.bookings(one)]
        return [_instrument_key(one) for one in stock if one.has_calendar]

    async def listing(self, request: Request) -> Response:
        """Answer one page of one list."""
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        if not compare_digest(request.headers.get("x-api-key", "").encode(), self._key.encode()):
            return JSONResponse({"code": "4010", "message": "无效的密钥"}, status_code=401)
        name = request.path_params["name"]
        query = request.query_params
        offset, limit = query.get("offset", "0"), query.get("limit", "100")
        if name not in WIRES:
            return JSONResponse({"code": "4040", "message": "没有该列表"}, status_code=404)
        if not (offset.isdigit() and limit.isdigit() and int(limit)):
            return JSONResponse({"code": "4000", "message": "offset, limit"}, status_code=400)
        day = self._today() - timedelta(days=STALE_DAYS if self.switchboard.faults.stale else 0)
        rows = self._rows(name, day)
        own = {each: query[each] for each in OF_INSTRUMENT if each in query and name != "units"}
        rows = [row for row in rows if row.items() >= own.items()]
        since, until = query.get("from", ""), query.get("to", "9999")
        if name == "occupancy":
            rows = [row for row in rows if row["endTime"] > since and row["startTime"] < until]
        elif name == "coverage":
            covered = {"fromTime": since, "toTime": until}
            rows = [WIRES[name].row({**row, **covered}) for row in rows]
        shown, total = self.switchboard.published(rows, spoil)
        start, length = int(offset), min(int(limit), PAGE_ROWS_MAX)
        part = self.switchboard.page(shown, start, length)
        return JSONResponse(WIRES[name].answer(part, {"result": {"total": total}}))


def platform(today: Callable[[], date], scale: float = 1.0) -> Platform:
    """Make the application; its key is new each time."""
    api_key = secrets.token_urlsafe(24)
    api = _Api(today, scale, api_key)
    app = Starlette(
        routes=[
            Route("/openapi/v1/{name}", api.listing),
            Route("/_faults", api.switchboard.endpoint, methods=["GET", "POST"]),
        ]
    )
    return Platform(app, api.switchboard, api_key)
