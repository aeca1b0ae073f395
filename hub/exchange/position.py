"""`position`: the cursor of a follower of the change feed; pure.

- It holds the epoch of the database, hashes of the request and of the caller's rights, the place in
  the order of entries, and up to when changes of those rights were reported (see
  `hub.exchange.service`).
- It is untrusted input. A forged cursor only moves the forger's own place in the feed.

RFC 4648 §5 (base64url, without padding).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from hub.crypto.base64url import b64url, unb64url
from hub.errors import ErrorCode, RefusedError
from hub.exchange.limits import CURSOR_CHARACTERS_MAX
from schema.strict_json import read_json

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
_VERSION = 1
_NUMBER_END = 1 << 63
_HASH_CHARACTERS = 22

Place = tuple[int, int]
"""Transaction and entry id; the follower has passed every entry up to this one."""
START: Place = (0, -1)


@dataclass(frozen=True, slots=True)
class Mark:
    """At the time `at` (seconds since 1970) all transactions below `xid` had ended."""

    xid: int
    at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedPosition:
    """The place in the feed that a follower has reached."""

    place: Place
    day: date
    """The last day whose beginning and ending grants were reported."""
    mark: Mark


@dataclass(frozen=True, slots=True)
class Question:
    """What a cursor is valid for: one request of one party, with one set of rights."""

    request_hash: str
    rights_hash: str


def question(
    party: str | None,
    types: Iterable[str],
    owner: str | None,
    scopes: Iterable[str],
    link: int = -1,
) -> Question:
    """Return what a cursor is valid for.

    `link`: the newest entry of a link that may have given the party another name.
    """
    return Question(_hash([party, sorted(types), owner]), _hash([*sorted(scopes), link]))


def encode(position: FeedPosition, epoch: str, of: Question) -> str:
    """Return the cursor of a position."""
    (xid, entry_id), mark = position.place, position.mark
    parts = [
        _VERSION,
        epoch,
        of.request_hash,
        of.rights_hash,
        xid,
        entry_id,
        position.day.isoformat(),
    ]
    data = json.dumps([*parts, mark.xid, mark.at], separators=(",", ":")).encode()
    return b64url(data)


def decode(cursor: str, epoch: str, of: Question) -> FeedPosition:
    """Read a cursor.

    Raises `RefusedError`: BAD_CURSOR for text that is no cursor, or belongs to another request;
    CURSOR_RESET when the epoch or the rights have changed since.
    """
    document = _document(cursor)
    if not isinstance(document, list) or len(document) != 9 or document[0] != _VERSION:  # noqa: PLR2004
        raise _bad()
    _, its_epoch, request_hash, rights_hash, xid, entry_id, day, mark_xid, mark_at = document
    numbers = (xid, mark_xid, mark_at)
    if request_hash != of.request_hash or not all(map(_is_number, numbers)):
        raise _bad()
    if entry_id != -1 and not _is_number(entry_id):
        raise _bad()
    try:
        followed = date.fromisoformat(day)
    except (TypeError, ValueError) as error:
        raise _bad() from error
    if its_epoch != epoch:
        raise reset(
            "数据库经过恢复，或来源登记有变。",
            "The database was restored, or its sources are registered otherwise.",
        )
    if rights_hash != of.rights_hash:
        raise reset(
            "令牌的权限范围或本单位的关联与发放游标时不同。",
            "The token has other scopes, or its party other links, than when it was given.",
        )
    return FeedPosition(place=(xid, entry_id), day=followed, mark=Mark(mark_xid, mark_at))


def reset(zh: str, en: str) -> RefusedError:
    """Return the refusal of a cursor after which the follower has to start again."""
    return RefusedError(
        ErrorCode.CURSOR_RESET,
        hint=f"{en} Drop what was mirrored and follow again without `after`.",
        hint_zh=f"{zh}请清空已同步的内容，不带 after 从头同步。",
    )


def _hash(value: Any) -> str:
    digest = sha256(json.dumps(value).encode()).digest()
    return b64url(digest)[:_HASH_CHARACTERS]


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _NUMBER_END


def _document(cursor: str) -> Any:
    if len(cursor) > CURSOR_CHARACTERS_MAX or not _ALPHABET.fullmatch(cursor):
        raise _bad()
    try:
        return read_json(unb64url(cursor).decode())
    except ValueError as error:
        raise _bad() from error


def _bad() -> RefusedError:
    return RefusedError(
        ErrorCode.BAD_CURSOR,
        hint="Use the endCursor of an earlier page of `changes` with the same types and owner, "
        "unchanged, and only as the party that it was given to.",
        hint_zh="请原样使用先前 changes 同一 types 与 owner 所给的 endCursor，且由同一单位使用。",
    )
