"""`LargeTable`: a table of any length, whose rows are read as often as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from adapters.mapping import Column, Converted, RowProblem, SourceRow, Table
from adapters.mapping import Mapping as SavedMapping
from hub.intake.files.large_text import TableForm

__all__ = ["LargeTable", "ListedInstruments"]


class ListedInstruments(Protocol):
    """How rows become instruments where the form of a catalogue says so, and no mapping."""

    def converting(self, columns: Sequence[Column]) -> Callable[[SourceRow], Converted]:
        """Return what converts rows one after another, and finds what repeats another one."""

    def keys(self, columns: Sequence[Column]) -> Callable[[SourceRow], str | None]:
        """Return what gives the number of a row's instrument; None: the row is refused anyway."""

    def require_columns(self, name: str, columns: Sequence[Column]) -> None:
        """Refuse a table with columns that its form does not have, as one that is read whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeTable:
    """A table whose rows are read as often as they are asked for; `table` holds none of them."""

    mapping: SavedMapping
    form: TableForm
    table: Table
    rows: Callable[[], Iterator[SourceRow]]
    catalogue: ListedInstruments | None = None
    """What its rows become, where its form says so and no mapping."""
    delimiter: str = ","
    from_1904: bool = False
    count: int = 0
    unread: int = 0
    """Of the rows those that could not be parted into cells."""
    repeated: frozenset[int] = frozenset()
    """Places of the rows whose key stands in the table again with other content."""
    header_problems: tuple[RowProblem, ...] = ()
    members: dict[str, int] = field(default_factory=dict)
    """Members of JSON objects in their order; known when the rows have been read once."""

    def member_columns(self) -> tuple[Column, ...]:
        """Return a column for each member of the objects that were read."""
        return tuple(Column(position, name) for position, name in enumerate(self.members, start=1))

    @property
    def record_type(self) -> str:
        """Return what its rows become, or what they become first."""
        return self.mapping.records[0].spec.name
