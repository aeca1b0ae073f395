"""`ecnu`: a university that publishes its instruments like East China Normal University does.

OAuth 2.0 client credentials, `GET /api/v1/device/dxyq?pageNum=&pageSize=`, keys from the initials
of the Chinese words. The instrument list has the fields of the real one plus `fldm` (class code);
prices, opening hours and bookings are modelled in the same style, because theirs are not public.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qs, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.sandbox.faults import STALE_DAYS, Switchboard
from hub.sandbox.wire import FrozenAnswer
from hub.sandbox.world import Booking, SandboxInstrument, World

LISTS_KEPT = 12
"""Lists in the cache: six of two days."""
PAGE_ROWS_MAX = 500
WIRES = {
    name: FrozenAnswer("ecnu", name, "data", "rows") for name in ("dxyq", "sfbz", "kfsj", "yyjl")
}
TOKENS_MAX = 64
TOKEN_LIFE_S = 600
FORM_BYTES_MAX = 4096
STATUS_WORDS = {"1": "正常", "2": "待机", "4": "偶有故障", "6": "待修"}
STATE_WORDS = {"FIRM": "已通过", "TENTATIVE": "待审核", "CANCELLED": "已取消"}
INSIDE_SHARE = (1, 3)
"""Users of the university pay a third of the outside price."""

Row = dict[str, Any]


@dataclass(frozen=True)
class University:
    """The application, its faults, and the credentials that callers need."""

    app: Starlette
    switchboard: Switchboard
    client_id: str
    client_secret: str


def instrument_row(one: SandboxInstrument) -> Row:
    """Write an instrument as the list `dxyq` does."""
    sort = one.sort
    inside = one.hour_price * INSIDE_SHARE[0] // INSIDE_SHARE[1]
    return WIRES["dxyq"].row(
        {
            "mc": sort.name_zh,
            "ywmc": sort.name_en,
            "bh": one.number,
            "dw": "公共测试服务平台",
            "fwdw": "大型仪器公共平台",
            "fwdwbh": "GC01",
            "ly": "购置",
            "hgjg": "是" if one.supervised else "否",
            "qyrq": one.booked_on.isoformat(),
            "yqlb": sort.use,
            "gg": sort.model,
            "jzsb": sort.specification,
            "zygn": sort.function,
            "zyxk": sort.subjects,
            "fwnr": f"{sort.name_zh}测试服务",
            "fwcg": "无",
            "yxzt": STATUS_WORDS[one.status],
            "kfgd": "提前三个工作日预约",
            "sfbz": f"校内 {inside} 元/机时，校外 {one.hour_price} 元/机时",
            "yydz": f"https://instruments.ecnu.example/book/{one.number}",
            "azdd": f"闵行校区{one.place}",
            "lxr": "大型仪器平台值班室",
            "dh": "0*********0",
            "email": "instruments@ecnu.example",
            "txdz": "上海市东川路500号",
            "yzbm": "200241",
            "gzms": "外部共享",
            "fldm": sort.code,
        }
    )


def price_rows(one: SandboxInstrument) -> list[Row]:
    """Write the prices of an instrument: by the hour for three audiences, and by the sample."""
    inside = one.hour_price * INSIDE_SHARE[0] // INSIDE_SHARE[1]
    prices = (("校内", inside), ("校外", one.hour_price), ("企业", one.hour_price))
    rows: list[Row] = [
        WIRES["sfbz"].row(
            {
                "yqbh": one.number,
                "xmbh": f"H{position}",
                "xmmc": "机时测试",
                "fwdx": audience,
                "jjdw": "机时",
                "dj": f"{price:.2f}",
                "zdsf": price if audience == "企业" else None,
                "yydz": f"https://instruments.ecnu.example/book/{one.number}",
            }
        )
        for position, (audience, price) in enumerate(prices, start=1)
    ]
    if one.sort.sample_price:
        sample = {"xmbh": "S1", "xmmc": "委托测样", "fwdx": "企业", "jjdw": "样品", "zdsf": None}
        price_of_sample = {**rows[0], **sample, "dj": f"{one.sort.sample_price}.00"}
        rows.append(WIRES["sfbz"].row(price_of_sample))
    return rows


def hour_rows(one: SandboxInstrument) -> list[Row]:
    """Write the opening hours of an instrument, a row for each day of the week."""
    open_days = dict(one.week)
    return [
        WIRES["kfsj"].row({"yqbh": one.number, "xq": str(day), "sd": open_days.get(day, "")})
        for day in range(1, 8)
    ]


def booking_row(booking: Booking) -> Row:
    """Write a booking as the list `yyjl` does; the person who booked is an office."""
    form = "%Y-%m-%d %H:%M:%S"
    return WIRES["yyjl"].row(
        {
            "yqbh": booking.instrument.number,
            "yybh": booking.id,
            "yylx": booking.kind,
            "kssj": booking.start.strftime(form),
            "jssj": booking.end.strftime(form),
            "zt": STATE_WORDS[booking.state],
            "yyr": "课题组",
            "dh": "",
        }
    )


def spoil(row: Row) -> Row:
    """Return a row with defects that real rows have."""
    spoiled = dict(row)
    if "yxzt" in row:
        spoiled |= {"yxzt": "不详", "qyrq": "2019年13月"}
    elif "dj" in row:
        spoiled["dj"] = "面议"
    elif "kssj" in row:
        spoiled |= {"kssj": row["jssj"], "jssj": row["kssj"]}
    else:
        spoiled["sd"] = "全天"
    return spoiled


class _Api:
    """The lists of the university on a day."""

    def __init__(
        self, today: Callable[[], date], scale: float, client_id: str, client_secret: str
    ) -> None:
        self.switchboard = Switchboard(renames={"mc": "sbmc"}, amounts={"dj"})
        self._today = today
        self._scale = scale
        self._client = client_id, client_secret
        self._tokens: list[str] = []
        self._rows = lru_cache(maxsize=LISTS_KEPT)(self._all_rows)

    def _all_rows(self, name: str, day: date) -> list[Row]:
        world = World(day, self._scale)
        if name == "dxyq":
            return [instrument_row(one) for one in world.university]
        if name == "sfbz":
            return [row for one in world.university for row in price_rows(one)]
        if name == "kfsj":
            return [row for one in world.university for row in hour_rows(one)]
        return [booking_row(one) for owner in world.university for one in world.bookings(owner)]

    async def token(self, request: Request) -> Response:
        """Answer the token endpoint (RFC 6749 section 4.4)."""
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        form = parse_qs((await request.body())[:FORM_BYTES_MAX].decode("ascii", "replace"))
        credentials = _basic(request.headers.get("authorization", "")) or (
            form.get("client_id", [""])[0],
            form.get("client_secret", [""])[0],
        )
        known = all(
            compare_digest(a.encode(), b.encode())
            for a, b in zip(credentials, self._client, strict=True)
        )
        if not known:
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if form.get("grant_type") != ["client_credentials"]:
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        token = secrets.token_urlsafe(24)
        self._tokens = [*self._tokens[1 - TOKENS_MAX :], token]
        return JSONResponse(
            {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFE_S}
        )

    async def listing(self, request: Request) -> Response:
        """Answer one page of one list."""
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self._tokens:
            return JSONResponse({"code": 401, "msg": "invalid_token"}, status_code=401)
        name = request.path_params["name"]
        if name not in WIRES:
            return JSONResponse({"code": 404, "msg": "not found"}, status_code=404)
        query = request.query_params
        page, size = query.get("pageNum", "1"), query.get("pageSize", "20")
        if not (page.isdigit() and size.isdigit() and int(page) and int(size)):
            return JSONResponse({"code": 400, "msg": "pageNum, pageSize"}, status_code=400)
        day = self._today() - timedelta(days=STALE_DAYS if self.switchboard.faults.stale else 0)
        rows = self._rows(name, day)
        since, until = query.get("jssjStart", ""), query.get("kssjEnd", "9999")
        if name == "yyjl":
            rows = [row for row in rows if row["jssj"] >= since and row["kssj"] < until]
            if "yqbh" in query:
                rows = [row for row in rows if row["yqbh"] == query["yqbh"]]
        shown, total = self.switchboard.published(rows, spoil)
        length = min(int(size), PAGE_ROWS_MAX)
        start = (int(page) - 1) * length
        part = self.switchboard.page(shown, start, length)
        data = {"totalNum": total, "pageSize": length}
        return JSONResponse(WIRES[name].answer(part, {"data": data}))


def _basic(header: str) -> tuple[str, str] | None:
    """Read HTTP Basic credentials, each part form-encoded (RFC 6749 section 2.3.1)."""
    if not header.startswith("Basic "):
        return None
    try:
        name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote(name), unquote(secret)


def university(today: Callable[[], date], scale: float = 1.0) -> University:
    """Make the application; its client's secret is new each time."""
    client_id, client_secret = "hub", secrets.token_urlsafe(24)
    api = _Api(today, scale, client_id, client_secret)
    app = Starlette(
        routes=[
            Route("/oauth2/token", api.token, methods=["POST"]),
            Route("/api/v1/device/{name}", api.listing),
            Route("/_faults", api.switchboard.endpoint, methods=["GET", "POST"]),
        ]
    )
    return University(app, api.switchboard, client_id, client_secret)
