"""`nrii`: a national platform (NRII), or a provincial copy of it, that takes and gives by SOAP.

The real interface document is not public. The operation `instruInfo`, its namespace, the element
`return` with a code alone and the codes follow a university system that sends to it; `instruQuery`
is invented. Like the real one it prints around its envelopes. Beside the switches of every stand-in
system there are, in `trouble`: `lost` (it takes the object and hangs up), `code:NNN` (it answers
every object with that code) and `fault` (a SOAP fault).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.sandbox.faults import OF_LISTS, Switchboard
from hub.sandbox.wire import FrozenAnswer, frozen_file

KEYS = {
    "1": ("innerId",),
    "4": ("innerId",),
    "5": ("declarationNumber", "itemNumber"),
    "6": ("recordInnerId",),
}
NEEDED = {
    "1": ("innerId", "cname"),
    "4": ("innerId", "cname", "ename", "instrCategory", "worth", "beginDate", "instrSupervise"),
    "5": ("innerId", "declarationNumber", "itemNumber", "importDate", "formname"),
    "6": ("recordInnerId", "innerId", "amounts", "serviceTime", "endTime", "serviceDirection"),
}
FORMS = {"1": "centres", "4": "equipment", "5": "customs", "6": "records"}
"""Frozen answers by the type that is asked for."""
Row = dict[str, Any]


def _parts(name: str) -> tuple[str, str, str]:
    """Return what stands before the JSON of a frozen answer, the JSON, and what stands behind."""
    text = frozen_file("nrii", f"{name}.xml").decode()
    before, _, rest = text.partition("<return>")
    content, _, behind = rest.partition("</return>")
    return before, unescape(content), behind


WIRES = {
    kind: FrozenAnswer("nrii", name, "instruList", text=_parts(name)[1])
    for kind, name in FORMS.items()
}
BEFORE, _, BEHIND = _parts("equipment")
"""The envelope, with what is printed before it."""
FAULT = (
    "<soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'><soap:Body>"
    "<soap:Fault><faultcode>soap:Server</faultcode></soap:Fault></soap:Body></soap:Envelope>"
)


@dataclass
class NationalPlatform:
    """The application, what it holds by type and key, and every object that came in."""

    ins_code: str
    app: Starlette = field(init=False)
    switchboard: Switchboard = field(
        default_factory=lambda: Switchboard(
            known=OF_LISTS - {"stale"}, renames={"cname": "name"}, amounts={"worth"}
        )
    )
    trouble: str = ""
    held: dict[str, dict[tuple[str, ...], Row]] = field(default_factory=dict)
    received: list[tuple[str, Row]] = field(default_factory=list)

    def __post_init__(self) -> None:
        routes = [
            Route("/cxf/instru", self.answer, methods=["POST"]),
            Route("/_faults", self.switchboard.endpoint, methods=["GET", "POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        text = (await request.body()).decode()
        said = {
            name: unescape(value) for name, value in re.findall(r"<(?:\w+:)?(\w+)>([^<]*)</", text)
        }
        operation = "instruQuery" if "instruQuery" in text else "instruInfo"
        if self.trouble == "fault":
            return _xml(FAULT, status=500)
        result = self._taken(said) if operation == "instruInfo" else self._given(said)
        if self.trouble == "lost":
            raise ConnectionResetError("the sandbox hangs up")
        before, behind = (each.replace("instruQuery", operation) for each in (BEFORE, BEHIND))
        return _xml(f"{before}<return>{escape(result)}</return>{behind}")

    def _taken(self, said: dict[str, str]) -> str:
        """Take one object; return the code."""
        if self.trouble.startswith("code:"):
            return self.trouble.partition(":")[2]
        if said.get("insCode") != self.ins_code:
            return "200"
        kind = said.get("instruType", "")
        try:
            row = json.loads(said.get("instruList", ""))
        except ValueError:
            return "201"
        if kind not in KEYS or not isinstance(row, dict):
            return "203"
        self.received.append((kind, row))
        known = {key[0] for key in self.held.get("4", {})}
        needs = kind in ("5", "6") and row.get("innerId") not in known
        if needs or any(row.get(name) in (None, "") for name in NEEDED[kind]):
            return "202"
        key = tuple(str(row[name]) for name in KEYS[kind])
        self.held.setdefault(kind, {})[key] = row
        return "100"

    def _given(self, said: dict[str, str]) -> str:
        """Give one page of what is held."""
        kind = said.get("instruType", "")
        wire = WIRES.get(kind, WIRES["4"])
        if said.get("insCode") != self.ins_code:
            return json.dumps(wire.answer([], {"code": "200", "total": 0}))
        rows = list(self.held.get(kind, {}).values())
        number, size = int(said.get("pageNo", "1")), int(said.get("pageSize", "50"))
        shown, total = self.switchboard.published(rows, _spoil)
        page = self.switchboard.page(shown, (number - 1) * size, size)
        return json.dumps(wire.answer(page, {"total": total}), ensure_ascii=False)


def _xml(text: str, status: int = 200) -> Response:
    return Response(text, status, media_type="text/xml; charset=utf-8")


def _spoil(row: Row) -> Row:
    """Return a row with the defect that a known sender has: an amount that became a date."""
    spoiled = {name: value for name, value in row.items() if name != "serviceTime"}
    return spoiled | {"serviceAmount": "1970-01-01 08", "worth": "约三百万元"}
