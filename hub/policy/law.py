"""`law`: the parameters in force on a day in a region, each with its legal basis; pure.

A parameter is a table of a file in `parameters/`:

    [customs.report_month]
    title = { zh = "年报截止月", en = "month in which the yearly report is due" }
    unit = "month"
    min = "1"
    max = "12"
    [[customs.report_month.values]]
    region = "000000"            # GB/T 2260; 000000: everywhere
    since = 2021-03-01           # first day; until = last day, absent: open
    value = "6"
    status = "IN_FORCE"
    basis = "海关总署令第245号 第十五条"

- The value of the most specific division counts: county, city, province, everywhere.
- Numbers are decimal texts; a parameter with `choices` has one of those words as value.
- DRAFT: drafted and not issued. UNDECIDED: the law is silent and this is our default. What was
  decided by either is advice. ENDED: kept for days on which it held.
- A parameter that no region states for a day is `Missing`, never 0.
- A deployment adds values of its region (`added`): they name a parameter that ships and nothing of
  it but `values`, so title, unit and bounds are defined once.
- Loading refuses overlaps, unknown members, values outside their bounds; the error names file and
  line, and lists everything at once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from hub.errors import SettingsError
from hub.policy.bounds import Missing

FOLDER = Path(__file__).with_name("parameters")
EVERYWHERE = "000000"
_REGION = re.compile(r"[0-9]{6}")
_HEADER = re.compile(r"^\s*\[{1,2}\s*([A-Za-z0-9_.]+)\s*\]{1,2}")
_MEMBERS = {"title", "unit", "min", "max", "choices", "values"}
_NEEDED = {"title", "unit", "values"}
_VALUE_MEMBERS = {"region", "since", "until", "value", "status", "basis", "since_certain"}
_VALUE_NEEDED = {"region", "since", "value", "status", "basis"}


class LawStatus(StrEnum):
    """How firm a value is."""

    IN_FORCE = "IN_FORCE"
    DRAFT = "DRAFT"
    UNDECIDED = "UNDECIDED"
    ENDED = "ENDED"


class LawError(SettingsError):
    """The parameter files are wrong; `problems` names each with its file and line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LawValue:
    """One value of a parameter, where and when it holds."""

    name: str
    region: str
    since: date
    until: date | None
    value: Decimal | str
    status: LawStatus
    basis: str
    since_certain: bool = True
    """False: `since` is the latest possible day, not the known one."""

    def holds_on(self, day: date) -> bool:
        """Whether it holds on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A number or word of the law, with all its values."""

    name: str
    title_zh: str
    title_en: str
    unit: str
    values: tuple[LawValue, ...]

    def on(self, day: date, region: str) -> LawValue | Missing:
        """Return the value in force, of the most specific division that states one."""
        for division in divisions(region):
            for each in self.values:
                if each.region == division and each.holds_on(day):
                    return each
        return Missing(self.name, "NO_VALUE_IN_FORCE")


def is_region(text: str) -> bool:
    """Whether a text is written as a division of GB/T 2260: six digits."""
    return _REGION.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def divisions(region: str) -> tuple[str, ...]:
    """Return a division of GB/T 2260 and those that it lies in, the smallest first."""
    return tuple(dict.fromkeys((region, f"{region[:4]}00", f"{region[:2]}0000", EVERYWHERE)))


@dataclass(frozen=True, slots=True)
class Law:
    """All parameters, by name."""

    parameters: Mapping[str, Parameter]

    def on(self, day: date, region: str) -> LawOnDay:
        """Return the law of a day in a region."""
        return LawOnDay(self, day, region)


