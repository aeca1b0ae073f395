"""`drift`: what changes in the form of a list: fields, kinds of values, units, codes; pure.

    FIELD_NEW    a field that the adapter neither reads nor leaves out by name
    FIELD_GONE   a field that was filled before and is in no row any more
    TYPE         a kind of value that a field never had: a number where text was
    UNIT         numbers that are by a factor of units larger or smaller than they were (万元, 元)
    CODE         a code that no table of the adapter knows

- Compared is with the last whole reading. A field that is absent from some rows, as before or more
  often, is no change; a first reading has nothing to compare with but what the adapter knows.
- What is done about it stands in the source's file, for each record type (`DriftMode`); of a list
  that tells of several types the strictest counts. An accepted change is none.
- FIELD_GONE and UNIT are told by many rows together. Of the whole list they are judged at its end;
  in the stricter modes each document is judged as well before anything of it goes in: whether it
  lacks a field that every row had, and the head of the list by the units of its head before.
  Documents of fewer than `GONE_ROWS_MIN` rows are judged together with those before them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from statistics import median
from typing import Any, NamedTuple

from adapters._adapter import ConvertedRow
from connectors.document import RawRow
from hub.harvest.limits import (
    CODE_SHOWN_MAX,
    DRIFTS_MAX,
    FIELDS_MAX,
    GONE_ROWS_MIN,
    NUMBERS_MAX,
    UNIT_NUMBERS_MIN,
    UNIT_TOLERANCE,
)
from hub.store.drifts import FieldForm
from schema.errors import Problem

__all__ = ["LASTING", "Drift", "DriftKind", "DriftMode", "FormWatch", "ListForm", "drift_problem"]


class DriftKind(StrEnum):
    """What changed."""

    FIELD_NEW = "FIELD_NEW"
    FIELD_GONE = "FIELD_GONE"
    TYPE = "TYPE"
    UNIT = "UNIT"
    CODE = "CODE"


class DriftMode(StrEnum):
    """What is done about a change, from the mildest to the strictest."""

    EVOLVE = "evolve"
    """It is told; rows go in as they can be read, and the new form is what is expected then."""
    QUARANTINE = "quarantine"
    """Rows that show it wait in quarantine until it is accepted."""
    STOP = "stop"
    """Nothing more of the list goes in until it is accepted."""


STRICTNESS = {mode: number for number, mode in enumerate(DriftMode)}
LASTING = (DriftKind.FIELD_NEW, DriftKind.CODE)
"""Kinds that are told by comparing with the adapter: accepted, they stay what they are."""
FACTORS = {10_000: "×10000", 3_600: "×3600", 1_000: "×1000", 100: "×100", 60: "×60", 24: "×24"}
"""万元 and 元, hours and seconds, thousands, 元 and 分, hours and minutes, days and hours."""
_KINDS: Mapping[type, str] = {
    str: "TEXT",
    int: "NUMBER",
    Decimal: "NUMBER",
    float: "NUMBER",
    bool: "FLAG",
    dict: "OBJECT",
    list: "LIST",
    datetime: "DATE",
    date: "DATE",
}
DIGITS_MAX = 18
CODE_UNKNOWN = "CODE_UNKNOWN"


class Drift(NamedTuple):
    """One change in a list."""

    kind: DriftKind
    field: str
    detail: str = ""

    @property
    def words(self) -> str:
        """It in a few words for a message."""
        return f"{self.field} {self.kind}" + (f" {self.detail}" if self.detail else "")


@dataclass(slots=True)
class _Field:
    filled: int = 0
    kinds: set[str] = field(default_factory=set)
    numbers: list[float] = field(default_factory=list)
    head: float | None = None


class ListForm:
    """Counts how the rows of a list, or of one document, look."""

    def __init__(self) -> None:
        self.rows = 0
        self.has_head = False
        self._fields: dict[str, _Field] = {}

    def add(self, raw: RawRow, silent: Collection[str]) -> None:
        """Count a row; `silent`: fields that are or may be personal: no value of them is kept."""
        self.rows += 1
        for name, value in raw.items():
            if is_blank(value):
                continue
            one = self._fields.get(name)
            if one is None:
                if len(self._fields) >= FIELDS_MAX:
                    continue
                one = self._fields[name] = _Field()
            one.filled += 1
            one.kinds.add(_kind(value))
            if len(one.numbers) < NUMBERS_MAX and name not in silent:
                number = _number(value)
                if number:
                    one.numbers.append(number)

    def end_head(self) -> None:
        """Take what came so far as the head of the list: lists keep their order, as a rule."""
        self.has_head = True
        for one in self._fields.values():
            one.head = _median(one.numbers)

    def fields(self) -> dict[str, FieldForm]:
        """Return it field by field."""
        return {
            name: FieldForm(
                filled=one.filled,
                rows=self.rows,
                kinds=frozenset(one.kinds),
                numbers=len(one.numbers),
                median=_median(one.numbers),
                head=one.head,
            )
            for name, one in self._fields.items()
        }


class FormWatch:
    """Compares one reading of a list with how it looked before."""

    def __init__(
        self,
        before: Mapping[str, FieldForm],
        accepted: Iterable[Drift],
        mode: DriftMode,
    ) -> None:
        """`before`: its last whole reading; `accepted`: what the operator has accepted."""
        self.mode = mode
        self.form = ListForm()
        self.seen: Counter[Drift] = Counter()
        """What changed, with the rows that show it."""
        self._before = before
        self._of_head: list[Drift] = []
        """Units that changed at the head of the list: every row after it shows them as well."""
        # Accepted kinds that do not last were taken out of `before`: they are learnt anew.
        self._accepted = {each for each in accepted if each.kind in LASTING}

    def document(self, rows: Iterable[tuple[RawRow, ConvertedRow]]) -> list[list[Drift]]:
        """Count the rows of a document; return for each what of the changes it shows."""
        shown: list[list[Drift]] = []
        part = ListForm()
        for raw, converted in rows:
            silent = (*converted.dropped, *converted.additions)
            self.form.add(raw, silent)
            if self.mode is not DriftMode.EVOLVE:
                part.add(raw, silent)
            shown.append(self._of_row(raw, converted))
        if not self.form.has_head and self.form.rows >= GONE_ROWS_MIN:
            self.form.end_head()
            self._of_head = self._units(self.form.fields(), is_head=True)
        if self.mode is not DriftMode.EVOLVE:
            # Of very short documents only several together show what many rows tell.
            judged = part if part.rows >= GONE_ROWS_MIN else self.form
            for drift in (*self._gone(judged), *self._of_head):
                for each in shown:
                    each.append(drift)
        for each in shown:
            self._count(each)
        return shown

    def close(self) -> list[Drift]:
        """Return what the whole list shows beyond its documents; it was read to its end."""
        whole = (*self._gone(self.form, is_whole=True), *self._units(self.form.fields()))
        late = [each for each in whole if each not in self.seen]
        for drift in late:
            if len(self.seen) < DRIFTS_MAX:
                self.seen[drift] = self.form.rows
        return late

    @property
    def may_renew(self) -> bool:
        """Whether how the list looks now is what is expected from now on."""
        return self.mode is DriftMode.EVOLVE or not self.seen

    def _count(self, drifts: Iterable[Drift]) -> None:
        for drift in drifts:
            if drift in self.seen or len(self.seen) < DRIFTS_MAX:
                self.seen[drift] += 1

    def _of_row(self, raw: RawRow, converted: ConvertedRow) -> list[Drift]:
        found = [Drift(DriftKind.FIELD_NEW, name) for name in converted.additions]
        for problem in converted.problems:
            if problem.code == CODE_UNKNOWN:
                shown = (problem.value or "")[:CODE_SHOWN_MAX]
                found.append(Drift(DriftKind.CODE, problem.path, shown))
        for name, value in raw.items():
            known = self._before.get(name)
            if known is None or is_blank(value):
                continue
            kind = _kind(value)
            if kind not in known.kinds:
                change = f"{'|'.join(sorted(known.kinds))} -> {kind}"
                found.append(Drift(DriftKind.TYPE, name, change))
        return [each for each in found if each not in self._accepted]

    def _gone(self, form: ListForm, *, is_whole: bool = False) -> list[Drift]:
        """Return the fields that are in no row of the whole list, or of a part of it.

        A part only tells of fields that every row had.
        """
        if not form.rows:
            return []
        now = form.fields()
        found = [
            Drift(DriftKind.FIELD_GONE, name)
            for name, known in self._before.items()
            if name not in now
            and (
                is_whole
                or (known.filled == known.rows and form.rows >= min(GONE_ROWS_MIN, known.rows))
            )
        ]
        return [each for each in found if each not in self._accepted]

    def _units(self, now: Mapping[str, FieldForm], *, is_head: bool = False) -> list[Drift]:
        """Return the fields whose numbers changed by a factor, of the whole list or its head."""
        found: list[Drift] = []
        for name, known in self._before.items():
            if name in now:
                present = now[name]
                pair = (known.head, present.head) if is_head else (known.median, present.median)
                factor = _factor(*pair)
                if factor:
                    found.append(Drift(DriftKind.UNIT, name, factor))
        return [each for each in found if each not in self._accepted]


def strictest(modes: Iterable[DriftMode]) -> DriftMode:
    """Return the strictest of some modes."""
    return max(modes, key=STRICTNESS.__getitem__, default=DriftMode.EVOLVE)


def drift_problem(drift: Drift) -> Problem:
    """Return why a row waits that shows a change."""
    detail = f"（{drift.detail}）" if drift.detail else ""
    return Problem(
        drift.field,
        f"DRIFT_{drift.kind}",
        f"来源的数据形式有变{detail}：核对后用 deltahub source drift 接受",
        "the form of the source changed"
        + (f" ({drift.detail})" if drift.detail else "")
        + "; look at it, then accept it: deltahub source drift",
    )


def is_blank(value: Any) -> bool:
    """Whether a field holds nothing."""
    return value is None or (isinstance(value, str) and not value.strip())


def _median(numbers: list[float]) -> float | None:
    """Return the median, None of too few."""
    return median(numbers) if len(numbers) >= UNIT_NUMBERS_MIN else None


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "TEXT")


def _number(value: Any) -> float:
    """Return a number above 0, also of text; 0 for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return 0.0
    if isinstance(value, str):
        text = value.strip()
        if len(text) > DIGITS_MAX or not text.replace(".", "", 1).isdecimal():
            return 0.0
        value = text
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return number if 0 < number < float("inf") else 0.0


def _factor(before: float | None, now: float | None) -> str:
    """Return by which factor of units numbers changed; empty where by none."""
    if not before or not now:
        return ""
    ratio, sign = (now / before, "×") if now >= before else (before / now, "÷")
    for factor, words in FACTORS.items():
        if abs(ratio / factor - 1) <= UNIT_TOLERANCE:
            return words if sign == "×" else words.replace("×", "÷")
    return ""
