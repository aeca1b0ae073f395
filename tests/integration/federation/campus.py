"""A small university with the interface of East China Normal University, whose bookings change.

It has the fault switches of the sandbox, and notes what it was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters import discover
from connectors.limits import Limits
from hub.harvest.connections import HttpConnection, StaticToken
from hub.harvest.source import HarvestSource
from hub.sandbox.ecnu import spoil
from hub.sandbox.faults import Switchboard

UNIVERSITY = "moe:10269"
NUMBERS = ("E1", "E2", "E3")


def instrument(number: str) -> dict[str, Any]:
    words = {"dw": "平台", "fwdw": "平台", "fwdwbh": "GC01", "ly": "购置", "hgjg": "否"}
    return {
        **words,
        "mc": f"透射电镜{number}",
        "ywmc": "TEM",
        "bh": number,
        "qyrq": "2020-01-02",
        "yqlb": "通用",
        "gg": "JEM",
        "jzsb": "无",
        "zygn": "无",
        "zyxk": "",
        "fwnr": "无",
        "fwcg": "无",
        "yxzt": "正常",
        "kfgd": "无",
        "sfbz": "无",
        "yydz": "无",
        "azdd": "无",
        "lxr": "某人",
        "dh": "0",
        "email": "x@example.com",
        "txdz": "无",
        "yzbm": "0",
        "gzms": "外部共享",
        "fldm": "010101",
    }


def hours(number: str) -> list[dict[str, Any]]:
    return [{"yqbh": number, "xq": str(day), "sd": "08:00-20:00"} for day in range(1, 8)]


def booking(number: str, name: str, day: int, first: int, last: int) -> dict[str, Any]:
    """A booking of some hours of a day of December 2026, Asia/Shanghai."""
    return {
        "yqbh": number,
        "yybh": name,
        "yylx": "预约",
        "kssj": f"2026-12-{day:02} {first:02}:00:00",
        "jssj": f"2026-12-{day:02} {last:02}:00:00",
        "zt": "已通过",
        "yyr": "课题组",
        "dh": "",
    }


class Campus:
    """The application, its bookings, its faults, and the questions it got."""

    def __init__(self, numbers: Sequence[str] = NUMBERS) -> None:
        self._numbers = numbers
        self.bookings = [booking("E1", "b1", 1, 9, 11), booking("E2", "b2", 1, 8, 20)]
        self.bookings = [row for row in self.bookings if row["yqbh"] in numbers]
        self.knows_filter = True
        """Whether it narrows its bookings to the instrument that is asked for."""
        self.switchboard = Switchboard()
        self.asked: list[dict[str, str]] = []
        """The questions about bookings of one instrument."""
        self.app = Starlette(routes=[Route("/api/v1/device/{name}", self._list)])

    async def _list(self, request: Request) -> Response:
        name, query = request.path_params["name"], dict(request.query_params)
        if "yqbh" in query:
            self.asked.append(query)
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        rows = self._rows(name)
        if name == "yyjl" and "yqbh" in query and self.knows_filter:
            rows = [row for row in rows if row["yqbh"] == query["yqbh"]]
        shown, total = self.switchboard.published(rows, spoil)
        size, start = int(query["pageSize"]), (int(query["pageNum"]) - 1) * int(query["pageSize"])
        data = {"totalNum": total, "rows": list(shown[start : start + size])}
        return JSONResponse({"code": 0, "data": data})

    def _rows(self, name: str) -> list[dict[str, Any]]:
        if name == "dxyq":
            return [instrument(number) for number in self._numbers]
        if name == "kfsj":
            return [row for number in self._numbers for row in hours(number)]
        return self.bookings if name == "yyjl" else []


def source_at(url: str, name: str = "campus") -> HarvestSource:
    """The university as a source that the hub reads."""
    return HarvestSource(
        id=name,
        adapter=discover()["ecnu"],
        connection=HttpConnection(base_url=url, auth=StaticToken("Bearer x")),
        owners=(UNIVERSITY,),
        division_code="310000",
        limits=Limits(attempts_max=1),
    )
