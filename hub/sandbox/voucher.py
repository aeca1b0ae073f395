"""`voucher`: two voucher systems, of a province and of the delta, over invented enterprises.

Their real interfaces are not public. Members are those of the front end of a real system of 2018
(`innovateCode`, `innovateStatusCode`, `reviewedStatusCode`, `appliMoney`, `usecutoffDate`,
`cashcutoffDate`, `flowResp`, …); envelopes, paging and codes differ between the two, as they would.
The province numbers its states and pages by number, the delta writes words and gives the next
page's address. Money is in yuan. Steps of a history come in no order, and one comes twice.

What a system says of a day is what had happened by then: `stale` shows a claim as it was a
fortnight ago, with the history of then.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.sandbox.faults import STALE_DAYS, Switchboard
from hub.sandbox.wire import FrozenAnswer
from schema.dates import SHANGHAI

SEED = "voucher-1"
VOUCHERS = 90
ENTERPRISES = ("91331083MA0E33338Q", "91330100MA0E11112C", "91340100MA0E22225F")
"""Invented, with sound check digits."""
PROVIDER = "12100000470095016Q"
COUNTY, DEPARTMENT = "331083", "11331083MB0T108389"
DISTRICT_DEPARTMENT = "11310118MB0T01181W"
GRANTED_YUAN = 20_000
LISTS_KEPT = 8
PAGE_ROWS_MAX = 40
STEPS = ("RESERVED", "USED", "CLAIMED", "COUNTY", "CITY", "PAID")
DAYS_OF_A_STEP = 9
PROVINCE_WIRES = {
    name: FrozenAnswer("voucher_zhejiang", name, "data", "records")
    for name in ("providers", "vouchers", "claims")
}
DELTA_WIRES = {
    name: FrozenAnswer("voucher_delta", name, "list")
    for name in ("providers", "vouchers", "claims", "statements")
}
AMOUNTS = ("contractValue", "appliMoney", "grantMoney")
PROVINCE_STEPS = {
    "RESERVED": ("1", "0"),
    "USED": ("2", "0"),
    "CLAIMED": ("3", "1"),
    "COUNTY": ("3", "3"),
    "CITY": ("3", "5"),
    "RETURNED": ("3", "2"),
    "PAID": ("7", "5"),
}
DELTA_STEPS = {
    "RESERVED": ("RESERVED", None),
    "USED": ("USED", None),
    "CLAIMED": ("CLAIMED", "PENDING"),
    "COUNTY": ("CLAIMED", "COUNTY_PASSED"),
    "CITY": ("CLAIMED", "CITY_PASSED"),
    "RETURNED": ("CLAIMED", "RETURNED"),
    "PAID": ("PAID", "CITY_PASSED"),
}

Row = dict[str, Any]


@dataclass(frozen=True)
class VoucherSystem:
    """The application, its faults, and the token that callers need."""

    app: Starlette
    switchboard: Switchboard
    token: str
    header: str


@dataclass(frozen=True)
class _Voucher:
    """One voucher and the claim on it, as far as they have come by a day."""

    number: int
    holder: str
    granted_on: date
    steps: tuple[tuple[str, datetime], ...]
    charge_fen: int

    @property
    def shown(self) -> list[tuple[str, datetime]]:
        """Return the steps as the system tells them: in no order, the first one twice."""
        chance = random.Random(f"{SEED}|{self.number}")  # noqa: S311 - data, not secrets
        told = [*self.steps, self.steps[0]]
        chance.shuffle(told)
        return told


def _vouchers(day: date) -> Iterator[_Voucher]:
    begin = date(day.year - 1, 12, 1)
    for number in range(VOUCHERS):
        chance = random.Random(f"{SEED}|{number}")  # noqa: S311 - data, not secrets
        granted = begin + timedelta(days=chance.randrange(360))
        names = list(STEPS)
        if chance.random() < 0.1:  # noqa: PLR2004 - a tenth is returned by the county
            names[3:] = ["RETURNED"]
        at = datetime.combine(granted, time(9), SHANGHAI) + timedelta(days=20)
        steps = tuple(
            (name, at + timedelta(days=position * DAYS_OF_A_STEP, minutes=number))
            for position, name in enumerate(names)
        )
        happened = tuple((name, moment) for name, moment in steps if moment.date() <= day)
        if granted <= day:
            charge = chance.randrange(100_000, 1_200_000)
            holder = ENTERPRISES[number % len(ENTERPRISES)]
            yield _Voucher(number, holder, granted, happened, charge)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _half(one: _Voucher) -> int:
    return min(one.charge_fen // 2, GRANTED_YUAN * 100)


def _money(one: _Voucher) -> Row:
    """Write the amounts of a claim; paid is what the voucher paid, once it was."""
    voucher = _half(one)
    return {
        "contractValue": _yuan(one.charge_fen),
        "cashMoney": _yuan(voucher),
        "selfMoney": _yuan(one.charge_fen - voucher),
        "payMoney": _yuan(voucher) if one.steps[-1][0] == "PAID" else None,
        "invoiceCode": "033002600111",
        "invoiceNo": f"{10_000_000 + one.number}",
        "holdReason": "",
    }


def _history(one: _Voucher, codes: dict[str, Any], write: Callable[[datetime], str]) -> Row:
    status, review = codes[one.steps[-1][0]]
    steps = [
        {
            "innovateStatusCode": codes[name][0],
            "reviewedStatusCode": codes[name][1],
            "createTime": write(at),
        }
        for name, at in one.shown
    ]
    return {"innovateStatusCode": status, "reviewedStatusCode": review, "flowResp": steps}


def _local(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def province_rows(name: str, day: date) -> list[Row]:
    """Write a list of the province's system."""
    people = {"contact": "经办处", "phone": "", "email": "vouchers@zj.example"}
    place = {"fpRovince": "33", "fkcity": "331000", "fkCountydistrict": COUNTY}
    if name == "providers":
        return [
            {
                "registerCode": "YH-2025-003",
                "serviceEntercode": PROVIDER,
                "fkCountydistrict": COUNTY,
                "endDate": None,
                **people,
            }
        ]
    if name == "vouchers":
        return [_province_voucher(one, {**people, **place}) for one in _vouchers(day)]
    return [_province_claim(one, people) for one in _vouchers(day) if one.steps]