@dataclass(frozen=True, slots=True)
class LawOnDay:
    """The law as a rule sees it: one day, one region."""

    law: Law
    day: date
    region: str

    def value(self, name: str) -> LawValue | Missing:
        """Return a parameter's value; KeyError where there is no such parameter."""
        return self.law.parameters[name].on(self.day, self.region)

    def number(self, name: str) -> Decimal | Missing:
        """Return a parameter that is a number."""
        found = self.value(name)
        if isinstance(found, Missing):
            return found
        assert isinstance(found.value, Decimal), f"{name} is a word"
        return found.value

    def word(self, name: str) -> str | Missing:
        """Return a parameter that is one of several words."""
        found = self.value(name)
        if isinstance(found, Missing):
            return found
        assert isinstance(found.value, str), f"{name} is a number"
        return found.value

    def in_force(self) -> Iterator[tuple[Parameter, LawValue]]:
        """Yield every parameter that has a value on this day."""
        for name in sorted(self.law.parameters):
            found = self.value(name)
            if isinstance(found, LawValue):
                yield self.law.parameters[name], found


@lru_cache(maxsize=8)
def current_law(added: Path | None = None) -> Law:
    """Return the law that ships with the hub, with the values that the files of a folder add.

    Read once; `LawError` says what is wrong with the folder or its files.
    """
    if added is not None and not added.is_dir():
        raise LawError([f"HUB_LAW_DIR: {added} is no folder"])
    return read_law(_texts(FOLDER), {} if added is None else _texts(added))


def _texts(folder: Path) -> dict[str, str]:
    """Return the parameter files of a folder, by path."""
    texts: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            texts[str(path)] = path.read_text("utf-8-sig")  # some editors begin a file with a mark
        except UnicodeDecodeError as error:
            raise LawError([f"{path} is no text in UTF-8: save it as such"]) from error
        except OSError as error:
            raise LawError([f"{path}: {error.strerror}"]) from error
    return texts


def read_law(files: Mapping[str, str], added: Mapping[str, str] | None = None) -> Law:
    """Read parameter files, given by name; raise `LawError` with all that is wrong with them.

    `added`: files with more values of those parameters.
    """
    problems: list[str] = []
    parameters: dict[str, Parameter] = {}
    tables: dict[str, Mapping[str, Any]] = {}
    for reader, table in _read(files, problems):
        if reader.name in parameters:
            reader.fault("stands in another file too")
        elif (read := reader.parameter(table)) is not None:
            parameters[reader.name], tables[reader.name] = read, table
    for reader, table in _read(added or {}, problems):
        if reader.name in parameters:
            parameters[reader.name] = reader.more(
                parameters[reader.name], table, tables[reader.name]
            )
        else:
            reader.fault("no parameter of this name ships: deltahub policy parameters lists them")
    if problems:
        raise LawError(problems)
    return Law(parameters)


def _read(
    files: Mapping[str, str], problems: list[str]
) -> Iterator[tuple[_Reader, Mapping[str, Any]]]:
    """Yield the tables of files that are parameters, each with what reads it."""
    for file, text in files.items():
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            problems.append(f"{file}: {error}")
            continue
        lines = _lines(text)
        for name, table in _parameters(tables, ""):
            yield _Reader(file, name, lines, problems), table


