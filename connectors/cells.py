"""`cells`: what a cell of a table may hold, and how it goes through a pipe of JSON lines.

- Numbers are `int` or `Decimal` with the 15 digits a spreadsheet shows, never `float`.
- In JSON a cell is null, true, false, a whole number or a text as it is; all else is an object of
  one member that names the kind: `{"n": "12.5"}`, `{"d": "2026-05-04"}`, `{"dt": …}`, `{"t": …}`.
- What comes out of the pipe is believed no more than the file itself: `cell_from_wire` takes these
  forms and raises `ValueError` for every other.
"""

import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

__all__ = ["Cell", "CellTooLongError", "TableRow", "cell_from_wire", "cell_of", "cell_to_wire"]

Cell: TypeAlias = str | int | Decimal | bool | date | datetime | time | None


class TableRow(NamedTuple):
    """One row that is not empty."""

    sheet: str
    number: int
    cells: tuple[Cell, ...]


class CellTooLongError(ValueError):
    """A text that is longer than a cell may be."""


def cell_of(value: object, characters_max: int) -> Cell:
    """Return what a reader gave for a cell as one of the kinds; a blank one is None."""
    match value:
        case bool() | int():
            return value
        case float() if math.isfinite(value):
            # A spreadsheet keeps binary fractions and shows 15 digits; those are what was meant.
            exact = Decimal(format(value, ".15g"))
            return int(exact) if exact == exact.to_integral_value() else exact
        case datetime() | date() | time():
            return value
        case timedelta():
            minutes, seconds = divmod(int(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case _:
            text = str(value).strip()
            if len(text) > characters_max:
                raise CellTooLongError("a cell is too long")
            return text or None


def cell_to_wire(cell: Cell) -> Any:
    """Return a cell as JSON-ready data."""
    match cell:
        case None | bool() | int() | str():
            return cell
        case Decimal():
            return {"n": str(cell)}
        case datetime():
            return {"dt": cell.isoformat()}
        case date():
            return {"d": cell.isoformat()}
        case time():
            return {"t": cell.isoformat()}


_KINDS: dict[str, Callable[[str], Cell]] = {
    "n": Decimal,
    "dt": datetime.fromisoformat,
    "d": date.fromisoformat,
    "t": time.fromisoformat,
}


def cell_from_wire(wire: Any, characters_max: int) -> Cell:
    """Read what `cell_to_wire` wrote; `ValueError` for all else."""
    if wire is None or isinstance(wire, bool | int):
        return wire
    if isinstance(wire, str) and len(wire) <= characters_max:
        return wire
    if isinstance(wire, dict) and len(wire) == 1:
        ((kind, text),) = wire.items()
        if kind in _KINDS and isinstance(text, str):
            try:
                return _KINDS[kind](text)
            except ArithmeticError as error:  # what Decimal raises for no number
                raise ValueError("no number") from error
    raise ValueError("no cell")
