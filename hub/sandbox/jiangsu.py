"""`jiangsu`: a province platform that is asked by GraphQL, with the units of Jiangsu.

The real platform's interface is not public (see `adapters.jiangsu`). Documents are executed by
graphql-core against the schema below, so one that is not valid is refused as everywhere. Beside the
switches of every stand-in system: `partial` (the prices in words of some instruments cannot be had:
data and errors), `moves` (a row goes, and another comes, between the first page and the second).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import Any

from graphql import GraphQLError, build_schema, graphql_sync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.sandbox.anhui import equipment_values, offer_rows, spoil, unit_row
from hub.sandbox.faults import STALE_DAYS, Switchboard
from hub.sandbox.wire import FrozenAnswer
from hub.sandbox.world import Booking, SandboxInstrument, World
from schema.dates import SHANGHAI, format_instant

PROVINCE = "32"
PAGE_ROWS_MAX = 500
PARTIAL_EVERY = 7
LISTS_KEPT = 12
LISTS = {
    "units": "Unit",
    "equipment": "Equipment",
    "prices": "Price",
    "bookings": "Booking",
    "calendars": "Calendar",
}
OF_WINDOW = frozenset({"bookings", "calendars"})
WIRES = {name: FrozenAnswer("jiangsu", name, "data", name, "nodes") for name in LISTS}
OF_INSTRUMENT = ("unitCode", "innerId")
"""By what the lists of a window are narrowed to one instrument."""
AUDIENCES = {"1": "INTERNAL", "2": "EXTERNAL", "3": "ENTERPRISE"}
PER = {"小时": "HOUR", "样品": "SAMPLE", "次": "RUN"}
STATES = {"FIRM": "CONFIRMED", "TENTATIVE": "PENDING", "CANCELLED": "CANCELLED"}
Row = dict[str, Any]


def _sdl() -> str:
    """Write the schema: the members of frozen rows, each a text or a number."""
    types = []
    for name, of in LISTS.items():
        fields = [
            f"{member}: {'Float' if 'number' in kinds else 'String'}"
            for member, kinds in WIRES[name].members.items()
        ]
        types.append(f"type {of} {{ {' '.join(fields)} }}")
        types.append(f"type {of}s {{ totalCount: Int! nodes: [{of}] pageInfo: PageInfo! }}")
    roots = []
    for each, of in LISTS.items():
        more = ""
        if each in OF_WINDOW:
            more = ", from: String!, until: String!, unitCode: String, innerId: String"
        roots.append(f"{each}(first: Int!, after: String{more}): {of}s")
    types.append("type PageInfo { hasNextPage: Boolean! endCursor: String }")
    return "\n".join([*types, f"type Query {{ {' '.join(roots)} }}"])


SCHEMA = build_schema(_sdl())


def _unit(row: Row) -> Row:
    return WIRES["units"].row(
        {
            "unitCode": row["insCode"],
            "nameZh": row["insName"],
            "nameEn": row["insEnName"],
            "kind": row["insType"],
            "divisionCode": row["adcode"],
            "department": row["department"],
            "creditCode": row["uscc"],
            "schoolCode": row["schoolCode"],
            "ror": row["ror"],
        }
    )


def _equipment(one: SandboxInstrument) -> Row:
    """Write an instrument: of the national form the members that this platform has."""
    wire = WIRES["equipment"]
    values = {"unitCode": one.owner.ins_code, **equipment_values(one)}
    return wire.row({name: value for name, value in values.items() if name in wire.members})


def _price(row: Row) -> Row:
    return WIRES["prices"].row(
        {
            "unitCode": row["insCode"],
            "innerId": row["innerId"],
            "number": row["itemCode"],
            "title": row["itemName"],
            "audience": AUDIENCES[row["audience"]],
            "per": PER[row["unit"]],
            "yuan": row["price"],
            "validFrom": row["beginDate"],
        }
    )


def _booking(one: Booking) -> Row:
    return WIRES["bookings"].row(
        {
            "unitCode": one.instrument.owner.ins_code,
            "innerId": one.instrument.number,
            "number": one.id,
            "kind": one.kind,
            "state": STATES[one.state],
            "beginsAt": one.start.replace(tzinfo=SHANGHAI).isoformat(),
            "endsAt": one.end.replace(tzinfo=SHANGHAI).isoformat(),
            "bookedBy": "",
        }
    )


@dataclass(frozen=True)
class JiangsuPlatform:
    """The application, its faults, and the token that callers need."""

    app: Starlette
    switchboard: Switchboard
    token: str
    troubles: set[str]


class _Api:
    """The lists of the platform on a day."""

    def __init__(self, today: Callable[[], date], scale: float, token: str) -> None:
        self.switchboard = Switchboard(renames={"cname": "name"}, amounts={"worth"})
        self.troubles: set[str] = set()
        self._today = today
        self._scale = scale
        self._token = token
        self._rows = lru_cache(maxsize=LISTS_KEPT)(self._all_rows)

    def _all_rows(self, name: str, day: date) -> list[Row]:
        world = World(day, self._scale)
        owners = [each for each in world.owners if each.division.startswith(PROVINCE)]
        stock = [each for each in world.platform if each.owner in owners]
        made: dict[str, Callable[[], list[Row]]] = {
            "units": lambda: [_unit(unit_row(owner)) for owner in owners],
            "equipment": lambda: [_equipment(one) for one in stock],
            "prices": lambda: [_price(row) for one in stock for row in offer_rows(one)],
            "bookings": lambda: [_booking(b) for one in stock for b in world.bookings(one)],
            "calendars": lambda: [_calendar(one) for one in stock if one.has_calendar],
        }
        return sorted(made[name](), key=_cursor)

    async def answer(self, request: Request) -> Response:
        """Execute one document."""
        refused = await self.switchboard.fault_answer()
        if refused is not None:
            return refused
        given = request.headers.get("authorization", "")
        if not compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            error = {"message": "token", "extensions": {"code": "UNAUTHENTICATED"}}
            return JSONResponse({"errors": [error]})
        try:
            asked = json.loads(await request.body())
            document, variables = asked["query"], asked.get("variables")
        except (ValueError, TypeError, KeyError):
            error = {"message": "request", "extensions": {"code": "BAD_REQUEST"}}
            return JSONResponse({"errors": [error]}, status_code=400)
        root = {name: self._resolver(name) for name in LISTS}
        done = graphql_sync(SCHEMA, document, root, variable_values=variables)
        return JSONResponse(done.formatted, status_code=200 if done.data is not None else 400)

    def _resolver(self, name: str) -> Callable[..., Row]:
        def resolve(_: Any, first: int, after: str | None = None, **asked: str | None) -> Row:
            return self._page(name, first, after, asked)

        return resolve

    def _page(self, name: str, first: int, after: str | None, asked: dict[str, str | None]) -> Row:
        day = self._today() - timedelta(days=STALE_DAYS if self.switchboard.faults.stale else 0)
        rows: Sequence[Row] = self._rows(name, day)
        own = {each: asked[each] for each in OF_INSTRUMENT if asked.get(each) is not None}
        rows = [row for row in rows if row.items() >= own.items()]
        since, until = asked.get("from") or "", asked.get("until") or ""
        if name == "bookings":
            rows = [row for row in rows if _overlaps(row, since, until)]
        elif name == "calendars":
            rows = [{**row, "coversFrom": since, "coversUntil": until} for row in rows]
        shown, total = self.switchboard.published(rows, _spoil)
        if "moves" in self.troubles and after is not None:
            shown = [*shown[1:], {**shown[-1], "innerId": "zzz"}]
        start = sum(after is not None and _cursor(row) <= after for row in shown)
        part = self.switchboard.page(shown, start, min(first, PAGE_ROWS_MAX))
        nodes = [self._partial(row, at) for at, row in enumerate(part)]
        cursor = _cursor(part[-1]) if part else None
        info = {"hasNextPage": start + len(part) < len(shown), "endCursor": cursor}
        return {"totalCount": total, "nodes": nodes, "pageInfo": info}

    def _partial(self, row: Row, at: int) -> Row:
        if "partial" not in self.troubles or "fee" not in row or at % PARTIAL_EVERY:
            return row

        def away(_: Any) -> str:
            raise GraphQLError("the price system is away", extensions={"code": "UPSTREAM_TIMEOUT"})

        return {**row, "fee": away}


def _calendar(one: SandboxInstrument) -> Row:
    return {"unitCode": one.owner.ins_code, "innerId": one.number}


def _cursor(row: Row) -> str:
    """Return where a row stands in its list: by its key, not by its position."""
    return "/".join(str(row.get(each, "")) for each in ("unitCode", "innerId", "number"))


def _overlaps(row: Row, since: str, until: str) -> bool:
    return _utc(row["endsAt"]) > since and _utc(row["beginsAt"]) < until


@lru_cache(maxsize=1 << 16)
def _utc(text: str) -> str:
    return format_instant(datetime.fromisoformat(text))


def _spoil(row: Row) -> Row:
    if "yuan" in row:
        return {**row, "yuan": "-"}
    if "beginsAt" in row:
        return {**row, "beginsAt": row["endsAt"], "endsAt": row["beginsAt"]}
    return spoil(row)


def jiangsu(today: Callable[[], date], scale: float = 1.0) -> JiangsuPlatform:
    """Make the application; its token is new each time."""
    token = secrets.token_urlsafe(24)
    api = _Api(today, scale, token)
    app = Starlette(
        routes=[
            Route("/graphql", api.answer, methods=["POST"]),
            Route("/_faults", api.switchboard.endpoint, methods=["GET", "POST"]),
        ]
    )
    return JiangsuPlatform(app, api.switchboard, token, api.troubles)
