"""`endpoint`: `POST /files` and `/mappings`: tables that a source sends as files.

- The body is the file as it is: XLSX, XLS, ODS, CSV, TSV, JSON or JSON lines. `?source=` names the
  source, `name` the file; with `mapping` it is read by a mapping that the source keeps here,
  without as the monthly workbook.
- `dryRun=true` checks and writes nothing; `marked=true` adds the workbook of the refused and the
  doubted rows; `cells=true` adds what stood in them, `rows=true` what became of each other record.
  A column whose unit is off by a power of ten is refused before anything is written, unless
  `unitsAreRight=true` says otherwise.
- The request is signed over the digest of the file, so its entries are REQUEST_SIGNED. A request
  sent again with its idempotency key gets the answer of then, unread (`kept`); if the hub was cut
  off meanwhile, batch by batch, and what had not been written is.
- `POST /mappings?source=&name=` keeps a mapping (TOML), `GET` lists them or gives one, `DELETE`
  removes it. `POST /mappings/draft` drafts one for a file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from adapters.mapping import FileFacts, MappingError, parse_mapping, suggest
from connectors.errors import ConnectorError
from connectors.words import in_both
from hub.access import gate
from hub.access.gate import Admitted, Door
from hub.access.service import Access
from hub.access.signatures import PUSH, READ
from hub.body import read_body
from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.intake.batch import Idempotency, Take
from hub.intake.files.columns import require_units
from hub.intake.files.kept import FileRequest, keep_answer, kept_answer
from hub.intake.files.service import (
    GivenFile,
    marked_workbook,
    read_given,
    submit_file,
)
from hub.intake.files.submission import Sender
from hub.intake.files.tables import read_file
from hub.intake.files.wire import mapping_problems, mapping_warnings, submitted_wire
from hub.intake.limits import (
    FILE_BYTES_MAX,
    FILE_ROWS_MAX,
    FILES_READ_AT_ONCE,
    MAPPING_BYTES_MAX,
    MAPPING_NAME_LENGTH_MAX,
)
from hub.intake.parameters import bad_parameter, read_flag, read_parameters, required_source
from hub.intake.push import PUSH_SCOPE, check_source, request_signature
from hub.problem import prefers_english, problem
from hub.store.database import Database
from hub.store.mappings import keep_mapping, kept_mapping, kept_mappings, remove_mapping
from schema.dates import format_instant
from schema.registry import standard

SIGNED = Door(operation=PUSH, is_signed=True, scope=PUSH_SCOPE)
READING = Door(operation=READ, scope=PUSH_SCOPE)
REMOVING = Door(operation=READ, is_signed=True, scope=PUSH_SCOPE)
"""A request without a body, which changes something all the same."""
FILE_PARAMETERS = {
    "source",
    "name",
    "mapping",
    "dryRun",
    "marked",
    "cells",
    "rows",
    "unitsAreRight",
}
MAPPING_PARAMETERS = {"source", "name"}
DRAFT_PARAMETERS = MAPPING_PARAMETERS | {"record", "sheet", "encoding", "rowsAt"}
Answer = Callable[[Admitted, dict[str, str]], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Act:
    """One thing that a caller can ask for: its door, its parameters, how much it may send."""

    door: Door
    parameters: set[str]
    bytes_max: int
    answer: Answer


class FileEndpoints:
    """Takes files, and keeps the mappings by which they are read."""

    def __init__(self, take: Take, access: Access, database: Database, clock: Clock) -> None:
        self._take = take
        self._database = database
        self._access = access
        self._clock = clock
        self._reading = asyncio.Semaphore(FILES_READ_AT_ONCE)

    def routes(self) -> list[Route]:
        """Return the routes."""
        acts = {
            ("POST", "/files"): _Act(SIGNED, FILE_PARAMETERS, FILE_BYTES_MAX, self._submit),
            ("POST", "/mappings"): _Act(SIGNED, MAPPING_PARAMETERS, MAPPING_BYTES_MAX, self._keep),
            ("POST", "/mappings/draft"): _Act(
                SIGNED, DRAFT_PARAMETERS, FILE_BYTES_MAX, self._draft
            ),
            ("GET", "/mappings"): _Act(READING, MAPPING_PARAMETERS, 0, self._show),
            ("DELETE", "/mappings"): _Act(REMOVING, MAPPING_PARAMETERS, 0, self._remove),
        }
        return [
            Route(path, self._handler(act), methods=[method], name=f"{method} {path}")
            for (method, path), act in acts.items()
        ]

    def _handler(self, act: _Act) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            return await self._handle(request, act)

        return handle

    async def _handle(self, request: Request, act: _Act) -> Response:
        async def work(admitted: Admitted) -> Response:
            stated = read_parameters(admitted.envelope.target_uri, act.parameters)
            check_source(admitted.caller, required_source(stated))
            try:
                return await act.answer(admitted, stated)
            except MappingError as error:
                language = request.headers.get("accept-language", "")
                refusal = RefusedError(ErrorCode.MAPPING_INVALID, hint=_first(error, language))
                return problem(refusal, language, {"problems": mapping_problems(error)})
            except ConnectorError as error:
                (zh, en), (hint_zh, hint) = in_both(error.detail), in_both(error.hint)
                raise RefusedError(
                    ErrorCode.FILE_UNREADABLE,
                    message_zh=zh,
                    message_en=en,
                    hint=hint,
                    hint_zh=hint_zh,
                ) from error

        read = _reader(act.bytes_max) if act.bytes_max else None
        return await gate.through(self._access, request, act.door, work, read)

    async def _submit(self, admitted: Admitted, stated: dict[str, str]) -> Response:
        source, dry_run = stated["source"], read_flag(stated, "dryRun")
        wants_cells, wants_marked = read_flag(stated, "cells"), read_flag(stated, "marked")
        wants_rows, sender = read_flag(stated, "rows"), self._sender(admitted)
        is_kept = not (dry_run or wants_cells or wants_marked)
        request = FileRequest.of(sender, form="-rows" if wants_rows else "")
        known = await kept_answer(self._database, request) if is_kept else None
        if known is not None:
            return _json(known)
        name = stated.get("mapping")
        given = GivenFile(
            name=stated.get("name") or "file",
            data=admitted.body,
            source=source,
            mapping_text=None if name is None else await kept_mapping(self._database, source, name),
            institution=admitted.caller.party or "",
        )
        async with self._reading:
            file = await asyncio.to_thread(read_given, given)
        if sum(len(each.converted) for each in file.tables) > FILE_ROWS_MAX:
            hint = f"At most {FILE_ROWS_MAX} rows; `deltahub client submit` cuts larger files."
            hint_zh = f"至多 {FILE_ROWS_MAX} 行；`deltahub client submit` 会自动切分大文件。"
            raise RefusedError(ErrorCode.BATCH_TOO_LARGE, hint=hint, hint_zh=hint_zh)
        if not read_flag(stated, "unitsAreRight"):
            require_units(file.tables)
        submissions = await submit_file(
            self._database, file, sender=sender, clock=self._clock, dry_run=dry_run
        )
        marked = (
            await asyncio.to_thread(marked_workbook, file, submissions) if wants_marked else None
        )
        answer = submitted_wire(
            file, submissions, workbook=marked, cells=wants_cells, rows=wants_rows
        )
        if is_kept and not any(each.report.unsettled for each in submissions):
            await keep_answer(self._database, request, answer, submissions, self._clock())
        return _json(answer)

    def _sender(self, admitted: Admitted) -> Sender:
        caller, signed = admitted.caller, admitted.signed
        assert signed is not None, "the door asks for a signature"
        assert caller.party is not None, "a client acts for a party"
        return Sender(
            party=caller.party,
            client_id=caller.client_id,
            request=request_signature(caller, signed),
            idempotency=Idempotency(key=signed.idempotency_key, body_hash=signed.body_hash),
            caller=caller,
            take=self._take,
        )

    async def _keep(self, admitted: Admitted, stated: dict[str, str]) -> Response:
        name, client_id = _mapping_name(stated), admitted.caller.client_id
        assert client_id is not None, "who signs has a client"
        try:
            text = admitted.body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RefusedError(ErrorCode.NOT_UTF8) from error
        mapping = await asyncio.to_thread(parse_mapping, text)
        version = await keep_mapping(
            self._database, stated["source"], name, text, client_id=client_id, now=self._clock()
        )
        kept = {"source": stated["source"], "name": name, "version": version}
        return _json({**kept, "warnings": mapping_warnings(mapping)})

    async def _draft(self, admitted: Admitted, stated: dict[str, str]) -> Response:
        name, record = stated.get("name") or "file", stated.get("record")
        if record is not None and record not in standard():
            known = ", ".join(standard().names)
            raise RefusedError(
                ErrorCode.RECORD_TYPE_UNKNOWN, hint=f"One of: {known}.", hint_zh=f"可用：{known}。"
            )
        facts = FileFacts(
            sheet=stated.get("sheet"),
            rows_at=stated.get("rowsAt", ""),
            encoding=stated.get("encoding"),
        )
        title = name.rpartition(".")[0] or name
        async with self._reading:
            table = await asyncio.to_thread(read_file, name, admitted.body, facts)
            text = await asyncio.to_thread(suggest, table, title, record, facts)
        return PlainTextResponse(text, media_type="application/toml", headers=_NOT_KEPT)

    async def _show(self, _: Admitted, stated: dict[str, str]) -> Response:
        if "name" in stated:
            text = await kept_mapping(self._database, stated["source"], stated["name"])
            return PlainTextResponse(text, media_type="application/toml", headers=_NOT_KEPT)
        listed = await kept_mappings(self._database, stated["source"])
        return _json(
            {
                "mappings": [
                    {
                        "name": each.name,
                        "version": each.version,
                        "since": format_instant(each.since),
                    }
                    for each in listed
                ]
            }
        )

    async def _remove(self, _: Admitted, stated: dict[str, str]) -> Response:
        await remove_mapping(self._database, stated["source"], _mapping_name(stated))
        return _json({"removed": stated["name"]})


_NOT_KEPT = {"Cache-Control": "no-store"}


def _json(content: Mapping[str, Any]) -> Response:
    return JSONResponse(dict(content), headers=_NOT_KEPT)


def _mapping_name(stated: Mapping[str, str]) -> str:
    name = stated.get("name", "")
    if not 0 < len(name) <= MAPPING_NAME_LENGTH_MAX or not name.isprintable():
        raise bad_parameter(
            f"name 是映射的名称，1 至 {MAPPING_NAME_LENGTH_MAX} 个字符",
            f"name is the mapping's name, 1 to {MAPPING_NAME_LENGTH_MAX} characters",
        )
    return name


def _first(error: MappingError, language: str) -> str:
    first = error.problems[0]
    return first.en if prefers_english(language) else first.zh


def _reader(bytes_max: int) -> Callable[[Request], Awaitable[bytes]]:
    hint = f"At most {bytes_max >> 10} KiB; `deltahub client submit` cuts larger files."
    hint_zh = f"至多 {bytes_max >> 10} KiB；`deltahub client submit` 会自动切分大文件。"

    def read(request: Request) -> Awaitable[bytes]:
        return read_body(
            request,
            bytes_max,
            lambda: RefusedError(ErrorCode.BODY_TOO_LARGE, hint=hint, hint_zh=hint_zh),
        )

    return read
