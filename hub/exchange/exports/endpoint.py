"""`endpoint`: exports over HTTP: the list, a manifest, the bytes of a part, removal.

- A part is given out whole or in a range, so that a download that broke goes on where it stopped.
  Its tag is its hash: bytes of another file are never joined to it (`If-Range`).
- Rights are looked at anew for each part; nobody reaches the exports of another client.
- A part is sent piece by piece, read from the database as its reader takes them. An answer that is
  to be signed is made whole first, so a signed request asks for ranges of `SIGNED_MAX`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hub.access import gate
from hub.access.gate import Admitted, Door
from hub.access.scopes import Scope
from hub.access.service import Access
from hub.access.signatures import KEY_CHANGE, READ
from hub.entity_tag import is_held
from hub.errors import ErrorCode, RefusedError
from hub.exchange.exports.formats import ExportFormat
from hub.exchange.exports.limits import (
    DOWNLOADS_OF_ONE,
    MIB,
    PIECE_WAIT_S,
    PIECES_AT_ONCE,
    PIECES_OF_ONE,
)
from hub.exchange.exports.manifest import PATH, manifest_of, name_of, summary_of
from hub.exchange.exports.ranges import ByteRange, NoSuchRangeError, asked_range
from hub.exchange.exports.service import ExportDesk, not_found
from hub.store.database import Database
from hub.store.exports import CHUNK_BYTES, ExportPart, KeptExport, chunk
from hub.store.fair import Asker, FairQueue, Shares

SIGNED_MAX = 8 * MIB
"""Bytes of a part in one signed answer."""
LOOK = Door(operation=READ, scope=Scope.EXPORT_READ.value)
CHANGE = Door(operation=KEY_CHANGE, is_signed=True, scope=Scope.EXPORT_READ.value)
Work = Callable[[Admitted, Request], Awaitable[Response]]


class ExportEndpoints:
    """The routes of exports."""

    def __init__(self, desk: ExportDesk, database: Database, access: Access) -> None:
        self._desk = desk
        self._database = database
        self._access = access
        shares = Shares(client_runs=PIECES_OF_ONE, client_waits=DOWNLOADS_OF_ONE)
        self._turns = FairQueue(PIECES_AT_ONCE, shares, PIECE_WAIT_S)

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = f"{PATH}/{{id}}"
        doors: list[tuple[str, str, Door, Work]] = [
            ("GET", PATH, LOOK, self._list),
            ("GET", one, LOOK, self._manifest),
            ("GET", f"{one}/parts/{{number}}", LOOK, self._part),
            ("DELETE", one, CHANGE, self._remove),
        ]
        return [
            Route(path, partial(self._serve, door=door, work=work), methods=[method])
            for method, path, door, work in doors
        ]

    async def _serve(self, request: Request, *, door: Door, work: Work) -> Response:
        return await gate.through(self._access, request, door, lambda each: work(each, request))

    async def _list(self, admitted: Admitted, _: Request) -> Response:
        kept = await self._desk.listed(admitted.caller)
        return _json({"exports": [summary_of(each, self._desk.base) for each in kept]})

    async def _manifest(self, admitted: Admitted, request: Request) -> Response:
        state = await self._desk.look(admitted.caller, request.path_params["id"])
        return _json(manifest_of(state, self._desk.base))

    async def _remove(self, admitted: Admitted, request: Request) -> Response:
        export_id = request.path_params["id"]
        await self._desk.remove(admitted.caller, export_id)
        return _json({"removed": export_id})

    async def _part(self, admitted: Admitted, request: Request) -> Response:
        state = await self._desk.readable(admitted.caller, request.path_params["id"])
        number = request.path_params["number"]
        parts = {str(each.number): each for each in state.parts}
        part = parts.get(number)
        if part is None:
            raise not_found()
        tag = f'"{part.sha256.hex()}"'
        headers = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache, no-transform",
            "Content-Disposition": f'attachment; filename="{name_of(state.kept, part.number)}"',
            "Content-Type": ExportFormat[state.kept.format].value.media_type,
            "ETag": tag,
            "Repr-Digest": f"sha-256=:{b64encode(part.sha256).decode()}:",
            "Vary": "Authorization, DPoP",
        }
        if is_held(request, tag):
            return Response(status_code=304, headers=headers)
        wanted, status = ByteRange(0, part.size), 200
        try:
            # RFC 9110 §14.2: only GET has ranges, a HEAD with one is answered as without
            asked = request.headers.getlist("range") if request.method == "GET" else []
            ranged = asked_range(asked, request.headers.get("if-range"), tag, part.size)
        except NoSuchRangeError as error:
            raise RangeEmptyError(part.size) from error
        if ranged is not None:
            wanted, status = ranged, 206
            headers["Content-Range"] = f"bytes {ranged.start}-{ranged.end - 1}/{part.size}"
        headers["Content-Length"] = str(wanted.size)
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers)
        pieces = self._pieces(state.kept, part, wanted)
        if admitted.signed is None:
            return StreamingResponse(pieces, status_code=status, headers=headers)
        if wanted.size > SIGNED_MAX:
            raise RefusedError(
                ErrorCode.BAD_USER_INPUT,
                hint=f"A signed answer has {SIGNED_MAX} bytes at most: ask for a Range.",
                hint_zh=f"签名应答至多 {SIGNED_MAX} 字节，请以 Range 分段读取。",
            )
        return Response(b"".join([each async for each in pieces]), status, headers=headers)

    async def _pieces(
        self, kept: KeptExport, part: ExportPart, wanted: ByteRange
    ) -> AsyncIterator[bytes]:
        """Yield bytes of a part, in turns with others; it ends short where they are gone."""
        at, asker = wanted.start, Asker(kept.client_id)
        while at < wanted.end:
            number, offset = divmod(at, CHUNK_BYTES)
            async with self._turns.turn(asker):
                piece = await chunk(self._database, kept.export_id, part.number, number)
            if piece is None:
                return
            cut = piece[offset : offset + wanted.end - at]
            at += len(cut)
            yield cut


class RangeEmptyError(RefusedError):
    """A part has no byte of the range; says how many it has (RFC 9110 §15.5.17)."""

    def __init__(self, size: int) -> None:
        self.headers = {"Content-Range": f"bytes */{size}"}
        super().__init__(
            ErrorCode.RANGE_EMPTY,
            hint=f"The part has {size} bytes.",
            hint_zh=f"该文件共 {size} 字节。",
        )


def _json(content: object) -> Response:
    return JSONResponse(content, headers={"Cache-Control": "no-store"})
