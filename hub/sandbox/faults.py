"""`faults`: switches that make a sandbox system fail on purpose.

`POST /_faults` sets them (JSON; those not named are switched off), `GET /_faults` returns them. A
system refuses those that it cannot show:

- `slow`: seconds before each answer, at most until the switches are set anew;
- `dead`: every answer is 503;
- `denied`: every answer is 401;
- `html`: a login page with status 200 instead of JSON;
- `stale`: the data of a fortnight ago;
- `spoiled`: one row in fifty is defective;
- `lying`: the same, and the total is one too many;
- `schema`: a member of its main list has another name from now on;
- `units`: amounts are 元 where they were 万元: 10,000 times as much;
- `shrunk`: only half of each list, with a total that fits;
- `empty`: no rows, with a total that fits;
- `limited`: every answer is 429 and asks for a pause;
- `expired`: what a system keeps for a caller (a token of a question) is gone after one use;
- `cut`: the connection ends in the middle of every answer;
- `repeated`: the second page and all after it are the page before;
- `dropped`: the second page is left out;
- `moved`: between the first page and the second a row goes where it was read already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from math import inf
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

SLOW_S_MAX = 120.0
DEFECT_EVERY = 50
STALE_DAYS = 14
YUAN_OF_A_WAN = 10_000
PAUSE_S = 600
"""What a system that is asked too often asks for; longer than anybody waits in a run."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The faults of a sandbox system that are switched on."""

    slow: float = 0.0
    dead: bool = False
    denied: bool = False
    html: bool = False
    stale: bool = False
    spoiled: bool = False
    lying: bool = False
    schema: bool = False
    units: bool = False
    shrunk: bool = False
    empty: bool = False
    limited: bool = False
    expired: bool = False
    cut: bool = False
    repeated: bool = False
    dropped: bool = False
    moved: bool = False


NAMES = frozenset(field.name for field in fields(Faults))
OF_LISTS = NAMES - {"expired"}
"""What a system can show that keeps nothing for its callers."""


class CutResponse(Response):
    """An answer that ends before it is over; the server then closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise more than is sent."""
        del scope, receive
        headers = [(b"content-type", b"application/json"), (b"content-length", b"100000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        part = b'{"code": 0, "data": {"rows": [{"no'
        await send({"type": "http.response.body", "body": part, "more_body": True})


class Switchboard:
    """Holds the faults of one system and applies them."""

    def __init__(
        self,
        *,
        known: Collection[str] = OF_LISTS,
        renames: Mapping[str, str] | None = None,
        amounts: Collection[str] = (),
        changed: Callable[[], None] | None = None,
    ) -> None:
        """`known`: faults that the system can show; `changed`: what it does when they are set.

        `renames`: other names of members (`schema`); `amounts`: members that are money (`units`).
        """
        self.faults = Faults()
        self._renames = dict(renames or {})
        self._amounts = frozenset(amounts)
        self.known = frozenset(known)
        self._act = changed
        self._changed = asyncio.Event()

    async def endpoint(self, request: Request) -> Response:
        """Set or return the faults."""
        if request.method == "POST":
            try:
                self.set(await request.json())
            except (ValueError, TypeError):
                error = f"an object of faults that this system can show: {sorted(self.known)}"
                return JSONResponse({"error": error}, status_code=400)
        stands = asdict(self.faults)
        return JSONResponse({name: stands[name] for name in stands if name in self.known})

    def set(self, values: Mapping[str, Any]) -> None:
        """Set these faults and switch all others off.

        `ValueError`: one that this system cannot show, or a value that is none.
        """
        unknown = sorted(set(values) - self.known)
        if unknown:
            raise ValueError(f"not known here: {', '.join(unknown)}")
        faults = Faults(**values)
        if not all(isinstance(values[name], bool) for name in values if name != "slow"):
            raise ValueError("a switch is true or false")
        slow = float(faults.slow)
        if not 0 <= slow < inf:
            raise ValueError("slow is a number of seconds")
        self.faults = replace(faults, slow=min(slow, SLOW_S_MAX))
        self._changed.set()  # whoever waits for a slow answer has waited enough
        self._changed = asyncio.Event()
        if self._act is not None:
            self._act()

    async def fault_answer(self) -> Response | None:
        """Wait if slow; return the faulty answer, or None when the system is to answer."""
        if self.faults.slow:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.faults.slow):
                    await self._changed.wait()
        if self.faults.dead:
            return Response(status_code=503)
        if self.faults.denied:
            return JSONResponse({"error": "invalid_token"}, status_code=401)
        if self.faults.html:
            return HTMLResponse("<html><body><form>请登录</form></body></html>")
        if self.faults.limited:
            return Response(status_code=429, headers={"Retry-After": str(PAUSE_S)})
        if self.faults.cut:
            return CutResponse()
        return None

    def page(self, rows: Sequence[dict[str, Any]], start: int, length: int) -> list[dict[str, Any]]:
        """Return the rows of a page that begins at a row, with the faults that pages have."""
        if self.faults.repeated and start:
            start -= length
        elif self.faults.dropped and start:
            start += length
        elif self.faults.moved and 0 < start < len(rows) and length < len(rows):
            rows = [rows[length], *rows[:length], *rows[length + 1 :]]
        return list(rows[start : start + length])

    def published(
        self, rows: Sequence[dict[str, Any]], spoil: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> tuple[Sequence[dict[str, Any]], int]:
        """Return the rows that the system publishes with its faults, and the total it claims."""
        if self.faults.empty:
            return [], 0
        if self.faults.shrunk:
            rows = rows[: len(rows) // 2]
        if self.faults.schema or self.faults.units:
            rows = [self._in_another_form(row) for row in rows]
        if self.faults.spoiled or self.faults.lying:
            published = [
                spoil(row) if position % DEFECT_EVERY == 0 else row
                for position, row in enumerate(rows)
            ]
            return published, len(published) + self.faults.lying
        return rows, len(rows)

    def _in_another_form(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with the names and the units that the system has from now on."""
        if self.faults.units:
            amounts = self._amounts & row.keys()
            row = row | {name: _in_yuan(row[name]) for name in amounts}
        if self.faults.schema:
            row = {self._renames.get(name, name): value for name, value in row.items()}
        return row


def _in_yuan(value: Any) -> Any:
    """Return an amount of 万元 as one of 元, in the spelling it had; None stays."""
    if value is None:
        return None
    return type(value)(Decimal(str(value)) * YUAN_OF_A_WAN)
