"""`Reading`: how one rule takes its value out of one row.

The steps, always in this order: take the cell, cut (`remove`, `match`, `split`), look up (`codes`,
`scheme`, `lookup`), write into the `template`, and bring into the form of the item (number with
unit, date, code, text). A step that fails raises `CellError`; a cell that says nothing gives None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal
from functools import partial
from typing import Any

from adapters.mapping.cells import (
    check_digits,
    cut_number,
    digits_lost,
    number_as_key,
    untold_error,
)
from adapters.mapping.errors import CellError
from adapters.mapping.looked_up import looked_up
from adapters.mapping.model import FileFacts, MappingRule, fill, template_columns
from adapters.mapping.moments import day, hours_between, instant, zone_of
from adapters.mapping.quick import Take, quick_take
from adapters.mapping.slots import EVERY
from adapters.mapping.table import (
    Cell,
    ColumnPlace,
    Content,
    RoundedNumber,
    SourceRow,
    is_blank,
    listed,
    text_of,
    trimmed,
)
from adapters.mapping.taken import Taken
from adapters.mapping.units import convert, decimal_text, number_of
from connectors.workbook_cells import is_untold
from schema.flat import SPELLINGS, parted
from schema.item import Item, Kind
from schema.numbers import integer_of

YES = frozenset({"是", "有", "true", "t", "yes", "y", "1", "√"})
NO = frozenset({"否", "无", "false", "f", "no", "n", "0", "×"})
_TIMES = (Kind.DATE, Kind.PARTIAL_DATE, Kind.INSTANT)
_NUMBERS = (Kind.INTEGER, Kind.DECIMAL)


@dataclass(frozen=True, slots=True)
class Reading:
    """Facts of the file, and where its columns are."""

    facts: FileFacts
    places: Mapping[str, ColumnPlace]
    _takers: dict[int, tuple[MappingRule, Take]] = field(default_factory=dict)
    """How each rule is taken, by its id; the rule is held, so that no other has it."""

    def take(self, rule: MappingRule, row: SourceRow) -> Taken | None:
        """Return the value of a rule in a row, or None where nothing is said."""
        return self.taker(rule)(row)

    def taker(self, rule: MappingRule) -> Take:
        """Return what takes the value of a rule out of a row; it is made once."""
        known = self._takers.get(id(rule))
        if known is None:
            place = self.places.get(rule.columns[0]) if rule.columns else None
            steps = partial(self.take_stepwise, rule)
            known = rule, quick_take(rule, place, self._empty(rule), steps)
            self._takers[id(rule)] = known
        return known[1]

    def take_stepwise(self, rule: MappingRule, row: SourceRow) -> Taken | None:
        """Return the same as `take`, by all the steps."""
        if rule.fixed is not None:
            return Taken(_fixed(rule))
        if rule.first:
            return self._first(rule, row)
        if rule.between is not None:
            return self._between(rule, row)
        if rule.row_number:
            return self._numbered(rule, row)
        return self._taken(rule, row)

    def _taken(self, rule: MappingRule, row: SourceRow) -> Taken | None:
        """Return the value that a rule takes from columns."""
        content = self._content(rule, row)
        if rule.columns or rule.header_of:
            if is_blank(content, self._empty(rule)):
                return None
        elif rule.template is not None:
            return self._template_only(rule, row)
        return self._pieces(rule, row, content)

    def _numbered(self, rule: MappingRule, row: SourceRow) -> Taken | None:
        number = str(row.number)
        text = number if rule.template is None else self._filled(rule, row, number)
        return None if text is None else self._finished(rule, text, text)

    def _first(self, rule: MappingRule, row: SourceRow) -> Taken | None:
        """Try the alternatives in order; only the last one's failure counts."""
        failed: CellError | None = None
        for each in rule.first:
            try:
                taken = self.take(each, row)
            except CellError as error:
                failed = error
                continue
            if taken is not None:
                return taken
        if failed is not None:
            raise failed
        return None

    def _between(self, rule: MappingRule, row: SourceRow) -> Taken | None:
        assert rule.between is not None
        start, end = (_cell(self._get(name, row)) for name in rule.between)
        if is_blank(start, self.facts.empty) or is_blank(end, self.facts.empty):
            return None
        hours = hours_between(start, end, rule.date_format, self._zone(rule))
        return Taken(decimal_text(hours, 4 if rule.decimals is None else rule.decimals))

    def _content(self, rule: MappingRule, row: SourceRow) -> Content:
        if rule.header_of:
            return self.places[rule.header_of].column.name
        for address in rule.columns:
            content = self._get(address, row)
            if not is_blank(content, self._empty(rule)):
                return content
        return None

    def _get(self, address: str, row: SourceRow) -> Content:
        place = self.places.get(address)
        content = None if place is None else place.get(row)
        if isinstance(content, str) and is_untold(content) and content not in self.facts.empty:
            raise untold_error(content)
        return content

    def _empty(self, rule: MappingRule) -> frozenset[str]:
        return self.facts.empty | rule.empty if rule.empty else self.facts.empty

    def _zone(self, rule: MappingRule) -> tzinfo:
        return zone_of(rule.zone or self.facts.time_zone)

    def _template_only(self, rule: MappingRule, row: SourceRow) -> Taken | None:
        text = self._filled(rule, row, "")
        return None if text is None else self._finished(rule, text, text)

    def _filled(self, rule: MappingRule, row: SourceRow, own: str) -> str | None:
        """Fill the template; where one of its columns says nothing, neither does the whole."""
        assert rule.template is not None
        texts = {"": own}
        for address in template_columns(rule.template):
            content = self._get(address, row)
            if is_blank(content, self._empty(rule)):
                return None
            texts[address] = text_of(content)
            check_digits(content, texts[address])
        return fill(rule.template, texts)

    def _pieces(self, rule: MappingRule, row: SourceRow, content: Content) -> Taken | None:
        item = rule.slot.item
        pieces = _cut(rule, content, self._empty(rule))
        several = item.many or EVERY in rule.slot.path
        if rule.part is not None:
            pieces = _part(rule.part, pieces)
        elif not several and len(pieces) > 1:
            raise CellError(
                "SEVERAL_VALUES",
                f"“{item.facts.zh}”只能有一个值，此处有 {len(pieces)} 个",
                f"only one value is possible here, there are {len(pieces)}",
            )
        if item.many and not isinstance(content, list) and not rule.split:
            pieces = [p for each in pieces for p in parted(text_of(each))]
        values = [one for each in pieces if (one := self._one(rule, row, each)) is not None]
        if not values:
            return None
        if several:
            note = next((each.note for each in values if each.note), None)
            return Taken([each.value for each in values], note=note)
        return values[0]

    def _one(self, rule: MappingRule, row: SourceRow, cell: Cell) -> Taken | None:
        original = text_of(cell)
        if rule.slot.item.kind is Kind.TEXT:
            check_digits(cell, original)
        cell = _trimmed(rule, cell)
        cell = looked_up(rule, cell)
        if is_blank(cell, self._empty(rule)):
            return None
        if rule.template is not None:
            cell = self._filled(rule, row, text_of(cell))
            if cell is None:
                return None
        return self._finished(rule, cell, original)

    def _finished(self, rule: MappingRule, cell: Cell, original: str) -> Taken:
        """Bring a cell into the form of its item."""
        item = rule.slot.item
        if item.kind in _TIMES:
            moment = self._time(rule, cell)
            return Taken(moment, None if moment == original else original)
        if item.kind in _NUMBERS:
            number = self._number(rule, cell)
            numeral = _numeral(item, number, rule.decimals)
            converted = rule.unit is not None and str(numeral) != original
            note = cut_number(number, numeral) if rule.decimals is None else None
            return Taken(numeral, f"{original} {rule.unit}" if converted else None, note)
        return Taken(wire_value(item, cell), note=number_as_key(item, cell))

    def _time(self, rule: MappingRule, cell: Cell) -> str:
        from_1904 = bool(self.facts.dates_1904)
        stated = rule.date_format
        if rule.slot.item.kind is Kind.INSTANT:
            return instant(cell, stated, self._zone(rule), from_1904=from_1904)
        partial = rule.slot.item.kind is Kind.PARTIAL_DATE
        return day(cell, stated, self._zone(rule), partial=partial, from_1904=from_1904)

    def _number(self, rule: MappingRule, cell: Cell) -> Decimal:
        if isinstance(cell, RoundedNumber):
            raise digits_lost()
        target, comma = rule.slot.item.facts.unit, self.facts.decimal_comma
        if isinstance(cell, int | Decimal) and not isinstance(cell, bool):
            comma = False  # a number of a workbook has no marks of its own
        text = text_of(cell)
        if rule.unit is not None:
            return convert(text, rule.unit, target, decimal_comma=comma, currency=rule.signs_of)
        try:
            return number_of(text, decimal_comma=comma, currency=rule.signs_of)
        except CellError as error:
            if error.code != "NOT_A_NUMBER":
                raise
            # Nothing is converted here, so the cell breaks the standard as any record would.
            code = "NOT_INTEGER" if rule.slot.item.kind is Kind.INTEGER else "NOT_DECIMAL"
            raise CellError(code, error.zh, error.en) from error


