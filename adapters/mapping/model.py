"""The mapping as data: what `parse` reads from TOML and `convert` works with."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from adapters.mapping.patterns import CellPattern
from schema.item import Item, RecordSpec

RECORDS_PER_ROW_MAX = 16
RULES_PER_RECORD_MAX = 200
COLUMNS_MAX = 512
CODES_MAX = 5_000
TEMPLATE_CHARACTERS_MAX = 1_000
BRACES_MAX = 16
"""Cells that one template takes: each may be as long as a cell."""
MAPPING_BYTES_MAX = 1024 * 1024
"""Bounds of one mapping file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFacts:
    """What the clerk states about the file; None means: find it out."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    rows_at: str = ""
    """Where the rows of a JSON document stand: `data.rows`, or `things.*` for named members."""
    time_zone: str | None = None
    """IANA zone of times without offset; None is Asia/Shanghai."""
    empty: frozenset[str] = frozenset()
    """Words that stand for nothing."""
    decimal_comma: bool = False
    dates_1904: bool | None = None
    """Whether day numbers count from 1904; None: as the workbook says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """Which rows are meant: by the text of one column, or by its being filled."""

    column: str
    texts: frozenset[str] = frozenset()
    test: Literal["is", "is_not", "filled", "empty"] = "is"
    reason: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a record: the items on the way to it, and its index in a list of values."""

    path: str
    items: tuple[Item, ...]

    @property
    def item(self) -> Item:
        """The item that takes the value."""
        return self.items[-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class MappingRule:
    """Where the value of one place in a record comes from, and how it is read."""

    slot: Slot
    columns: tuple[str, ...] = ()
    """The first of these that is filled is taken."""
    fixed: str | int | bool | tuple[str, ...] | None = None
    """The same in every row; of an item of several values all of them."""
    header_of: str | None = None
    between: tuple[str, str] | None = None
    template: str | None = None
    row_number: bool = False
    """The number that the row has in its file, where nothing else tells records apart."""
    remove: tuple[str, ...] = ()
    match: CellPattern | None = None
    split: str = ""
    part: int | None = None
    without: tuple[str, ...] = ()
    codes: AnyMapping[str, str] | None = None
    scheme: str | None = None
    lookup: str | None = None
    unit: str | None = None
    currency: str | None = None
    """Of an amount of money: what a sign in the cell must not contradict."""
    date_format: str | None = None
    zone: str | None = None
    decimals: int | None = None
    empty: frozenset[str] = frozenset()
    first: tuple[MappingRule, ...] = ()
    line: int | None = None

    @property
    def signs_of(self) -> str | None:
        """The currency whose signs may stand beside the number; None where it is no money."""
        return "CNY" if self.slot.item.facts.unit == "fen CNY" else self.currency

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every column that the rule reads."""
        columns = [*self.columns, *(self.between or ()), *template_columns(self.template)]
        if self.header_of:
            columns.append(self.header_of)
        for each in self.first:
            columns += each.addresses
        return tuple(dict.fromkeys(columns))


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordRule:
    """One record that a row yields."""

    spec: RecordSpec
    rules: tuple[MappingRule, ...]
    when: Condition | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapping:
    """A whole mapping file."""

    title: str
    records: tuple[RecordRule, ...]
    source: str | None = None
    as_of: datetime | None = None
    file: FileFacts = field(default_factory=FileFacts)
    drop: AnyMapping[str, str] = field(default_factory=dict)
    """Columns with personal data and what they hold; counted, never kept."""
    ignore: AnyMapping[str, str] = field(default_factory=dict)
    """Columns that are not taken over, and why."""
    leave_out: tuple[Condition, ...] = ()
    """Rows that are not taken over, and why."""
    same_key: Literal["refuse", "revise"] = "refuse"
    """What a second row with other content under the same key is: a mistake, or a revision."""

    @property
    def numbered_by_row(self) -> tuple[tuple[str, int | None], ...]:
        """Items that are made of row numbers, with the lines of their rules.

        The same rows in another order are other records.
        """
        rules = [rule for record in self.records for rule in record.rules]
        return tuple((rule.slot.path, rule.line) for rule in rules if rule.row_number)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every column that some rule or condition reads."""
        conditions = [*self.leave_out, *(r.when for r in self.records if r.when)]
        columns = [each.column for each in conditions]
        columns += [a for record in self.records for rule in record.rules for a in rule.addresses]
        return tuple(dict.fromkeys(columns))


_BRACES = re.compile(r"\{([^{}]*)\}")


def template_columns(template: str | None) -> tuple[str, ...]:
    """Return the columns that a template names; `{}` is the rule's own column."""
    return tuple(name for name in _BRACES.findall(template or "") if name)


def fill(template: str, texts: AnyMapping[str, str]) -> str:
    """Return a template with its braces filled."""
    return _BRACES.sub(lambda brace: texts[brace[1]], template)
