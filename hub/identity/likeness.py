"""`likeness`: by what two keys may name one thing, and which pairs need no person; pure.

- An identifier that a register gives once (`CERTAIN`) tells one thing from all others, an inventory
  number does so within its institution. Maker, model and serial number are written by hand: a pair
  that only they join waits for a person. A name is never evidence.
- A pair is certain when such an identifier joins it, both are of one owner, no source states both
  keys (who does counts them as two), their plates do not contradict, and every other key that is
  joined to either of them so is joined to both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from schema.codes import IdentifierScheme
from schema.codes.words import maker_words

CERTAIN = frozenset(
    scheme.name
    for scheme in (
        IdentifierScheme.NRII,
        IdentifierScheme.DOI,
        IdentifierScheme.HANDLE,
        IdentifierScheme.CSTR,
        IdentifierScheme.INVENTORY_NUMBER,
    )
)
"""Schemes that name one thing, the last one within an institution."""
WITHIN_OWNER = frozenset((IdentifierScheme.INVENTORY_NUMBER.name, IdentifierScheme.OTHER.name))
"""Schemes whose values mean something only within an institution."""
NOT_ALONE = frozenset((IdentifierScheme.SERIAL_NUMBER.name, IdentifierScheme.ORCID.name))
"""Schemes that tell nothing without the maker, or nothing of an instrument."""
SPELLINGS = {
    "ASSET": IdentifierScheme.INVENTORY_NUMBER.name,
    "ASSET_NUMBER": IdentifierScheme.INVENTORY_NUMBER.name,
    "ASSET_NO": IdentifierScheme.INVENTORY_NUMBER.name,
    "资产号": IdentifierScheme.INVENTORY_NUMBER.name,
    "INSCODE": IdentifierScheme.NRII.name,
    "HDL": IdentifierScheme.HANDLE.name,
}
"""Other names of schemes that senders use; beside them each scheme's own name in zh."""
PLACEHOLDERS = (
    "",
    "0",
    "无",
    "不详",
    "未知",
    "暂无",
    "na",
    "none",
    "null",
    "nil",
    "unknown",
    "xxx",
)
"""What people write where they know no number, in plain form."""
_BETWEEN = re.compile(r"[\s\-_.,/()'·]+")


class Doubt(StrEnum):
    """Why a pair waits for a person."""

    PLATE_ONLY = "only maker, model and serial number agree"
    IDENTIFIER = "an identifier of no register that gives each one once"
    OTHER_OWNER = "they belong to two institutions"
    ONE_SOURCE = "one source states both, as two"
    CONTRADICTION = "maker or serial number contradict"
    TAKEN_BACK = "they were linked, and it was taken back"
    AMBIGUOUS = "a third key shares an identifier with one of them only"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two keys that may name one thing."""

    record_type: str
    first: str
    second: str
    shared: tuple[str, ...]
    """What both have."""
    doubts: frozenset[Doubt] = frozenset()
    said_by: tuple[str, ...] = ()
    """Owners who say already that they are one; one of them alone has no effect."""

    @property
    def is_certain(self) -> bool:
        """Whether they need no person."""
        return not self.doubts


def plain(text: str) -> str:
    """Return a maker, model or number without case, width, blanks and marks between parts.

    `hub.store.candidates` writes the same in SQL.
    """
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", text)).lower()


def makers() -> Mapping[str, str]:
    """Return by plain spelling the first name of each maker of the word list."""
    found: dict[str, str] = {}
    for words in maker_words():
        for word in words:
            found.setdefault(plain(word), plain(words[0]))
    return found


def schemes() -> Mapping[str, str]:
    """Return by spelling in capitals the name of each scheme."""
    official = {scheme.zh.upper(): scheme.name for scheme in IdentifierScheme}
    return SPELLINGS | official | {scheme.name: scheme.name for scheme in IdentifierScheme}


def doubted_where_ambiguous(pairs: Iterable[Pair]) -> list[Pair]:
    """Return all pairs; those that are not joined each to each within their group are doubtful."""
    found = list(pairs)
    near: dict[tuple[str, str], set[str]] = {}
    for pair in found:
        if pair.is_certain:
            near.setdefault((pair.record_type, pair.first), {pair.first}).add(pair.second)
            near.setdefault((pair.record_type, pair.second), {pair.second}).add(pair.first)
    return [
        pair
        if not pair.is_certain
        or near[pair.record_type, pair.first] == near[pair.record_type, pair.second]
        else _doubted(pair)
        for pair in found
    ]


def _doubted(pair: Pair) -> Pair:
    return Pair(
        record_type=pair.record_type,
        first=pair.first,
        second=pair.second,
        shared=pair.shared,
        doubts=pair.doubts | {Doubt.AMBIGUOUS},
        said_by=pair.said_by,
    )