def wire_value(item: Item, cell: Cell) -> Any:
    """Return the wire form of a cell for an item that is no number and no time."""
    text = text_of(cell)
    if not item.names_key:
        text = trimmed(text)
    if item.value is not None:
        spelled = SPELLINGS[item.value.name].fullmatch(text)
        return spelled.groupdict() if spelled else text
    if item.code_list is not None:
        for member in item.code_list:
            if text in (member.value, member.official, member.zh):
                return member.value
        return text
    if item.kind is Kind.BOOLEAN:
        folded = text.casefold()
        return True if folded in YES else False if folded in NO else text
    if not item.facts.multiline:
        return re.sub(r"\s+", " ", text)  # a line break in a cell of one line is layout
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _fixed(rule: MappingRule) -> Any:
    item, stated = rule.slot.item, rule.fixed
    if isinstance(stated, bool) or (isinstance(stated, int) and item.kind is Kind.INTEGER):
        return stated
    if isinstance(stated, tuple):
        return [wire_value(item, each) for each in stated]
    text = str(stated)
    if item.kind is Kind.INTEGER and (number := integer_of(text)) is not None:
        return number
    return text if item.kind in (*_TIMES, *_NUMBERS) else wire_value(item, text)


def _numeral(item: Item, number: Decimal, decimals: int | None) -> Any:
    text = decimal_text(number, decimals)
    if item.kind is Kind.INTEGER and "." not in text:
        return int(text)
    return text


