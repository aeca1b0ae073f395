"""`endpoint`: `POST /batches`, the push of a source's own records.

- The body is NDJSON: one `{"type", "record", "jws"?}` or `{"type", "withdraw", "jws"?}` a line.
- `?source=` names the source, `?dryRun=true` checks without writing, `?asOf=` says when the source
  knew it. All are part of the signed target.
- A body that cannot be read as a whole (too big, not UTF-8, a line that is not JSON) is refused
  whole: one error, nothing written. A row that breaks the standard is quarantined and the rest
  goes in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_hex
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.access import gate
from hub.access.envelope import Envelope
from hub.access.gate import Admitted, Door
from hub.access.relay import Relay, believed
from hub.access.resource import Caller
from hub.access.service import Access
from hub.access.signatures import PUSH
from hub.audit.rows import errand_row
from hub.audit.service import Audit
from hub.body import read_body
from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.intake.batch import Batch, Outcomes, Take
from hub.intake.limits import (
    BATCH_BYTES_MAX,
    BATCH_LINES_MAX,
    BATCH_PARTS_MAX,
    BATCH_ROWS_MAX,
    HOME_SPARE_S,
    ROW_BYTES_MAX,
    ROW_PARTS_MAX,
)
from hub.intake.parameters import bad_parameter, read_flag, read_parameters, required_source
from hub.intake.push import PUSH_SCOPE, Push, batch_of, check_source
from hub.watching.notes import current
from schema.dates import DateError, parse_instant
from schema.strict_json import explained, read_json

NDJSON_TYPES = frozenset(
    {
        *("application/x-ndjson", "application/ndjson", "application/jsonl"),
        *("application/x-jsonlines", "application/json"),
    }
)
"""Names under which clients send lines of JSON; one line is a document as well."""


def _check_content_type(envelope: Envelope) -> None:
    kind, _, rest = envelope.headers.get("content-type", "").lower().partition(";")
    charset = rest.replace(" ", "").replace('"', "")
    if kind.strip() not in NDJSON_TYPES or charset not in ("", "charset=utf-8"):
        raise RefusedError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            hint="Send application/x-ndjson in UTF-8, one JSON object a line; a table goes to "
            "POST /files.",
            hint_zh="请以 UTF-8 编码的 application/x-ndjson 发送，每行一个 JSON 对象；"
            "表格文件请发到 POST /files。",
        )


DOOR = Door(operation=PUSH, is_signed=True, scope=PUSH_SCOPE, check=_check_content_type)

PARAMETERS = {"source", "dryRun", "asOf"}
AS_OF_ZH = "写作 2026-11-23T09:00:00+08:00，须带时差（加号写作 %2B）"
AS_OF_EN = "write 2026-11-23T09:00:00+08:00, with its offset (its plus as %2B)"


@dataclass(frozen=True, slots=True)
class _Query:
    source: str
    dry_run: bool
    as_of: datetime | None


class BatchEndpoint:
    """Takes batches of signed pushes."""

    def __init__(
        self, take: Take, access: Access, clock: Clock, audit: Audit | None = None
    ) -> None:
        """Without `audit` nothing is audited: tests and benchmarks."""
        self._audit = audit
        self._submit = take
        self._access = access
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/batches", self.post, methods=["POST"])]

    async def post(self, request: Request) -> Response:
        """Take one batch; every answer to a signed request is signed."""
        arrived = asyncio.get_running_loop().time()

        async def answer(admitted: Admitted) -> Response:
            return await self._answer(admitted, arrived)

        return await gate.through(self._access, request, DOOR, answer, _read)

    async def _answer(self, admitted: Admitted, arrived: float) -> Response:
        outcomes = await self._take(admitted, arrived)
        return Response(
            await asyncio.to_thread(outcomes.to_text),
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def _take(self, admitted: Admitted, arrived: float) -> Outcomes:
        caller, signed = admitted.caller, admitted.signed
        assert signed is not None, "the door asks for a signature"
        query = _query(admitted.envelope)
        check_source(caller, query.source)
        rows = await asyncio.to_thread(read_rows, admitted.body)
        push = Push(source=query.source, rows=rows, dry_run=query.dry_run, as_of=query.as_of)
        batch = batch_of(caller, signed, push, self._clock())
        relay = believed(admitted)
        if relay is not None:
            batch = replace(batch, until=arrived + relay.left_s - HOME_SPARE_S)
        await self._note(caller, batch, relay)
        return await self._submit(batch)

    async def _note(self, caller: Caller, batch: Batch, relay: Relay | None) -> None:
        """Write down for whom a hub pushes, before it does; nothing of who pushes for himself."""
        if caller.requester is None or self._audit is None:
            return
        evidence = batch.evidence.hash
        row = errand_row(
            caller,
            self._clock(),
            f"push {batch.source}",
            notes.request_id if (notes := current()) else token_hex(8),
            {"rows": len(batch.rows), "evidence": None if evidence is None else evidence.hex()},
            relay,
        )
        await self._audit.act(row)


def _query(envelope: Envelope) -> _Query:
    stated = read_parameters(envelope.target_uri, PARAMETERS)
    as_of = _instant(stated["asOf"]) if "asOf" in stated else None
    return _Query(required_source(stated), read_flag(stated, "dryRun"), as_of)


def _instant(text: str) -> datetime:
    try:
        moment = parse_instant(text)
    except DateError as error:
        raise bad_parameter(f"asOf：{AS_OF_ZH}", f"asOf: {AS_OF_EN}") from error
    if moment.assumed_zone:
        raise bad_parameter(f"asOf：{AS_OF_ZH}", f"asOf: {AS_OF_EN}")
    return moment.at


def read_rows(body: bytes) -> list[dict[str, Any]]:
    """Read an NDJSON body; blank lines are passed over.

    Raises `RefusedError` NOT_UTF8, NOT_JSON (with the line), BATCH_EMPTY or BATCH_TOO_LARGE. What a
    body holds is counted before it is read: reading and keeping millions of small values would
    hold up the process though a thread does it.
    """
    if body.count(b"\n") > BATCH_LINES_MAX:
        raise _too_many(f"{BATCH_LINES_MAX} 行文本", f"{BATCH_LINES_MAX} lines")
    if body.count(b"{") + body.count(b"[") > BATCH_PARTS_MAX:
        raise _too_many(f"{BATCH_PARTS_MAX} 个对象与列表", f"{BATCH_PARTS_MAX} objects and lists")
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(body.split(b"\n"), start=1):
        if len(line) > ROW_BYTES_MAX:
            raise _too_many(
                f"每行 {ROW_BYTES_MAX} 字节（第 {number} 行超出）",
                f"{ROW_BYTES_MAX} bytes in a row (line {number} has more)",
            )
        if not line or line.isspace():
            continue
        if len(rows) == BATCH_ROWS_MAX:
            raise _too_many(f"{BATCH_ROWS_MAX} 行数据", f"{BATCH_ROWS_MAX} rows")
        rows.append(_row(line, number))
    if not rows:
        raise RefusedError(
            ErrorCode.BATCH_EMPTY,
            hint="Send one JSON object a line (NDJSON).",
            hint_zh="请每行发送一个 JSON 对象（NDJSON）。",
        )
    return rows


def _row(line: bytes, number: int) -> dict[str, Any]:
    if line.count(b",") > ROW_PARTS_MAX:
        raise _too_many(
            f"每行 {ROW_PARTS_MAX} 个值（第 {number} 行超出）",
            f"{ROW_PARTS_MAX} values in a row (line {number} has more)",
        )
    try:
        row = read_json(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RefusedError(
            ErrorCode.NOT_UTF8,
            hint=f"Byte {error.start} of line {number} is not UTF-8; send the file as UTF-8.",
            hint_zh=f"第 {number} 行第 {error.start} 字节不是 UTF-8，请将文件另存为 UTF-8。",
        ) from error
    except ValueError as error:
        zh, en = explained(error, in_line=True)
        raise RefusedError(
            ErrorCode.NOT_JSON,
            hint=f"Line {number} is not one JSON object: {en}",
            hint_zh=f"第 {number} 行不是一个 JSON 对象：{zh}",
        ) from error
    if not isinstance(row, dict):
        raise RefusedError(
            ErrorCode.NOT_JSON,
            hint=f"Line {number} is not a JSON object.",
            hint_zh=f"第 {number} 行不是 JSON 对象。",
        )
    return row


def _too_many(zh: str, en: str) -> RefusedError:
    return RefusedError(
        ErrorCode.BATCH_TOO_LARGE,
        hint=f"Send at most {en} at once.",
        hint_zh=f"每次至多 {zh}，请分批发送。",
    )


def _read(request: Request) -> Awaitable[bytes]:
    """Read the body, but never more than one batch may have."""
    return read_body(request, BATCH_BYTES_MAX, _too_large)


def _too_large() -> RefusedError:
    most = BATCH_BYTES_MAX // 2**20
    return RefusedError(
        ErrorCode.BATCH_TOO_LARGE,
        hint=f"Send at most {most} MiB at once; split the batch.",
        hint_zh=f"每次至多 {most} MiB，请分批发送。",
    )
