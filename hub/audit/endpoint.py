"""`endpoint`: the audit over HTTP, for a caller about itself and an institution about its records.

`GET /audit?after=<id>&first=<n>` needs `receipt:read`; rows come in their order, oldest first, with
`next` to go on from. What a row says of other owners' records is left out.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.access import gate
from hub.access.gate import Admitted, Door
from hub.access.scopes import Scope
from hub.access.service import Access
from hub.access.signatures import READ
from hub.audit.limits import PAGE_MAX
from hub.audit.service import Audit
from hub.errors import ErrorCode, RefusedError

DOOR = Door(operation=READ, scope=Scope.RECEIPT_READ.value)
_NUMBER = re.compile("[0-9]{1,18}")
_PARAMETERS = frozenset({"after", "first"})


class AuditEndpoint:
    """The route of the audit."""

    def __init__(self, audit: Audit, access: Access) -> None:
        self._audit = audit
        self._access = access

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/audit", self.page)]

    async def page(self, request: Request) -> Response:
        """Answer a page of rows that concern the caller's party."""

        async def work(admitted: Admitted) -> Response:
            after, first = _numbers(request)
            party = admitted.caller.party
            rows = [] if party is None else await self._audit.concerning(party, after, first)
            following = str(rows[-1].audit_id) if len(rows) == first else None
            body = {"rows": [row.to_wire() for row in rows], "next": following}
            return JSONResponse(body, headers={"Cache-Control": "no-store"})

        return await gate.through(self._access, request, DOOR, work)


def _numbers(request: Request) -> tuple[int, int]:
    stated = request.query_params
    names = [name for name, _ in stated.multi_items()]
    after, first = stated.get("after", "0"), stated.get("first", str(PAGE_MAX))
    is_read = set(names) <= _PARAMETERS and len(names) == len(set(names))
    if not (is_read and _NUMBER.fullmatch(after) and _NUMBER.fullmatch(first)):
        hint = "Send after and first, once each, as numbers."
        hint_zh = "after 与 first 各写一次，须为数字。"
        raise RefusedError(ErrorCode.BAD_USER_INPUT, hint=hint, hint_zh=hint_zh)
    if not 1 <= int(first) <= PAGE_MAX:
        raise RefusedError(
            ErrorCode.BAD_USER_INPUT,
            hint=f"first is from 1 to {PAGE_MAX}.",
            hint_zh=f"first 为 1 至 {PAGE_MAX}。",
        )
    return int(after), int(first)
