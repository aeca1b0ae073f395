"""Tables as the mapping sees them: named columns, numbered rows, and the texts of cells.

- Column names are compared without regard to case, blanks and the width of brackets and digits.
- A cell of a JSON source may hold a list; an address such as `names[lang=zh].value` looks inside.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias

from connectors.workbook_cells import NO_RESULT
from schema.strict_json import read_json
from schema.texts import INVISIBLE, without_invisible

_SPACES = re.compile(r"\s+")
ENDS = INVISIBLE + "".join(filter(str.isspace, map(chr, range(0x3001))))
"""Blanks and what shows nothing: a byte order mark in the middle of a file, what a web page leaves
behind when it is copied. At its ends it hides no word of a cell and is no part of a text; in a key
it is refused like everything that cannot be seen (`schema.keys`)."""


class RoundedNumber(int):
    """A number of a spreadsheet with more digits than it keeps: the last ones are made up."""


Cell: TypeAlias = str | int | Decimal | bool | date | datetime | time | None
Content: TypeAlias = Cell | list[Any]

ROW_NUMBER_COLUMN = "原行号 original row"
"""Column that is put in front of rows that go back to their sender; never read as data."""
PLACES_MAX = 400
"""A number of more places is written with its exponent: 1E+999999999 written out is a gigabyte."""
MISSING_TEXTS = frozenset({""})

_AS_TEXT = re.compile(r'="([^"]*)"|\'([=+@-]?[0-9][^\s\']*)')
"""How a spreadsheet program is told to keep zeros, and how it marks a number as a text."""
_FORMULA = re.compile(
    r'=[-+(]*(?:[A-Z][A-Z0-9.]*\(|\$?[A-Z]{1,3}\$?[0-9]+(?![0-9A-Za-z])|"'
    r"|[0-9]+(?:\.[0-9]+)?(?:[-+*/&^()]|$))"
)
_SELECT = re.compile(r"(?P<column>[^\[\]]+)\[(?P<which>[^\]]*)\](?:\.(?P<rest>.+))?")
_POSITION = re.compile(r"#([1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; `position` counts from 1, `name` is its header as written."""

    position: int
    name: str


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of data, with the number that its sender sees."""

    number: int
    cells: tuple[Content, ...]
    unread: Unread | None = None
    """Why the row could not be parted into cells; its one cell is then the line as it was sent."""


@dataclass(frozen=True, slots=True)
class Unread:
    """What is wrong with a line that is no row: a stable code and a sentence in each language."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of one file: its columns and its rows of data, and what stood above them."""

    columns: tuple[Column, ...]
    rows: tuple[SourceRow, ...]
    sheet: str = ""
    header_row: int = 1
    above: tuple[SourceRow, ...] = ()
    header: SourceRow | None = None
    """The header as it was written; a JSON source has none."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Detected properties of the file: format, encoding, delimiter."""


def match_text(name: str) -> str:
    """Return the form in which column names are compared."""
    plain = unicodedata.normalize("NFKC", name).strip(ENDS)
    return _SPACES.sub("", plain).casefold()


def text_of(content: Content) -> str:
    """Write a cell as a person would; a list is written as JSON."""
    if type(content) is str:  # nearly every cell of a text file, and most of these are ASCII
        plain = content if content.isascii() else unicodedata.normalize("NFC", content)
        return plain.strip()
    match content:
        case None:
            text = ""
        case bool():
            text = "true" if content else "false"
        case Decimal() if content.is_finite() and abs(content.adjusted()) <= PLACES_MAX:
            is_whole = content == content.to_integral_value()
            text = format(content.to_integral_value() if is_whole else content, "f")
        case datetime() if content.time() == time() and content.tzinfo is None:
            text = content.date().isoformat()
        case datetime():
            text = content.isoformat(sep=" ")
        case date() | time():
            text = content.isoformat()
        case list():
            text = json.dumps(content, ensure_ascii=False, default=str)
        case _:
            text = unicodedata.normalize("NFC", str(content)).strip()
    return text


