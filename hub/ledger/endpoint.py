"""`endpoint`: the log over HTTP, for auditors, witnesses and anybody who verifies.

    GET /log/checkpoint              the newest signed checkpoint
    GET /log/tile/<L>/<N>[.p/<W>]    hash tiles; /log/tile/entries/<N>[.p/<W>] the leaves' bytes
    GET /log/vkey                    the log's verifier key
    GET /log/policy                  what to pin: every log of this hub, every key, the witnesses
    GET /log/origins                 every log of this hub, with size and keys, as JSON
    GET /log/<origin>/checkpoint     the same of a log by its name, also of one that stands still
    GET /log/<origin>/tile/<L>/<N>[.p/<W>]

Paths without an origin are of the log that grows.

Invariants:
- Only what a published checkpoint covers is served; a leaf that is not signed yet is not there.
- Leaves hold type, party, key id and salted hashes, never a record: they are public by design.
  They are rebuilt from entry headers and compared with the tree before they go out.
- Answers are made here from bytes of bounded size (a tile at most 8 KiB, a bundle 256 leaves); no
  file is opened by a caller's path, and `Range` is not looked at.

C2SP tlog-tiles, tlog-checkpoint, tlog-policy; RFC 9457 for refusals.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.errors import ErrorCode, HubError, RefusedError
from hub.ledger.errors import NoteError
from hub.ledger.leaf import Leaf
from hub.ledger.limits import POLICY_LINES_MAX, TILE_WIDTH
from hub.ledger.log_store import fetch_tiles
from hub.ledger.merkle import leaf_hash
from hub.ledger.note import LOG_KEY, VerifierKey
from hub.ledger.policy import NONE, Policy
from hub.ledger.tile import Tile, build_bundle, is_served, parse_path
from hub.ledger.witnessed import newest_note
from hub.problem import problem
from hub.store.copying import Connection
from hub.store.database import Database

PREFIX = "/log"
PATH_MAX = 100
"""Longest path of a tile."""

_TEXT = "text/plain; charset=utf-8"
_BINARY = "application/octet-stream"
_JSON = "application/json"
_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_AN_HOUR = "public, max-age=3600"  # a partial tile does not change, but is soon outgrown
_FOR_A_SECOND = "public, max-age=1"

_FOR_A_MINUTE = "public, max-age=60"  # a new key must reach who asks for it

_SIZE = "SELECT coalesce(max(size), 0) FROM checkpoint WHERE origin = %s"
_KEYS = "SELECT origin, public FROM log_key ORDER BY added_at DESC, origin, public"
_ORIGINS = """
SELECT s.origin, (SELECT coalesce(max(size), 0) FROM checkpoint c WHERE c.origin = s.origin) AS size
FROM log_state s ORDER BY s.updated_at DESC, s.origin"""
_LEAVES = """
SELECT l.leaf_hash, e.record_type, e.commitment, e.party, e.key_id, e.signature_hash
FROM leaf l JOIN entry e USING (entry_id)
WHERE l.origin = %s AND l.leaf_index >= %s AND l.leaf_index < %s ORDER BY l.leaf_index"""


class LogEndpoints:
    """The routes of the log."""

    def __init__(self, database: Database, key: VerifierKey, policy: Policy | None = None) -> None:
        self._database = database
        self._key = key
        self._policy = policy or Policy((key,), {}, {}, NONE)

    def routes(self) -> list[Route]:
        """Return the routes; all take GET and HEAD only."""
        return [
            _route("/checkpoint", self._checkpoint),
            _route("/tile/{rest:path}", self._tile),
            _route("/vkey", self._vkey),
            _route("/policy", self._policy_file),
            _route("/origins", self._origins),
            _route("/{origin:path}/checkpoint", self._checkpoint),
            _route("/{origin:path}/tile/{rest:path}", self._tile),
        ]

    async def _checkpoint(self, request: Request) -> Response:
        async with self._database.reads.connection() as connection:
            note = await newest_note(connection, self._origin(request))
        if note is None:
            raise _absent(
                "There is no such log, or it has not signed anything yet.",
                "Ask again in a few seconds, or for /log/origins.",
            )
        return _answer(note, _TEXT, _FOR_A_SECOND)

    async def _vkey(self, _: Request) -> Response:
        return _answer(f"{self._key.encode()}\n".encode(), _TEXT, _FOR_AN_HOUR)

    async def policy_file(self) -> bytes:
        """Return the policy that trusts every log of this hub, by every key."""
        logs = tuple(await self._keys())[:POLICY_LINES_MAX]
        return replace(self._policy, logs=logs).encode()

    async def _policy_file(self, _: Request) -> Response:
        return _answer(await self.policy_file(), _TEXT, _FOR_A_MINUTE)

    async def _origins(self, _: Request) -> Response:
        keys = await self._keys()
        logs = [
            {
                "origin": origin,
                "size": size,
                "isGrowing": origin == self._key.name,
                "keys": [key.encode() for key in keys if key.name == origin],
                "path": f"{PREFIX}/{origin}",
            }
            for origin, size in await self._database.reads.fetch_all(_ORIGINS)
        ]
        return _answer(json.dumps({"logs": logs}).encode(), _JSON, _FOR_A_MINUTE)

    async def _keys(self) -> list[VerifierKey]:
        """Return every key that signed a log of this hub, the present one first."""
        rows = await self._database.reads.fetch_all(_KEYS)
        known = [VerifierKey(origin, LOG_KEY, public) for origin, public in rows]
        return [self._key, *(each for each in known if each != self._key)]

    def _origin(self, request: Request) -> str:
        return str(request.path_params.get("origin", self._key.name))

    async def _tile(self, request: Request) -> Response:
        tile, origin = _requested_tile(request), self._origin(request)
        async with self._database.reads.connection() as connection:
            cursor = await connection.execute(_SIZE, (origin,))
            row = await cursor.fetchone()
            if row is None or not is_served(tile, row[0]):
                raise _absent(
                    "The log has no such tile, or not as wide.",
                    "Ask for the widths that the size in its checkpoint gives.",
                )
            data = await _content(connection, origin, tile)
        is_full = tile.width == TILE_WIDTH
        return _answer(data, _BINARY, _FOR_EVER if is_full else _FOR_AN_HOUR)


async def _content(connection: Connection, origin: str, tile: Tile) -> bytes:
    if tile.level is None:
        return await _bundle(connection, origin, tile)
    tiles = await fetch_tiles(connection, origin, [tile])
    if tile not in tiles:
        raise _damaged(f"tile {tile.path} is not stored")
    return tiles[tile]


async def _bundle(connection: Connection, origin: str, tile: Tile) -> bytes:
    first = tile.index * TILE_WIDTH
    cursor = await connection.execute(_LEAVES, (origin, first, first + tile.width))
    entries = []
    for stored, *columns in await cursor.fetchall():
        entry = _entry(columns)
        if leaf_hash(entry) != stored:
            raise _damaged(f"an entry of {tile.path} is not the one in the tree")
        entries.append(entry)
    if len(entries) != tile.width:
        raise _damaged(f"{tile.path} lacks entries")
    return build_bundle(entries)


def _entry(columns: list[Any]) -> bytes:
    try:
        return Leaf(*columns).encode()
    except NoteError:
        return b""  # hashes to nothing that the tree has


def _requested_tile(request: Request) -> Tile:
    rest = request.path_params["rest"]
    try:
        if len(rest) > PATH_MAX:
            raise NoteError("TILE_PATH", "the path is too long")  # noqa: TRY301 - one answer
        return parse_path(f"tile/{rest}")
    except NoteError as error:
        raise RefusedError(
            ErrorCode.BAD_USER_INPUT,
            message_zh="这不是日志切片的路径",
            message_en="This is not the path of a tile",
            hint="Write it as C2SP tlog-tiles does, for example /log/tile/0/x001/234.p/5.",
            hint_zh="请按 C2SP tlog-tiles 书写，例如 /log/tile/0/x001/234.p/5。",
        ) from error


def _route(path: str, work: Callable[[Request], Awaitable[Response]]) -> Route:
    async def answer(request: Request) -> Response:
        try:
            return await work(request)
        except HubError as error:
            return problem(error, request.headers.get("accept-language", ""))

    return Route(PREFIX + path, answer, methods=["GET"])


def _answer(data: bytes, media_type: str, cache: str) -> Response:
    headers = {"Cache-Control": cache, "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type=media_type, headers=headers)


def _absent(message: str, hint: str) -> HubError:
    return RefusedError(ErrorCode.NOT_FOUND, message_en=message, hint=hint)


def _damaged(message: str) -> HubError:
    return HubError(
        ErrorCode.INTERNAL,
        message_en=message,
        hint="The operator must look at this.",
        hint_zh="须由平台运营方处理。",
    )