def _cell(content: Content) -> Cell:
    return text_of(content) if isinstance(content, list) else content


def _cut(rule: MappingRule, content: Content, empty: frozenset[str]) -> list[Cell]:
    """Cut a cell into its pieces, without those that say nothing."""
    looks_inside = any("[" in address for address in rule.columns) or isinstance(content, list)
    parts = listed(content) if looks_inside or rule.without else [content]
    if rule.split:
        cutter = re.compile("[" + re.escape(rule.split) + "]+")
        parts = [piece for part in parts for piece in cutter.split(text_of(part))]
    cells = [_cell(part) for part in parts]
    if not rule.without:
        return [cell for cell in cells if not is_blank(cell, empty)]
    left = {each.casefold() for each in rule.without}
    return [
        cell for cell in cells if not is_blank(cell, empty) and text_of(cell).casefold() not in left
    ]


def _trimmed(rule: MappingRule, cell: Cell) -> Cell:
    if not rule.remove and rule.match is None:
        return cell
    text = text_of(cell)
    for each in rule.remove:
        text = text.replace(each, "")
    if rule.match is not None:
        found, taken = rule.match.found(text)
        if not found:
            raise CellError(
                "MATCH_NOTHING",
                f"“{text}”中没有映射规则 match 要取的内容；请改正单元格或规则",
                f"the rule `match` finds nothing in {text!r}; correct the cell or the rule",
            )
        return taken.strip() if taken else None
    return text.strip()


def _part(number: int, pieces: list[Cell]) -> list[Cell]:
    """Return the one piece that is meant; a cell with fewer pieces is not what the rule expects."""
    if pieces and number > len(pieces):
        raise CellError(
            "PART_MISSING",
            f"应取第 {number} 段，此处只有 {len(pieces)} 段",
            f"part {number} is wanted, there are {len(pieces)}",
        )
    return pieces[number - 1 : number]
