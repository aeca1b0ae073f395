"""`nrii_endpoint`: `POST /nrii/instruInfo`, for senders that speak to the national platform only.

- Such a sender makes no proofs and signs nothing. Whoever sends to the hub does, so it reaches this
  door through its university's own `deltahub client proxy` on its own machine, which signs each
  call for it (decision 0016). At this door a call is a push like every other: token, scope,
  signature, one use.
- What is sent goes through the adapter of NRII and intake; a row that breaks the standard, or shows
  a defect that real senders have, waits in quarantine and is answered 202.
- What is at home at another hub is handed on to it (`hub.forwarding`); while that one has not said
  what became of it, the answer is 301: the form has no other code for "not now".
- `insCode` must be the NRII identifier that the sender's own institution states in its record: a
  code that nobody vouches for names nobody.
- `?wsdl` describes the service; with `port` for a sender beside its proxy.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters._adapter import Context, Mapped
from hub.access import gate
from hub.access.gate import Admitted, Door
from hub.access.rates import ADDRESS
from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.access.service import Access
from hub.access.signatures import PUSH
from hub.body import body_too_large, read_body
from hub.clock import Clock
from hub.errors import DatabaseUnavailableError, ErrorCode, HubError, RefusedError
from hub.intake.batch import Rejected, Take
from hub.intake.limits import NRII_BYTES_MAX
from hub.intake.nrii_call import (
    LISTS,
    NriiAnswer,
    NriiCall,
    answer_of,
    described,
    read_call,
    to_xml,
)
from hub.intake.parameters import bad_parameter, read_parameters
from hub.intake.push import PUSH_SCOPE, Push, batch_of, check_source
from hub.problem import problem
from hub.store.database import Database
from schema.records import Institution

PATH = "/nrii/instruInfo"
DOOR = Door(operation=PUSH, is_signed=True, scope=PUSH_SCOPE)
XML = "text/xml; charset=utf-8"
PORT_MAX = 65_535
_UNITS = """
SELECT key FROM {table}
WHERE key = ANY(%s) AND identifiers @> %s::jsonb
"""
_OWNERS = "SELECT owners FROM source WHERE source_id = %s"


class NriiEndpoint:
    """Takes single objects in the form of NRII."""

    def __init__(
        self, take: Take, access: Access, database: Database, clock: Clock, base: str
    ) -> None:
        self._take = take
        self._access = access
        self._database = database
        self._clock = clock
        self._base = base

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(PATH, self.describe, methods=["GET"]),
            Route(PATH, self.post, methods=["POST"]),
        ]

    async def describe(self, request: Request) -> Response:
        """Return the WSDL; it says nothing that is not in the documentation."""
        try:
            self._access.rates.count(request.scope, ADDRESS)
            text = described(_address(self._base, request.url.query))
        except HubError as error:
            return problem(error, request.headers.get("accept-language", ""))
        return Response(text, media_type=XML)

    async def post(self, request: Request) -> Response:
        """Take one object; every answer to a signed request is signed."""
        return await gate.through(self._access, request, DOOR, self._answer, _read)

    async def _answer(self, admitted: Admitted) -> Response:
        headers = {"Cache-Control": "no-store"}
        answer = await self._answered(admitted)
        return Response(to_xml(answer), media_type=XML, headers=headers)

    async def _answered(self, admitted: Admitted) -> NriiAnswer:
        try:
            source = _source(admitted)
            check_source(admitted.caller, source)
            kind = admitted.envelope.headers.get("content-type", "")
            call = await asyncio.to_thread(read_call, admitted.body, kind.lower())
            if isinstance(call, NriiAnswer):
                return call
            unit = await self._unit(admitted.caller, source, call.ins_code)
            if unit is None:
                return NriiAnswer(
                    "200",
                    "单位编码错误：请先在本单位 Institution 记录的 identifiers 中登记该 NRII 编码 "
                    "state the code as identifier NRII in the record of your institution first",
                )
            return await self._pushed(admitted, source, call, unit)
        except DatabaseUnavailableError:
            return NriiAnswer("301", "数据库操作异常，请稍后重发 send it again in a moment")
        except RefusedError as error:
            said = f"{error.code.name} {error.code.zh} {error.hint_zh or ''} {error.hint or ''}"
            return NriiAnswer("203", said)

    async def _pushed(
        self, admitted: Admitted, source: str, call: NriiCall, unit: str
    ) -> NriiAnswer:
        assert admitted.signed is not None, "the door asks for a signature"
        now = self._clock()
        context = Context(source=source, now=now, facts={"units": {call.ins_code: unit}})
        push = Push(source=source, rows=_rows(call, context))
        # The form has no place for receipts, so the homes of rows are not asked for them.
        scopes = admitted.caller.scopes - {Scope.RECEIPT_READ.value}
        caller = replace(admitted.caller, scopes=scopes)
        try:
            return answer_of(await self._take(batch_of(caller, admitted.signed, push, now)))
        except HubError as error:
            if error.code is not ErrorCode.HOME_UNREACHABLE:
                raise
            code = error.code
            return NriiAnswer("301", f"{code.zh}，请稍后重发 {code.en}: send it again in a moment")

    async def _unit(self, caller: Caller, source: str, ins_code: str) -> str | None:
        """Return the institution of which the caller may speak and which has this code."""
        if not ins_code:
            return None
        ((owners,),) = await self._database.reads.fetch_all(_OWNERS, (source,))
        known = [*(owners or ()), caller.party]
        stated = json.dumps([{"scheme": "NRII", "value": ins_code}])
        table = self._database.records.tables[Institution.__name__].read.name
        found = await self._database.reads.fetch_all(_UNITS.format(table=table), (known, stated))
        keys = {key for (key,) in found}
        return keys.pop() if len(keys) == 1 else None


def _rows(call: NriiCall, context: Context) -> list[Any]:
    """Return the records of what was sent, or the row that could not become any."""
    adapter, collection = LISTS[call.type]
    made = adapter.convert(collection, call.row, context)
    if made.problems:
        impersonal = {name: value for name, value in call.row.items() if name not in made.dropped}
        raw = {"collection": collection.name, "row": impersonal}
        return [Rejected(raw, made.problems, collection.types[0])]
    return [
        {"type": each.type, "record": each.record}
        for each in made.yielded
        if isinstance(each, Mapped)
    ]


def _source(admitted: Admitted) -> str:
    """Return the source that the address names, or the only one that the caller has."""
    stated = read_parameters(admitted.envelope.target_uri, {"source"})
    sources = sorted(admitted.caller.sources)
    if "source" not in stated and len(sources) == 1:
        return sources[0]
    if "source" not in stated:
        raise bad_parameter(
            "source：本客户端代表多个来源，请在地址中写明",
            "source: you have several, name one in the address",
        )
    return stated["source"]


def _address(base: str, query: str) -> str:
    """Return where the service is called: at the hub, or at a proxy on the caller's machine."""
    stated = dict(parse_qsl(query, keep_blank_values=True))
    if "wsdl" not in stated or set(stated) - {"wsdl", "port", "source"}:
        raise bad_parameter("请加 ?wsdl", "ask with ?wsdl")
    port = stated.get("port", "")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= PORT_MAX):
        raise bad_parameter("port 是端口号", "port is the number of a port")
    where = f"http://127.0.0.1:{port}" if port else base
    source = stated.get("source")
    return f"{where}{PATH}" + (f"?{urlencode({'source': source})}" if source else "")


async def _read(request: Request) -> bytes:
    return await read_body(request, NRII_BYTES_MAX, lambda: body_too_large(NRII_BYTES_MAX))