def _code(one: _Voucher) -> str:
    return f"YH{one.granted_on.year}{one.number:06d}"


def _province_voucher(one: _Voucher, more: Row) -> Row:
    applied = datetime.combine(one.granted_on - timedelta(days=10), time(10), SHANGHAI)
    granted = datetime.combine(one.granted_on, time(9), SHANGHAI)
    steps = [("1", "1", applied), ("2", "5", granted)]
    return {
        "innovateId": str(9_000 + one.number),
        "innovateCode": _code(one),
        "appliEntercode": one.holder,
        "applyUnitName": f"沙箱企业{one.holder[-4:]}",
        "entname": f"沙箱企业{one.holder[-4:]}",
        "appliMoney": GRANTED_YUAN,
        "applicationTime": _local(applied),
        "usecutoffDate": (one.granted_on + timedelta(days=180)).isoformat(),
        "cashcutoffDate": f"{one.granted_on + timedelta(days=270)} 00:00:00",
        "ruleName": "科技创新券实施细则（沙箱）",
        "remark": "",
        "flowResp": [
            {"innovateStatusCode": status, "reviewedStatusCode": review, "createTime": _local(at)}
            for status, review, at in reversed(steps)
        ],
        **more,
    }


def _province_claim(one: _Voucher, more: Row) -> Row:
    return {
        "cashId": str(7_000 + one.number),
        "cashCode": f"{_code(one)}-01",
        "innovateCode": _code(one),
        "appliEntercode": one.holder,
        "entname": f"沙箱企业{one.holder[-4:]}",
        "serviceEntercode": PROVIDER,
        "serviceEnterName": "浙江大学",
        "fkCountydistrict": COUNTY,
        "innerId": "DEMO-TEM-01",
        "recordInnerId": f"V-{one.number}",
        "orderCode": f"O-{one.number}",
        "contractName": "测试服务合同",
        "contractAttachment": "",
        "remark": "",
        **_money(one),
        **_history(one, PROVINCE_STEPS, _local),
        **more,
    }


def delta_rows(name: str, day: date) -> list[Row]:
    """Write a list of the delta's platform."""
    people = {"contact": "经办处", "phone": ""}
    if name == "providers":
        return [
            {
                "registerEntercode": DISTRICT_DEPARTMENT,
                "serviceEntercode": PROVIDER,
                "beginDate": "2025-01-01",
                "endDate": f"{day.year + 1}-12-31",
                **people,
            }
        ]
    if name == "vouchers":
        return [{**_delta_voucher(one), **people} for one in _vouchers(day)]
    if name == "claims":
        return [{**_delta_claim(one), **people} for one in _vouchers(day) if one.steps]
    return [
        {
            "appliEntercode": holder,
            "serviceEntercode": PROVIDER,
            "stateDate": f"{day.year}-01-05",
            "controlled": "否",
            "statedBy": "经办处",
        }
        for holder in ENTERPRISES
    ]


def _delta_voucher(one: _Voucher) -> Row:
    granted = datetime.combine(one.granted_on, time(9), SHANGHAI)
    return {
        "innovateId": f"{one.number:08x}",
        "innovateCode": f"CSJ-{one.granted_on.year}-{one.number:05d}",
        "grantEntercode": DISTRICT_DEPARTMENT,
        "appliEntercode": one.holder,
        "applyUnitName": f"沙箱企业{one.holder[-4:]}",
        "appliMoney": "30000.00",
        "grantMoney": f"{GRANTED_YUAN}.00",
        "applicationTime": (granted - timedelta(days=10)).isoformat(),
        "usestartDate": one.granted_on.isoformat(),
        "usecutoffDate": f"{one.granted_on + timedelta(days=180)}T15:59:59Z",
        "cashcutoffDate": (one.granted_on + timedelta(days=270)).isoformat(),
        "payAdcode": "310118",
        "ruleName": "通用通兑（沙箱）",
        "flowResp": [
            {
                "innovateStatusCode": "ISSUED",
                "reviewedStatusCode": "PASSED",
                "createTime": granted.isoformat(),
            }
        ],
    }


