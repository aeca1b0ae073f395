"""`Pages`: the pages of one view in one transaction, and where they go on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    TableClause,
    and_,
    bindparam,
    column,
    func,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.types import NullType

from connectors.errors import PayloadError
from connectors.limits import SQL_SAME_MAX
from connectors.reader import Progress, Window
from connectors.sql.session import Snapshot
from connectors.sql.values import SqlKind, UnfitError, Values, bound, kept, line_of, taken_up

__all__ = ["Pages", "SqlPlace"]

Order = tuple[Any, ...]
"""The values of a row that it is ordered by, as the driver gives them."""
STATE_CHARACTERS_MAX = 2_000
"""Of the keys that a state keeps; past that it goes on behind the last key of its instant."""
ORDERED = (int, str, date, Decimal, UUID)


@dataclass(frozen=True)
class SqlPlace:
    """Where a list goes on: the last row that came, by what it is ordered by."""

    order: Order
    same: tuple[Order, ...] | None = None
    """The keys that came of its instant; None: too many, or there are no instants."""
    is_resumed: bool = False
    """Whether it comes from another transaction, in which rows may have come to its instant."""

    def to_wire(self) -> Any:
        """Return it as JSON."""
        same = None if self.same is None else [[kept(v) for v in key] for key in self.same]
        if same is not None and len(repr(same)) > STATE_CHARACTERS_MAX:
            same = None
        return [[kept(each) for each in self.order], same]

    @classmethod
    def from_wire(cls, progress: Progress) -> SqlPlace | None:
        """Return where a reading goes on; None: at its beginning."""
        if progress.at is None:
            return None
        try:
            order, same = progress.at
            keys = None if same is None else tuple(tuple(map(taken_up, key)) for key in same)
            return cls(tuple(map(taken_up, order)), keys, is_resumed=True)
        except (TypeError, ValueError) as error:
            raise progress.moved("where it was cut off cannot be read") from error


@dataclass(frozen=True, kw_only=True)
class SqlPage:
    """Rows of one document."""

    rows: tuple[dict[str, Any], ...]
    digest: bytes
    place: SqlPlace | None
    is_last: bool


@dataclass(kw_only=True)
class Pages:
    """Asks for one page after the other, and minds that they fit together."""

    snapshot: Snapshot
    view: TableClause
    values: Values
    order: tuple[str, ...]
    """Columns of order; with `has_instant` the first one says when a row changed."""
    has_instant: bool
    rows: int
    window: Window
    _is_torn: bool = field(default=False, init=False)

    async def require_order(self) -> None:
        """Refuse a view with a row that has no value to be ordered by."""
        for name in self.order:
            one: Select[Any] = select(literal_column("1")).select_from(self.view)
            statement = one.where(self._column(name).is_(None)).limit(1)
            if await self.snapshot.one(statement, self.values.place) is not None:
                raise self._without(name)

    async def doubt(self, came: int) -> str | None:
        """Return why what came may not be all, once the last page has come."""
        statement = self._windowed(select(func.count()).select_from(self.view))
        counted = await self.snapshot.one(statement, self.values.place)
        if counted != came:
            return f"{counted} rows were counted at the end, {came} came"
        return "its pages did not fit together while they were read" if self._is_torn else None

    async def after(self, place: SqlPlace | None) -> SqlPage:
        """Return the next page."""
        is_following = place is not None and not place.is_resumed
        limit = self.rows + is_following  # with the row that the page before ended with
        taking = _Taking(self, place)
        statement = self._statement(place).limit(limit)
        count = 0
        async with aclosing(self.snapshot.rows(statement, self.values.place)) as answer:
            async for found in answer:
                count += 1
                if is_following and count == 1 and taking.is_last_of(place, found):
                    continue
                self._is_torn = self._is_torn or (is_following and count == 1)
                taking.take(found)
        return taking.page(is_last=count < limit)

    def _statement(self, place: SqlPlace | None) -> Select[Any]:
        columns = [self._column(each) for each in self.values.kinds]
        statement = self._windowed(select(*columns).select_from(self.view))
        if place is not None:
            statement = statement.where(self._from(place))
        return statement.order_by(*(self._column(each) for each in self.order))

    def _from(self, place: SqlPlace) -> ColumnElement[bool]:
        """Return the condition of all rows at and behind a place; the first part is for indexes."""
        first = self._column(self.order[0])
        here = first >= self._value(place.order[0])
        if place.is_resumed and place.same is not None:
            came = or_(*(self._equal(key) for key in place.same))
            return and_(here, or_(first > self._value(place.order[0]), not_(came)))
        *names, name = self.order
        *values, value = place.order
        last = self._column(name)
        behind = last > self._value(value) if place.is_resumed else last >= self._value(value)
        for name, value in zip(reversed(names), reversed(values), strict=True):
            one = self._column(name)
            behind = or_(one > self._value(value), and_(one == self._value(value), behind))
        return and_(here, behind)

    def _equal(self, key: Order) -> ColumnElement[bool]:
        pairs = zip(self.order[1:], key, strict=True)
        return and_(*(self._column(name) == self._value(value) for name, value in pairs))

    def _windowed(self, statement: Select[Any]) -> Select[Any]:
        name = self.order[0]
        kind = self.values.kinds[name] if self.has_instant else SqlKind.OTHER
        in_utc = self.snapshot.session.system.moments_in_utc
        for instant, is_start in ((self.window.since, True), (self.window.until, False)):
            if instant is None:
                continue
            try:
                at = self._value(bound(instant, kind, self.values.zone, in_utc=in_utc))
            except UnfitError as error:
                raise self._unfit(name, error) from None
            here = self._column(name)
            statement = statement.where(here >= at if is_start else here < at)
        return statement

    def _column(self, name: str) -> ColumnElement[Any]:
        return column(self.snapshot.session.name(name))

    def _value(self, value: Any) -> ColumnElement[Any]:
        """Return a value without a type: the database knows what it compares it with."""
        return bindparam(None, value, type_=NullType(), unique=True)

    def _without(self, name: str) -> PayloadError:
        return PayloadError(
            self.values.source,
            f"{self.values.place}: there are rows without {name}, and it is what they are "
            "ordered by: they would never be read again",
            hint=f"have the view fill {name} (COALESCE with the day of entry), or leave them out",
        )

    def _unfit(self, name: str, error: UnfitError) -> PayloadError:
        return PayloadError(
            self.values.source,
            f"{self.values.place}, column {name}: {error}",
            hint="correct changed_at, key or zone of the adapter",
        )


class _Taking:
    """One page while its rows come."""

    def __init__(self, pages: Pages, place: SqlPlace | None) -> None:
        self._pages = pages
        self._names = tuple(pages.values.kinds)
        self._at = [self._names.index(each) for each in pages.order]
        self._digest = sha256(line_of(self._names))
        self._size = 0
        self._rows: list[dict[str, Any]] = []
        self._last = None if place is None else place.order
        keys = None if place is None else place.same
        self._same = None if place is not None and keys is None else list(keys or ())
        """Keys of the instant of the last row; None: too many to keep."""

    def is_last_of(self, place: SqlPlace | None, found: Sequence[Any]) -> bool:
        """Tell whether a row is the one that the page before ended with."""
        return place is not None and self._order(found) == place.order

    def take(self, found: Sequence[Any]) -> None:
        """Take a row; `PayloadError` where it cannot be taken or told from the one before it."""
        pages, values = self._pages, self._pages.values
        order = self._order(found)
        if order == self._last:
            raise PayloadError(
                values.source,
                f"{values.place}: two rows have the key {', '.join(map(str, order))}",
                hint="name the columns that tell a row from all others as the key of the list",
            )
        self._note(order)
        line = line_of(found)
        self._size += len(line)
        limit = pages.snapshot.session.limits.response_bytes_max
        if self._size > limit:
            raise PayloadError(
                values.source,
                f"{values.place}: over {limit} bytes in {len(self._rows) + 1} rows",
                hint="ask for fewer rows at once or fewer columns",
            )
        self._digest.update(b"\n" + line)
        row = values.row(self._names, found, len(self._rows) + 1)
        for name in pages.order:
            if row[name] is None:  # a zero date of MySQL
                raise pages._without(name)
        self._rows.append(row)

    def page(self, *, is_last: bool) -> SqlPage:
        """Return what came."""
        same = None if self._same is None else tuple(self._same)
        return SqlPage(
            rows=tuple(self._rows),
            digest=self._digest.digest(),
            place=None if self._last is None else SqlPlace(self._last, same),
            is_last=is_last,
        )

    def _order(self, found: Sequence[Any]) -> Order:
        return tuple(self._ordered(self._names[at], found[at]) for at in self._at)

    def _ordered(self, name: str, value: Any) -> Any:
        encoding = self._pages.values.text_encoding
        if isinstance(value, bytes) and encoding is not None:
            return value.decode(encoding)
        if value is not None and not isinstance(value, ORDERED):
            words = f"a column of type {type(value).__name__} gives no order to go by"
            raise self._pages._unfit(name, UnfitError(words))
        return value

    def _note(self, order: Order) -> None:
        """Remember a row as the last one, and its key among those of its instant."""
        is_of_same = self._last is not None and self._last[0] == order[0]
        self._last = order
        if not self._pages.has_instant:
            self._same = None
        elif not is_of_same:
            self._same = [order[1:]]
        elif self._same is not None:
            is_full = len(self._same) >= SQL_SAME_MAX
            self._same = None if is_full else [*self._same, order[1:]]
