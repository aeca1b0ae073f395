"""`printer`: prints the progress of demo and commands: steps, lines, tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from schema.dates import SHANGHAI

WIDTH = 92


class Printer:
    """Prints numbered steps and how long each took."""

    def __init__(self) -> None:
        self._count = 0

    @contextmanager
    def step(self, zh: str, en: str) -> Iterator[None]:
        """Print a step, and how long it took when the block ends."""
        self._count += 1
        self.line()
        self.line(f"[{self._count}] {zh}  {en}")
        began = time.monotonic()
        yield
        self.line(f"    {time.monotonic() - began:.1f} s")

    def line(self, text: str = "") -> None:
        """Print one line, flushed at once."""
        print(text, flush=True, file=sys.stdout)

    def say(self, text: str) -> None:
        """Print an indented line."""
        self.line(f"    {text}")

    def table(self, rows: list[tuple[Any, ...]]) -> None:
        """Print rows in columns; Chinese characters count double."""
        texts = [tuple(str(cell) for cell in row) for row in rows]
        widths = [max(_width(row[n]) for row in texts) for n in range(len(texts[0]))]
        for row in texts:
            cells = [cell + " " * (widths[n] - _width(cell)) for n, cell in enumerate(row)]
            self.say("  ".join(cells).rstrip())


def _width(text: str) -> int:
    return sum(2 if ord(character) > 0x2E80 else 1 for character in text)  # noqa: PLR2004 - CJK


def local_time(text: str | None) -> str:
    """Return an ISO 8601 instant as local hours and minutes."""
    if not text:
        return "never"
    return datetime.fromisoformat(text).astimezone(SHANGHAI).strftime("%H:%M")


def age(text: str | None, now: datetime) -> str:
    """Return how old an ISO 8601 instant is, in words."""
    if not text:
        return "never"
    seconds = int((now - datetime.fromisoformat(text)).total_seconds())
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{max(seconds, 0)} s"
