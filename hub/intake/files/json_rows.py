"""`document_rows`: the rows of a JSON document of any size, one after another.

Only the value at hand is held. The rows stand where `rows_at` says, as in `text`: member names, and
`*` for all members.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, TextIO

from connectors.errors import PayloadError
from connectors.words import Words
from hub.intake.limits import LINE_CHARACTERS_MAX
from schema.strict_json import explained, read_json_at

CHUNK_CHARACTERS = 256 * 1024
_BLANKS = re.compile(r"[ \t\r\n]*")


def document_rows(name: str, file: TextIO, rows_at: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects at a place of a document with their numbers, from 1.

    Raises `PayloadError` where it stops being JSON, or where what stands there is no object.
    """
    window = _Window(file)
    number = 0
    try:
        for number, value in enumerate(_rows(window, rows_at.split(".") if rows_at else []), 1):
            if not isinstance(value, dict):
                raise no_rows_at(name, rows_at)
            yield number, value
        window.end()
    except ValueError as error:
        zh, en = explained(error)
        raise not_json(name, f"第 {number} 条之后，{zh}", f"after row {number}: {en}") from error
    if not number:
        raise no_rows_at(name, rows_at)


def no_rows_at(name: str, rows_at: str) -> PayloadError:
    """Say that there is no list of objects where the rows should stand."""
    return PayloadError(
        name,
        Words(f"{rows_at or '顶层'}处没有数据行", f"there are no rows at {rows_at or 'the top'}"),
        hint=Words(
            '请写明数据行的位置：[file] rows_at = "data.rows"',
            'say where they stand: [file] rows_at = "data.rows"',
        ),
    )


def _rows(window: _Window, steps: Sequence[str]) -> Iterator[Any]:
    if not steps:
        if window.peek() == "[":
            for _ in _elements(window):
                yield window.value()
        else:
            yield window.value()
        return
    step, below = steps[0], steps[1:]
    opened = window.peek()
    if opened == "[" and step == "*":
        for _ in _elements(window):
            yield from _rows(window, below)
    elif opened == "{":
        for member in _members(window):
            if step in (member, "*"):
                yield from _rows(window, below)
            else:
                window.value()
    else:
        window.value()


def _elements(window: _Window) -> Iterator[None]:
    """Stand before each element of a list in turn."""
    window.take("[")
    if window.peek() == "]":
        window.take("]")
        return
    while True:
        yield
        if window.take(",]") == "]":
            return


def _members(window: _Window) -> Iterator[str]:
    """Yield the name of each member of an object in turn, standing before its value."""
    window.take("{")
    if window.peek() == "}":
        window.take("}")
        return
    while True:
        name = window.value()
        if not isinstance(name, str):
            raise ValueError("the name of a member is no text")  # noqa: TRY004 - as for all JSON
        window.take(":")
        yield name
        if window.take(",}") == "}":
            return


def not_json(name: str, zh: str, en: str) -> PayloadError:
    """Return the error for a document that is none; `zh` and `en` say where and how."""
    return PayloadError(
        name,
        Words(f"不是 JSON：{zh}。", f"it is not JSON: {en}"),
        hint=Words("请检查该处，或另存为 CSV", "look at that place, or save the rows as CSV"),
    )


class _Window:
    """The part of a document that is being read."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._is_ended = False
        if self.peek() == "\ufeff":
            self._at += 1

    def peek(self) -> str:
        """Return the next character that is no blank; nothing at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            assert blanks is not None, "nothing is a match"
            self._at = blanks.end()
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def take(self, characters: str) -> str:
        """Take one of some characters."""
        found = self.peek()
        if not found or found not in characters:
            raise ValueError(f"{' or '.join(characters)} is missing")
        self._at += 1
        return found

    def end(self) -> None:
        """Require that nothing follows."""
        if self.peek():
            raise ValueError("something follows the end of the document")

    def value(self) -> Any:
        """Take the value that is next."""
        self.peek()
        while True:
            found = self._found()
            # A number at the end of what was read may go on.
            if found is not None and (found[1] < len(self._text) or not self._more()):
                value, self._at = found
                return value
            if found is None and (self._is_long() or not self._more()):
                # Once more, to say what is wrong with it.
                return read_json_at(self._text, self._at, fractions=Decimal)[0]

    def _found(self) -> tuple[Any, int] | None:
        """Return the value that begins here and where it ends; None: not, or not all of it."""
        try:
            return read_json_at(self._text, self._at, fractions=Decimal)
        except ValueError:
            return None

    def _is_long(self) -> bool:
        return len(self._text) - self._at > LINE_CHARACTERS_MAX

    def _more(self) -> bool:
        """Read on; tell whether there was anything."""
        if self._is_ended:
            return False
        rest = self._text[self._at :]
        # What is long is read in longer pieces: it is looked through anew with each of them.
        piece = self._file.read(max(CHUNK_CHARACTERS, len(rest)))
        if not piece:
            self._is_ended = True
            return False
        self._text, self._at = rest + piece, 0
        return True
