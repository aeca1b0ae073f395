"""`Completeness`: whether the pages of one reading prove that they are the whole of a list.

A list that moves while it is read hands over some rows twice and others never, and looks whole all
the same. So a list of several pages is whole only where all of this holds; else there is a doubt,
in words, and what the list does not name may still stand at its source:

- the source counts its rows, and gave as many different ones as it counted;
- the count was the same on every page;
- no row came twice, told by its key, or by all that it says where it has none;
- read once more, its pages have the same count and the same keys in the same order.

Why once more: a row that goes and another that comes between two pages move the rest by one place,
and one row is never given, though no count moved and nothing came twice. For a row to be passed
over, rows before it must have gone; the first of those that is missed was given before (had it come
while the list was read, it would have pushed a row onto the next page again, or another given row
must have gone). It is not there when the list is read again, so the two readings differ. This holds
as long as a row that went does not come back meanwhile, and for a source that means what it counts:
one that hides the same row in both readings and does not count it cannot be told from one that does
not have it.

A list that comes in slices of time has its own rule: each slice is one answer, a row that spans two
of them stands in both, and the count that a slice states is its own. It is whole where each gave as
many rows as it counted and the slices, asked for once more, are the same.

One answer that says that nothing follows it is a picture of one moment and proves itself. A reading
that went on where another was cut off proves nothing: what came before is not known to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.document import RawRow, digest_of

__all__ = ["Completeness", "row_digest"]

IDENTITY_BYTES = 16
"""Kept of the digest of a row that is told by all it says."""


class Completeness:
    """Counts the rows of one reading; `doubt` says why they may not be all, once there is a why."""

    def __init__(self, key: Sequence[str], *, is_continued: bool, is_sliced: bool = False) -> None:
        """`key`: members that tell a row from all others; `is_continued`: it did not begin here."""
        self.doubt: str | None = None
        self._key = tuple(key)
        self._seen: set[Any] = set()
        self._total: int | None = None
        self._pages: list[bytes] = []
        self._is_sliced = is_sliced
        if is_continued:
            self._note("it was not read from its beginning")

    def page(
        self, rows: Sequence[RawRow], total: int | None, *, number: int, doubt: str | None = None
    ) -> None:
        """Take the rows of a page, and the count of the whole list that stood beside them.

        `doubt`: what the source itself says is missing in it.
        """
        if doubt is not None:
            self._note(doubt)
        if self._is_sliced:
            self._slice(rows, total, number)
            return
        if number > 1 and total != self._total:
            self._note(f"{self._total} rows were counted at first, {total} on page {number}")
        self._total = total
        before = len(self._seen)
        identities = [self._identity(row) for row in rows]
        self._seen.update(identities)
        self._pages.append(_digest_of(identities))
        repeated = before + len(rows) - len(self._seen)
        if repeated:
            self._note(f"{repeated} rows of page {number} came twice")

    def _slice(self, rows: Sequence[RawRow], total: int | None, number: int) -> None:
        identities = [self._identity(row) for row in rows]
        self._pages.append(_digest_of([total, *identities]))
        if total is not None and total != len(set(identities)):
            self._note(f"slice {number} counts {total} rows, {len(set(identities))} came")

    def end(self, *, number: int, is_one_answer: bool) -> None:
        """Judge the list at its end, after `number` pages."""
        if self._is_sliced:
            return
        came = len(self._seen)
        if self._total is None:
            if not is_one_answer:
                self._note(f"it came in {number} pages and the source counts no rows")
        elif came != self._total:
            self._note(f"{self._total} rows were counted, {came} different ones came")

    @property
    def wants_second_reading(self) -> bool:
        """Whether all is well so far, and only the same pages once more would prove it."""
        return self.doubt is None and len(self._pages) > 1

    def again(self, rows: Sequence[RawRow], total: int | None, *, number: int) -> None:
        """Take a page of the second reading: it is to be as it was."""
        if self._is_sliced:
            identities = [self._identity(row) for row in rows]
            if _digest_of([total, *identities]) != self._pages[number - 1]:
                self._note(f"slice {number} had other rows when read again")
            return
        if total != self._total:
            self._note(f"{self._total} rows were counted at first, {total} when read again")
        elif _digest_of([self._identity(row) for row in rows]) != self._pages[number - 1]:
            self._note(f"page {number} had other rows, or in another order, when read again")

    def not_read_again(self, why: str) -> None:
        """Take note that the second reading did not come to its end."""
        self._note(f"it could not be read again: {why}")

    def _note(self, doubt: str) -> None:
        """Keep the first doubt: the later ones follow from it."""
        self.doubt = self.doubt or doubt

    def _identity(self, row: Mapping[str, Any]) -> Any:
        values = tuple(row.get(name) for name in self._key)
        if values and all(isinstance(value, str | int) for value in values):
            return values
        return row_digest(row)


def row_digest(row: Mapping[str, Any]) -> bytes:
    """Return what tells a row by all that it says."""
    text = json.dumps(row, sort_keys=True, default=str)
    return digest_of(text.encode("utf-8", "surrogatepass"))[:IDENTITY_BYTES]


def _digest_of(identities: Sequence[Any]) -> bytes:
    return digest_of(repr(identities).encode("utf-8", "surrogatepass"))[:IDENTITY_BYTES]