def trimmed(text: str) -> str:
    """Return a text without blanks and what shows nothing at its ends."""
    return text.strip() if text.isascii() else text.strip(ENDS)


def word_of(text: str) -> str:
    """Return a text as it is compared with words of a mapping: nothing unseen hides one."""
    return _SPACES.sub(" ", without_invisible(text)).strip()


def is_blank(content: Content, empty: frozenset[str] = MISSING_TEXTS) -> bool:
    """Tell whether a cell says nothing: it is empty or holds a word that stands for nothing."""
    if content is None or content == []:
        return True
    return isinstance(content, str) and (not (text := trimmed(content)) or text in empty)


Getter: TypeAlias = Callable[[SourceRow], Content]


@dataclass(frozen=True, slots=True)
class ColumnPlace:
    """A column that an address means, and how to take its content out of a row."""

    column: Column
    get: Getter


def locate(address: str, columns: Sequence[Column]) -> ColumnPlace | None:
    """Find the column of an address: a name, `#3`, or a name with a selector for JSON lists."""
    by_name = {match_text(column.name): column for column in columns if column.name}
    wanted = match_text(address)
    if wanted in by_name:
        return ColumnPlace(by_name[wanted], _whole(by_name[wanted].position - 1))
    position = _POSITION.fullmatch(address.strip())
    if position:
        number = int(position[1])
        at = next((column for column in columns if column.position == number), None)
        return None if at is None else ColumnPlace(at, _whole(number - 1))
    selected = _SELECT.fullmatch(address.strip())
    if selected is None or match_text(selected["column"]) not in by_name:
        return None
    column = by_name[match_text(selected["column"])]
    which, rest = selected["which"].strip(), selected["rest"] or ""
    whole = _whole(column.position - 1)
    return ColumnPlace(column, lambda row: _select(whole(row), which, rest))


def _whole(index: int) -> Getter:
    return lambda row: unmarked(row.cells[index]) if index < len(row.cells) else None


def unmarked(content: Content) -> Content:
    """Return a cell without the marks that keep a number as it is: `="0013"`, `'0013`.

    A text that is a formula was written out without its result, as some programs do.
    """
    if type(content) is not str or content[:1] not in ("=", "'"):
        return content
    marked = _AS_TEXT.fullmatch(content.strip())
    if marked is not None:
        return marked[1] if marked[1] is not None else marked[2]
    return f"{NO_RESULT} {content}" if _FORMULA.match(content) else content


def _select(content: Content, which: str, rest: str) -> Content:
    members = _members(content)
    if which.isdigit():
        members = members[int(which) : int(which) + 1]
    elif which:
        members = [each for each in members if _fits(each, which)]
    parts = [part for each in members if (part := _inside(each, rest)) not in (None, "", [])]
    if not which:
        return parts or None
    return parts[0] if parts else None


def _members(content: Content) -> list[Any]:
    if isinstance(content, str) and content.startswith("["):
        # A list that went through a workbook came back as text.
        try:
            read = read_json(content)
        except ValueError:
            return [content]
        return read if isinstance(read, list) else [content]
    if isinstance(content, list):
        return content
    return [] if content is None else [content]


def _fits(member: Any, conditions: str) -> bool:
    if not isinstance(member, dict):
        return False
    for condition in conditions.split(","):
        name, _, wanted = condition.partition("=")
        held = _inside(member, name.strip())
        values = held if isinstance(held, list) else [held]
        if wanted.strip() not in [str(each) for each in values if each is not None]:
            return False
    return True


def _inside(member: Any, path: str) -> Any:
    for part in path.split(".") if path else []:
        if not isinstance(member, dict):
            return None
        member = member.get(part)
    return member


def listed(content: Content) -> list[Content]:
    """Return a cell's members: those of a list (also of one written as JSON), or the cell alone."""
    if isinstance(content, list) or (isinstance(content, str) and content.startswith("[")):
        return _members(content)
    return [] if content is None else [content]
