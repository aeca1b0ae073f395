"""`Converter`: a mapping bound to the columns of one table; rows go in, records come out.

- A row goes in whole or comes back whole: when one of its records has a problem, none is made.
- What a rule could not read and what does not conform is reported with the columns to look at.
- Two rows under one key with different content are a mistake, unless the mapping says revisions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from adapters.mapping import slots
from adapters.mapping.assemble import Assembly
from adapters.mapping.bind import binding_problems, covers
from adapters.mapping.cells import untold_error
from adapters.mapping.conditions import holds
from adapters.mapping.errors import CellError, MappingError
from adapters.mapping.model import Mapping as SavedMapping
from adapters.mapping.model import MappingRule, RecordRule
from adapters.mapping.table import (
    Column,
    SourceRow,
    is_blank,
    locate,
    text_of,
)
from adapters.mapping.taken import Taken
from adapters.mapping.values import Reading
from connectors.workbook_cells import is_untold
from schema.conform import VALUE_SHOWN_MAX, conform
from schema.errors import Problem
from schema.item import Grade
from schema.texts import visible


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Something wrong with a row, and the positions of the columns where it can be corrected."""

    problem: Problem
    columns: tuple[int, ...]
    reason: str
    """What rows are counted by: the item, without the index of a list member."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What one row became: records, or problems, or nothing by a stated rule."""

    row: SourceRow
    records: tuple[tuple[str, dict[str, Any]], ...] = ()
    problems: tuple[RowProblem, ...] = ()
    left_out: str | None = None
    dropped: tuple[str, ...] = ()
    """Columns with personal data that were filled in this row."""
    doubts: tuple[tuple[Problem, ...], ...] = ()
    """Of each record what its sender should look at, though it is taken as it stands here."""
    refused: tuple[str, str] | None = None
    """Of a refused row the type and key of its only record, where the key could be read."""