def _delta_claim(one: _Voucher) -> Row:
    return {
        "cashCode": f"C-{one.number}",
        "innovateCode": f"CSJ-{one.granted_on.year}-{one.number:05d}",
        "grantEntercode": DISTRICT_DEPARTMENT,
        "appliEntercode": one.holder,
        "serviceEntercode": PROVIDER,
        "serviceEnterName": "浙江大学",
        "serviceRecordKey": f"uscc:{PROVIDER}/DEMO-TEM-01/D-{one.number}",
        "orderCode": f"O-{one.number}",
        "contractName": "测试服务合同",
        **_money(one),
        **_history(one, DELTA_STEPS, datetime.isoformat),
    }


def spoil(row: Row) -> Row:
    """Return a row with defects that real rows have: a third decimal, a code nobody knows."""
    if "contractValue" in row:
        return {**row, "contractValue": "1.0001"}
    if "flowResp" in row:
        return {**row, "innovateStatusCode": "99"}
    return row


class _Api:
    """The lists of a system on a day."""

    def __init__(
        self,
        today: Callable[[], date],
        rows: Callable[[str, date], list[Row]],
        wires: Mapping[str, FrozenAnswer],
    ) -> None:
        self.switchboard = Switchboard(renames={"innovateCode": "voucherCode"}, amounts=AMOUNTS)
        self.token = secrets.token_urlsafe(24)
        self._today = today
        self._wires = wires
        self._values = rows
        self._rows = lru_cache(maxsize=LISTS_KEPT)(self._all_rows)

    def _all_rows(self, name: str, day: date) -> list[Row]:
        return [self._wires[name].row(values) for values in self._values(name, day)]

    async def refusal(self, request: Request, given: str) -> Response | None:
        """Return what is answered in place of a list: a fault, no right, no such list."""
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        if not compare_digest(given.encode(), self.token.encode()):
            return JSONResponse({"code": 401, "msg": "令牌无效"}, status_code=401)
        if request.path_params["name"] not in self._wires:
            return JSONResponse({"code": 404, "msg": "not found"}, status_code=404)
        return None

    def published(self, name: str) -> tuple[list[Row], int]:
        """Return the rows of a list, and how many the system says there are."""
        stale = STALE_DAYS if self.switchboard.faults.stale else 0
        rows = self._rows(name, self._today() - timedelta(days=stale))
        shown, total = self.switchboard.published(rows, spoil)
        return list(shown), total

    async def by_number(self, request: Request) -> Response:
        """Answer one page, by its number."""
        refused = await self.refusal(request, request.headers.get("x-token", ""))
        if refused is not None:
            return refused
        page, size = (request.query_params.get(each, "") for each in ("pageNum", "pageSize"))
        if not (page.isdigit() and size.isdigit() and int(page) and int(size)):
            return JSONResponse({"code": 400, "msg": "pageNum, pageSize"}, status_code=400)
        name = request.path_params["name"]
        rows, total = self.published(name)
        length = min(int(size), PAGE_ROWS_MAX)
        part = self.switchboard.page(rows, (int(page) - 1) * length, length)
        return JSONResponse(self._wires[name].answer(part, {"data": {"total": total}}))

    async def by_link(self, request: Request) -> Response:
        """Answer one page, with the address of the next one."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        refused = await self.refusal(request, given)
        if refused is not None:
            return refused
        cursor, limit = (
            request.query_params.get(name, default)
            for name, default in (("cursor", "0"), ("limit", "20"))
        )
        if not (cursor.isdigit() and limit.isdigit() and int(limit)):
            return JSONResponse({"code": 400, "msg": "cursor, limit"}, status_code=400)
        name = request.path_params["name"]
        rows, total = self.published(name)
        length = min(int(limit), PAGE_ROWS_MAX)
        part = self.switchboard.page(rows, int(cursor), length)
        after = int(cursor) + length
        link = f"{request.url.path}?cursor={after}&limit={length}" if after < len(rows) else None
        return JSONResponse(self._wires[name].answer(part, {"total": total, "next": link}))


def province_system(today: Callable[[], date]) -> VoucherSystem:
    """Make the province's system; its token is new each time."""
    api = _Api(today, province_rows, PROVINCE_WIRES)
    return _system(api, Route("/innovate/api/{name}", api.by_number), "X-Token")


def delta_system(today: Callable[[], date]) -> VoucherSystem:
    """Make the delta's platform; its token is new each time."""
    api = _Api(today, delta_rows, DELTA_WIRES)
    return _system(api, Route("/ytd/v2/{name}", api.by_link), "Authorization")


def _system(api: _Api, route: Route, header: str) -> VoucherSystem:
    faults = Route("/_faults", api.switchboard.endpoint, methods=["GET", "POST"])
    return VoucherSystem(Starlette(routes=[route, faults]), api.switchboard, api.token, header)
