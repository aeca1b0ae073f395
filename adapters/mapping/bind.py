"""Binding: whether a mapping fits the columns of a table, and what to do where it does not.

Each column of the table is used, dropped or ignored; each column that the mapping reads is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from adapters.mapping.errors import MappingProblem
from adapters.mapping.model import Mapping as SavedMapping
from adapters.mapping.table import Column, ColumnPlace, match_text
from connectors.column_letters import column_letters


def binding_problems(
    mapping: SavedMapping, columns: Sequence[Column], places: Mapping[str, ColumnPlace]
) -> list[MappingProblem]:
    """List everything that keeps a mapping from being used on these columns."""
    used = {each.column.position for each in places.values()}
    problems = [_missing(address, line, columns) for address, line in _unmet(mapping, places)]
    for column in columns:
        left = covers(mapping.ignore, column) or covers(mapping.drop, column)
        if column.position not in used and not left:
            problems.append(_unknown(column))
    return problems


def covers(stated: Mapping[str, str], column: Column) -> bool:
    """Tell whether a column is named in a list; `address.*` names all that begin so."""
    name = match_text(column.name)
    for each in stated:
        wanted = match_text(each)
        if wanted in (name, f"#{column.position}"):
            return True
        if wanted.endswith(".*") and (name + ".").startswith(wanted[:-1]):
            return True
    return False


def _unmet(
    mapping: SavedMapping, places: Mapping[str, ColumnPlace]
) -> list[tuple[str, int | None]]:
    """List the columns that are read and not there; of alternatives one is enough."""
    wanted: dict[str, int | None] = {}
    conditions = [*mapping.leave_out, *(r.when for r in mapping.records if r.when)]
    for condition in conditions:
        if condition.column not in places:
            wanted.setdefault(condition.column, condition.line)
    for record in mapping.records:
        for rule in record.rules:
            choices = {*rule.columns, *(a for each in rule.first for a in each.addresses)}
            if choices and choices & places.keys():
                choices = set()
            others = {a for a in rule.addresses if a not in rule.columns and not rule.first}
            for address in (choices | others) - places.keys():
                wanted.setdefault(address, rule.line)
    return sorted(wanted.items())


def _missing(address: str, line: int | None, columns: Sequence[Column]) -> MappingProblem:
    names = {match_text(column.name): column.name for column in columns}
    close = get_close_matches(match_text(address), list(names), n=1)
    zh = f"；是否为“{names[close[0]]}”？" if close else ""
    en = f"; is {names[close[0]]!r} meant?" if close else ""
    return MappingProblem(
        "COLUMN_MISSING",
        f"文件中没有列“{address}”{zh}",
        f"the file has no column {address!r}{en}",
        line,
        address,
    )


def _unknown(column: Column) -> MappingProblem:
    letter = column_letters(column.position)
    name = column.name or f"#{column.position}"
    return MappingProblem(
        "COLUMN_UNKNOWN",
        f"{letter} 列“{name}”未在映射中说明：请写入 items，"
        "或在 [drop]（个人信息）、[ignore]（不采用）中写明原因",
        f"column {letter} {name!r} is not in the mapping: use it in items, or name it in [drop] "
        "(personal data) or [ignore] with the reason",
        None,
        name,
    )