class Converter:
    """Turns the rows of one table into records. Raises `MappingError` when it does not fit."""

    def __init__(self, mapping: SavedMapping, columns: Sequence[Column]) -> None:
        """Bind the mapping to the columns, or tell everything that does not fit."""
        self.mapping = mapping
        self.columns = tuple(columns)
        places = {a: f for a in mapping.addresses if (f := locate(a, self.columns)) is not None}
        self._reading = Reading(mapping.file, places)
        self._personal = tuple(c for c in self.columns if covers(mapping.drop, c))
        unfit = binding_problems(mapping, self.columns, places)
        if unfit:
            raise MappingError(unfit)
        self._seen: dict[tuple[str, str], bytes] = {}
        self._takers = {
            id(record): [(each, each.slot.path, self._reading.taker(each)) for each in record.rules]
            for record in mapping.records
        }
        self._assemblies = {id(each): Assembly(each) for each in mapping.records}
        self._width = max((column.position for column in self.columns), default=0)

    def convert(self, rows: Iterable[SourceRow]) -> Iterable[Converted]:
        """Yield what each row became, in order."""
        for row in rows:
            yield self._row(row)

    def cells_to_keep(self, row: SourceRow) -> dict[str, str]:
        """Return the cells of a row that may be stored, by column name: those the mapping uses.

        Of a line that could not be read none may: what in it is personal is not known.
        """
        if row.unread is not None:
            return {}
        used = {place.column.position for place in self._reading.places.values()}
        return {
            column.name or f"#{column.position}": text
            for column in self.columns
            if column.position in used and (text := text_of(_cell_at(row, column.position)))
        }

    def columns_of(self, record_type: str | None, path: str) -> tuple[int, ...]:
        """Return the positions of the columns that feed an item of a record type."""
        plain = _without_index(path)
        rules = [
            rule
            for each in self.mapping.records
            if each.spec.name == record_type
            for rule in each.rules
            if _related(plain, rule.slot.path)
        ]
        return tuple(dict.fromkeys(p for each in rules for p in self._positions(each)))

    def _row(self, row: SourceRow) -> Converted:
        if row.unread is not None:
            return unread(row)
        untold = self._untold_conditions(row)
        if untold:
            return Converted(row, problems=tuple(untold))
        reason = self._left_out(row)
        dropped = tuple(
            column.name for column in self._personal if not is_blank(_cell_at(row, column.position))
        )
        if reason is not None:
            return Converted(row, left_out=reason, dropped=dropped)
        problems = self._surplus(row)
        records: list[tuple[RecordRule, dict[str, Any]]] = []
        doubts: list[tuple[Problem, ...]] = []
        for rule in self.mapping.records:
            if rule.when is None or holds(rule.when, row, self._reading):
                wire, problems_of_rule, doubts_of_rule = self._record(rule, row)
                problems += problems_of_rule
                doubts.append(doubts_of_rule)
                records.append((rule, wire))
        if not records and not problems:
            problems.append(_row_problem("NO_RECORD", _NO_RECORD))
        if not problems:
            problems += self._repeats(records)
        if problems:
            refused = _known_record(records, problems)
            return Converted(row, problems=tuple(problems), dropped=dropped, refused=refused)
        yielded = tuple((rule.spec.name, wire) for rule, wire in records)
        return Converted(row, records=yielded, dropped=dropped, doubts=tuple(doubts))

    def _untold_conditions(self, row: SourceRow) -> list[RowProblem]:
        """Tell of errors in the cells by which it is decided what becomes of the row."""
        conditions = [*self.mapping.leave_out, *(r.when for r in self.mapping.records if r.when)]
        problems = []
        for name in dict.fromkeys(each.column for each in conditions):
            place = self._reading.places[name]
            content = place.get(row)
            if isinstance(content, str) and is_untold(content):
                error = untold_error(content)
                problem = Problem("", error.code, error.zh, error.en, content)
                problems.append(RowProblem(problem, (place.column.position,), ""))
        return problems

    def _left_out(self, row: SourceRow) -> str | None:
        for each in self.mapping.leave_out:
            if holds(each, row, self._reading):
                return each.reason
        return None

    def _surplus(self, row: SourceRow) -> list[RowProblem]:
        """Tell of content beyond the last column that has a name."""
        if all(is_blank(cell) for cell in row.cells[self._width :]):
            return []
        return [_row_problem("CELL_WITHOUT_COLUMN", _SURPLUS)]

    def _record(
        self, rule: RecordRule, row: SourceRow
    ) -> tuple[dict[str, Any], list[RowProblem], tuple[Problem, ...]]:
        """Return one record with all that is wrong with it (unreadable cells, the rest) or odd."""
        unreadable: dict[str, RowProblem] = {}
        taken: dict[str, Taken | None] = {}
        for each, path, take in self._takers[id(rule)]:
            try:
                taken[path] = take(row)
            except CellError as error:
                taken[path] = None
                unreadable[path] = self._problem(each, error, row)
        wire, flaws = conform(rule.spec, self._assemblies[id(rule)].wire(taken))
        others = [self._located(rule, each, row) for each in flaws]
        # An item that could not be read is absent; that it is missing says nothing new.
        others = [each for each in others if not any(_related(each.reason, p) for p in unreadable)]
        doubts = tuple(
            Problem(path, *one.note, str(one.value)[:VALUE_SHOWN_MAX])
            for path, one in taken.items()
            if one is not None and one.note is not None
        )
        return wire, [*unreadable.values(), *others], doubts

    def _problem(self, rule: MappingRule, error: CellError, row: SourceRow) -> RowProblem:
        positions = self._positions(rule)
        value = None if rule.slot.item.grade is Grade.L4 else self._shown(positions, row)
        problem = Problem(rule.slot.path, error.code, error.zh, error.en, value)
        return RowProblem(problem, positions, rule.slot.path)

    def _located(self, rule: RecordRule, problem: Problem, row: SourceRow) -> RowProblem:
        """Point at the columns that feed what does not conform."""
        plain = _without_index(problem.path)
        rules = [each for each in rule.rules if _without_index(each.slot.path) == plain]
        if not rules:
            rules = [each for each in rule.rules if _related(plain, each.slot.path)]
        positions = tuple(dict.fromkeys(p for each in rules for p in self._positions(each)))
        return RowProblem(problem, positions, plain)

    def _positions(self, rule: MappingRule) -> tuple[int, ...]:
        places = self._reading.places
        places_of_rule = [places[address] for address in rule.addresses if address in places]
        return tuple(dict.fromkeys(each.column.position for each in places_of_rule))

    def _shown(self, positions: Sequence[int], row: SourceRow) -> str | None:
        texts = [text_of(_cell_at(row, position)) for position in positions]
        return visible(" | ".join(text for text in texts if text)[:VALUE_SHOWN_MAX]) or None

    def _repeats(self, records: Sequence[tuple[RecordRule, dict[str, Any]]]) -> list[RowProblem]:
        if self.mapping.same_key == "revise":
            return []
        problems = []
        for rule, wire in records:
            name, key = rule.spec.name, rule.spec.key_of(wire)
            content = sha256(_ENCODE(wire).encode()).digest()
            if self._seen.setdefault((name, key), content) != content:
                fed = [r for r in rule.rules if r.slot.items[0].name in rule.spec.key]
                positions = tuple(dict.fromkeys(p for r in fed for p in self._positions(r)))
                last = rule.spec.item(rule.spec.key[-1]).wire
                problem = Problem(last, "KEY_REPEATED", *_repeated(key))
                problems.append(RowProblem(problem, positions, last))
        return problems


