"""`RepeatedKeys`: which rows of a file have a key that stands in it again with other content.

The keys of a million rows are kept on disk, by SQLite, and compared there. What it finds are rows
to look at: whether two of them really are one record with two contents, their conversion tells.
"""

from __future__ import annotations

import sqlite3
import tempfile
import unicodedata
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from hub.intake.limits import REPEATED_KEYS_MAX

DIGEST_BYTES = 12
ROWS_AT_ONCE = 5_000
CACHE_KIB = 32_768
_TABLE = "CREATE TABLE seen (key BLOB NOT NULL, content BLOB NOT NULL, row INTEGER NOT NULL)"
_REPEATED = "SELECT key FROM seen GROUP BY key HAVING COUNT(DISTINCT content) > 1"


class RepeatedKeys:
    """Takes the keys of rows, and says which rows to look at."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="deltahub-")
        self._base = sqlite3.connect(Path(self._folder.name, "keys.db"), isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{CACHE_KIB}"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.execute(_TABLE)
        self._waiting: list[tuple[bytes, bytes, int]] = []

    def add(self, row: int, record_type: str, key: Iterable[Any], content: object) -> None:
        """Take a key of a row, which is named by its place among the rows."""
        parts = [record_type, *(_compared(each) for each in key)]
        self._waiting.append((_digest(parts), _digest(content), row))
        if len(self._waiting) >= ROWS_AT_ONCE:
            self._write()

    def rows(self) -> frozenset[int] | None:
        """Return the places of the rows to look at; None: there are too many."""
        self._write()
        found = self._base.execute(
            f"SELECT row FROM seen WHERE key IN ({_REPEATED}) LIMIT ?",  # noqa: S608 - constants
            (REPEATED_KEYS_MAX + 1,),
        )
        rows = [row for (row,) in found]
        return None if len(rows) > REPEATED_KEYS_MAX else frozenset(rows)

    def close(self) -> None:
        """Remove what was kept."""
        self._base.close()
        self._folder.cleanup()

    def _write(self) -> None:
        self._base.execute("BEGIN")
        self._base.executemany("INSERT INTO seen VALUES (?, ?, ?)", self._waiting)
        self._base.execute("COMMIT")
        self._waiting.clear()


def _compared(part: Any) -> str:
    """Return a part of a key as it is compared: what may become one key counts as one."""
    return unicodedata.normalize("NFKC", str(part)).strip().casefold()


def _digest(value: object) -> bytes:
    text = repr(value).encode("utf-8", "backslashreplace")
    return blake2b(text, digest_size=DIGEST_BYTES).digest()
