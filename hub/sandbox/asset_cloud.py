"""`asset_cloud`: a stand-in for the finance side's register of public assets.

The real interface is not public. This has the card of a fixed asset with the finance side's codes,
asked for with page number and size, counted; a token in the header `X-Access-Token` lets in. Half
of the cards were coded anew in 2023 and keep their former code beside the new one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hmac import compare_digest
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.http.credentials import StaticToken
from hub.sandbox.faults import OF_LISTS, Switchboard
from hub.sandbox.wire import FrozenAnswer
from hub.sandbox.world import SandboxInstrument, World

HEADER = "X-Access-Token"
UNIT = "12100000425006133D"
"""A real unit, under its own code."""
PAGE_ROWS_MAX = 500
LISTS_KEPT = 6
WIRES = {name: FrozenAnswer("asset_cloud", name, "data", "records") for name in ("units", "cards")}
USE_STATES = {"1": "1", "2": "1", "4": "1", "6": "5"}
"""使用状况 of the finance side, by the state of the instrument in the world."""
CODES_2010 = ("3600400", "3600401", "3600403")
CODES_2022 = ("A02100304", "A02100401", "A02100501")


@dataclass(frozen=True)
class AssetCloud:
    """The application, its faults, and what lets in."""

    app: Starlette
    switchboard: Switchboard
    token: str

    @property
    def auth(self) -> httpx.Auth:
        """What a caller sends with each question."""
        return StaticToken(self.token, header=HEADER)


def unit_row() -> dict[str, Any]:
    """Write the one unit of this register."""
    return WIRES["units"].row(
        {
            "unitCode": UNIT,
            "unitName": "华东师范大学",
            "unitKind": "高等学校",
            "divisionCode": "310107",
            "departmentName": "教育部",
        }
    )


def card_row(position: int, one: SandboxInstrument) -> dict[str, Any]:
    """Write the card of an instrument."""
    value = f"{one.worth * 10_000:.2f}"
    kind = position % len(CODES_2010)
    is_new = position % 2 == 0
    return WIRES["cards"].row(
        {
            "unitCode": UNIT,
            "assetNo": one.number,
            "cardNo": f"TY{one.number}",
            "assetName": one.sort.name_zh,
            "classCode": CODES_2022[kind] if is_new else CODES_2010[kind],
            "formerClassCode": CODES_2010[kind] if is_new else "",
            "specModel": one.sort.model,
            "manufacturer": one.sort.maker,
            "serialNo": f"SN{one.number}",
            "originCountry": one.sort.country,
            "originalValue": value,
            "fiscalValue": value,
            "otherValue": "0.00",
            "acquireWay": "1",
            "acquiredOn": one.booked_on.isoformat(),
            "acceptedOn": one.booked_on.isoformat(),
            "bookedOn": one.booked_on.isoformat(),
            "useState": USE_STATES[one.status],
            "useDirection": "1",
            "location": one.place,
            "deptCode": "01",
            "deptName": "公共平台",
            "keeper": "资产管理岗",
            "keeperPhone": "",
            "disposal": "",
            "disposedOn": None,
            "updatedAt": f"{one.booked_on} 00:00:00",
        }
    )


def spoil(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with defects that real rows have."""
    if "assetNo" in row:
        return {**row, "useState": "4", "originalValue": "五百万", "classCode": "03030200"}
    return {**row, "divisionCode": "319999"}


class _Register:
    """The lists of the register on a day."""

    def __init__(self, today: Callable[[], date], scale: float, token: str) -> None:
        self.switchboard = Switchboard(
            known=OF_LISTS - {"stale"},  # no card changes from day to day
            renames={"assetName": "name"},
            amounts={"originalValue", "fiscalValue"},
        )
        self._today = today
        self._scale = scale
        self._token = token
        self._rows = lru_cache(maxsize=LISTS_KEPT)(self._all_rows)

    def _all_rows(self, name: str, day: date) -> list[dict[str, Any]]:
        if name == "units":
            return [unit_row()]
        instruments = World(day, self._scale).university
        return [card_row(position, one) for position, one in enumerate(instruments)]

    async def listing(self, request: Request) -> Response:
        """Answer one page of one list."""
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        if not compare_digest(request.headers.get(HEADER, "").encode(), self._token.encode()):
            return JSONResponse({"code": "401", "message": "令牌无效"}, status_code=401)
        name, query = request.path_params["name"], request.query_params
        page, size = query.get("pageNo", "1"), query.get("pageSize", "20")
        if name not in WIRES:
            return JSONResponse({"code": "404", "message": "没有该列表"}, status_code=404)
        if not (page.isdigit() and size.isdigit() and int(page) and int(size)):
            return JSONResponse({"code": "400", "message": "pageNo, pageSize"}, status_code=400)
        rows = self._rows(name, self._today())
        shown, total = self.switchboard.published(rows, spoil) if name == "cards" else (rows, 1)
        length = min(int(size), PAGE_ROWS_MAX)
        records = self.switchboard.page(shown, (int(page) - 1) * length, length)
        data = {"total": total, "pageNo": int(page), "pageSize": length}
        return JSONResponse(WIRES[name].answer(records, {"data": data}))


def asset_cloud(today: Callable[[], date], scale: float = 1.0) -> AssetCloud:
    """Make the application; its token is new each time."""
    token = secrets.token_urlsafe(24)
    register = _Register(today, scale, token)
    app = Starlette(
        routes=[
            Route("/api/asset/v1/{name}", register.listing),
            Route("/_faults", register.switchboard.endpoint, methods=["GET", "POST"]),
        ]
    )
    return AssetCloud(app, register.switchboard, token)