def _parameters(tables: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the tables that are parameters; what only holds such tables is a part of their name."""
    for key, table in tables.items():
        name = f"{path}{key}"
        is_group = isinstance(table, dict) and all(isinstance(v, dict) for v in table.values())
        if is_group and "title" not in table:
            yield from _parameters(table, f"{name}.")
        else:
            yield name, table


def _lines(text: str) -> dict[str, list[int]]:
    """Return the lines on which each table begins, by its name."""
    lines: dict[str, list[int]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        header = _HEADER.match(line)
        if header:
            lines.setdefault(header[1], []).append(number)
    return lines


class _Reader:
    """Reads one parameter and says what is wrong with it."""

    def __init__(
        self, file: str, name: str, lines: Mapping[str, list[int]], problems: list[str]
    ) -> None:
        self._file = file
        self.name = name
        self._lines = lines
        self._problems = problems

    def fault(self, what: str, value: int | None = None) -> None:
        """Keep a problem of the parameter, or of its n-th value."""
        name = self.name if value is None else f"{self.name}.values"
        lines = self._lines.get(name, [0])
        line = lines[min(value or 0, len(lines) - 1)]
        self._problems.append(f"{self._file}, line {line}: {self.name}: {what}")

    def parameter(self, table: Any) -> Parameter | None:
        """Return the parameter, or None where something is wrong with it."""
        if not isinstance(table, dict) or not _NEEDED <= set(table) <= _MEMBERS:
            self.fault(
                f"a parameter has {', '.join(sorted(_NEEDED))}, and may have min, max, choices"
            )
            return None
        title = table["title"]
        if not isinstance(title, dict) or set(title) != {"zh", "en"}:
            self.fault("title has zh and en")
            return None
        return Parameter(
            name=self.name,
            title_zh=title["zh"],
            title_en=title["en"],
            unit=table["unit"],
            values=self._values(table["values"], table, ()),
        )

    def more(self, shipped: Parameter, table: Any, of: Mapping[str, Any]) -> Parameter:
        """Return a parameter with the values of a table beside its own. `of`: its own table."""
        if not isinstance(table, dict) or set(table) != {"values"}:
            self.fault("has values and nothing else here: the rest of it ships")
            return shipped
        return replace(shipped, values=self._values(table["values"], of, shipped.values))

    def _values(
        self, stated: Any, table: Mapping[str, Any], before: Sequence[LawValue]
    ) -> tuple[LawValue, ...]:
        """Return values with those that were there before, in order."""
        if not isinstance(stated, list):
            self.fault(f"values are tables [[{self.name}.values]]")
            return tuple(before)
        values = [self._value(number, each, table) for number, each in enumerate(stated)]
        for number, later in enumerate(values):
            for earlier in (*before, *values[:number]):
                if later and earlier and _overlap(earlier, later):
                    self.fault(f"overlaps another value of {later.region}", number)
        known = [*before, *(each for each in values if each is not None)]
        return tuple(sorted(known, key=lambda each: (each.region, each.since)))

    def _value(self, number: int, stated: Any, table: Mapping[str, Any]) -> LawValue | None:
        if not isinstance(stated, dict) or not _VALUE_NEEDED <= set(stated) <= _VALUE_MEMBERS:
            self.fault(f"a value has {', '.join(sorted(_VALUE_NEEDED))}", number)
            return None
        flaws = list(_flaws(stated))
        value = _read_value(stated["value"], table)
        if value is None:
            flaws.append(f"{stated['value']!r} is not {_bounds(table)}")
        for flaw in flaws:
            self.fault(flaw, number)
        if flaws or value is None:
            return None
        return LawValue(
            name=self.name,
            region=stated["region"],
            since=stated["since"],
            until=stated.get("until"),
            value=value,
            status=LawStatus(stated["status"]),
            basis=stated["basis"],
            since_certain=stated.get("since_certain", True),
        )


def _flaws(stated: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(stated["region"], str) or not is_region(stated["region"]):
        yield "region is a division of six digits"
    if type(stated["since"]) is not date or type(stated.get("until", date.max)) is not date:
        yield "since and until are days such as 2021-03-01"
    elif stated.get("until", date.max) < stated["since"]:
        yield "until is before since"
    if stated["status"] not in LawStatus.__members__:
        yield f"status is one of {', '.join(LawStatus)}"
    elif stated["status"] == LawStatus.ENDED and "until" not in stated:
        yield "what has ended has a last day: until"
    if not isinstance(stated["basis"], str) or not stated["basis"].strip():
        yield "basis names the document and the clause"


def _read_value(stated: Any, table: Mapping[str, Any]) -> Decimal | str | None:
    """Return a value within the bounds of its parameter; None for any other."""
    if not isinstance(stated, str):
        return None
    if "choices" in table:
        return stated if stated in table["choices"] else None
    try:
        number = Decimal(stated)
        low, high = Decimal(table.get("min", "0")), Decimal(table.get("max", "Infinity"))
    except InvalidOperation:
        return None
    return number if number.is_finite() and low <= number <= high else None


def _bounds(table: Mapping[str, Any]) -> str:
    if "choices" in table:
        return f"one of {', '.join(map(str, table['choices']))}"
    high = f" to {table['max']}" if "max" in table else " or more"
    return f"a number written as text, {table.get('min', '0')}{high}"


def _overlap(one: LawValue, other: LawValue) -> bool:
    return (
        one.region == other.region
        and one.since <= (other.until or date.max)
        and other.since <= (one.until or date.max)
    )