_ENCODE = json.JSONEncoder(sort_keys=True).encode
"""An encoder that is made once: `json.dumps` makes one for each row."""


def _known_record(
    records: Sequence[tuple[RecordRule, Mapping[str, Any]]], problems: Sequence[RowProblem]
) -> tuple[str, str] | None:
    """Return which record a refused row speaks of; None where its key is in doubt."""
    if len(records) != 1:
        return None
    rule, wire = records[0]
    items = {rule.spec.item(part).wire for part in rule.spec.key}
    doubted = any(_without_index(each.reason).partition(".")[0] in items for each in problems)
    if doubted or not items <= set(wire):
        return None
    return rule.spec.name, rule.spec.key_of(dict(wire))


def unread(row: SourceRow) -> Converted:
    """Return a line that is no row as one that is refused."""
    assert row.unread is not None, "a row that was read has cells"
    problem = _row_problem(row.unread.code, (row.unread.zh, row.unread.en))
    return Converted(row, problems=(problem,))


_NO_RECORD = (
    "没有一个 [[record]] 适用于本行；请增加条件或用 [[leave_out]] 说明原因",
    "no [[record]] applies to this row; add one, or leave it out with a reason",
)
_SURPLUS = (
    "最后一列之后还有内容，但没有列名",
    "there is content beyond the last column that has a name",
)


def _repeated(key: str) -> tuple[str, str]:
    return (
        f"本文件中已有编号相同但内容不同的行：{key}",
        f"another row of this file has the same key and other content: {key}",
    )


def _row_problem(code: str, words: tuple[str, str]) -> RowProblem:
    return RowProblem(Problem("", code, *words), (), "")


def _cell_at(row: SourceRow, position: int) -> Any:
    return row.cells[position - 1] if position <= len(row.cells) else None


def _without_index(path: str) -> str:
    return ".".join(p for p in path.split(".") if not p.isdigit() and p != slots.EVERY)


def _related(plain: str, path: str) -> bool:
    """Tell whether one path is the other, or leads to it."""
    other = _without_index(path)
    return plain == other or other.startswith(f"{plain}.") or plain.startswith(f"{other}.")
