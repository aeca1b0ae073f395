"""`quarantine_endpoint`: `GET /quarantine`, the rows of a caller's own sources that wait.

- A caller with `records:push` sees the rows of the sources that it may push as, and no others: they
  are what it sent itself, with every reason. `?source=` names one, `?after=` goes on after a row,
  `?first=` says how many at most.
- A row is settled by sending a corrected one: nothing is changed here.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.access import gate
from hub.access.gate import Admitted, Door
from hub.access.resource import Caller
from hub.access.service import Access
from hub.access.signatures import READ
from hub.errors import ErrorCode, RefusedError
from hub.intake.batch import problem_to_wire
from hub.intake.limits import QUARANTINE_PAGE_MAX
from hub.intake.push import PUSH_SCOPE
from hub.intake.quarantine import Quarantined, quarantined
from hub.store.database import Database
from schema.dates import format_instant

DOOR = Door(operation=READ, scope=PUSH_SCOPE)
PARAMETERS = frozenset({"source", "after", "first"})
DIGITS_MAX = 18
FIRST_DEFAULT = 100


class QuarantineEndpoint:
    """Shows a producer what of its own waits."""

    def __init__(self, database: Database, access: Access) -> None:
        self._database = database
        self._access = access

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/quarantine", self.get)]

    async def get(self, request: Request) -> Response:
        """Answer one page of open rows."""

        async def work(admitted: Admitted) -> Response:
            page = await self._page(admitted.caller, request)
            return JSONResponse(page, headers={"Cache-Control": "no-store"})

        return await gate.through(self._access, request, DOOR, work)

    async def _page(self, caller: Caller, request: Request) -> dict[str, Any]:
        unknown = sorted(request.query_params.keys() - PARAMETERS)
        if unknown:
            raise RefusedError(
                ErrorCode.BAD_USER_INPUT,
                hint=f"Parameters are: {', '.join(sorted(PARAMETERS))}.",
                hint_zh=f"参数只有：{'、'.join(sorted(PARAMETERS))}。",
            )
        first = _number(request, "first", FIRST_DEFAULT)
        after = _number(request, "after", 0)
        rows = await quarantined(
            self._database, source=_source(caller, request), after=after, limit=first
        )
        full = len(rows) == min(first, QUARANTINE_PAGE_MAX)
        return {
            "rows": [_wire(row) for row in rows],
            "after": str(rows[-1].quarantine_id) if rows and full else None,
        }


def _source(caller: Caller, request: Request) -> str:
    """Return the source that is asked for: it is named, or the only one of the caller."""
    named = request.query_params.get("source", "")
    if not named and len(caller.own_sources) == 1:
        return next(iter(caller.own_sources))
    if named not in caller.own_sources:
        known = ", ".join(sorted(caller.own_sources))
        raise RefusedError(
            ErrorCode.SOURCE_FORBIDDEN,
            hint=f"Name one with ?source=: {known or 'none'}.",
            hint_zh=f"请用 ?source= 指明一个：{known or '无'}。",
        )
    return named


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        raise RefusedError(
            ErrorCode.BAD_USER_INPUT, hint=f"{name} is a whole number.", hint_zh=f"{name} 是整数。"
        )
    return int(text)


def _wire(row: Quarantined) -> dict[str, Any]:
    facts = {
        "id": str(row.quarantine_id),
        "source": row.source,
        "type": row.record_type,
        "key": row.key,
        "row": row.row_number,
        "since": format_instant(row.created_at),
        "problems": [problem_to_wire(each) for each in row.problems],
        "sent": _sent(row.raw),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _sent(raw: str) -> Any:
    """Return the row as it was sent; one that was cut for its size is shown as text."""
    try:
        return json.loads(raw)
    except ValueError:
        return raw
