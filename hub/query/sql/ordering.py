"""`ordering`: the order of a connection, and cursors into it.

- Each key compares as (is null, value); the identity breaks ties; absent values come last in both
  directions.
- A cursor is made in SQL: base64url of the JSON `[hash of field, filter and order, identity, key
  values…]`. It stays valid while rows come and go, since it names a place in the order and not a
  count.
- A value that an agreement hides sorts as if it were absent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Any

from hub.errors import ErrorCode
from hub.query.computed.price import price_row
from hub.query.plan.arguments import Argument
from hub.query.plan.binding import Env, bad_input
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import ORDERS_MAX
from hub.query.sql.cursor import decode
from hub.query.sql.searching import rank
from hub.query.sql.statement import Statement
from schema.item import Item, Kind, RecordSpec
from schema.values import Name


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order. `cast` is its SQL type."""

    column: str
    cast: str
    descending: bool
    nullable: bool


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a connection, on the rows of one alias; the identity is its last key."""

    keys: tuple[SortKey, ...]
    alias: str
    descending: bool
    """Direction of the identity: that of the last key."""

    def sql(self, *, reverse: bool = False) -> str:
        """Return the ORDER BY list."""
        parts = []
        for key in self.keys:
            down = key.descending is not reverse
            nulls = ""
            if key.nullable:
                nulls = " NULLS FIRST" if reverse else " NULLS LAST"
            parts.append(f"{key.column}{' DESC' if down else ''}{nulls}")
        down = self.descending is not reverse
        return ", ".join([*parts, f"{self.alias}.item_id{' DESC' if down else ''}"])

    def cursor(self, alias: str, hash_parameter: str) -> str:
        """Return the SQL of a row's cursor; `alias` has the keys as columns k0, k1 and so on."""
        pieces = [f"""'["',{hash_parameter},'","',{alias}.item_id,'"'"""]
        pieces += [
            f"',',coalesce(to_json({alias}.k{n}::text)::text,'null')" for n in range(len(self.keys))
        ]
        document = f"concat({','.join(pieces)},']')"
        encoded = f"encode(convert_to({document},'UTF8'),'base64')"
        return f"translate({encoded},E'+/=\\n','-_')"

    def names(self) -> list[str]:
        """Name the columns that hold the keys: k0, k1 and so on."""
        return [f"k{n}" for n in range(len(self.keys))]

    def columns(self) -> list[str]:
        """Return the keys as select items of these names."""
        return [
            f"{key.column} AS {name}" for key, name in zip(self.keys, self.names(), strict=True)
        ]

    def beyond(
        self, cursor: Argument, hashed: CursorHash, statement: Statement, *, reverse: bool
    ) -> str:
        """Return the condition that a row lies after a cursor (before it, in reverse)."""
        casts = tuple(key.cast for key in self.keys)

        def value_at(position: int, cast: str) -> str:
            def value(env: Env) -> str | None:
                memo = ("cursor", cursor.key, hashed.coordinate)
                if memo not in env.memo:
                    env.memo[memo] = decode(cursor.read(env.values), hashed.of(env), casts)
                text: str | None = env.memo[memo][position]
                return text

            name = ("cursor", cursor.key, hashed.coordinate, position)
            return statement.bind_env(name, value, cast)

        identity = f"{self.alias}.item_id"
        down = self.descending is not reverse
        last = value_at(0, "text")
        uniform = all(not key.nullable and key.descending == self.descending for key in self.keys)
        if uniform:  # one row comparison, which an index answers
            left = ", ".join([*(key.column for key in self.keys), identity])
            right = ", ".join(
                [*(value_at(n + 1, key.cast) for n, key in enumerate(self.keys)), last]
            )
            return f"({left}) {'<' if down else '>'} ({right})"
        condition = f"{identity} {'<' if down else '>'} {last}"
        for n in range(len(self.keys) - 1, -1, -1):
            key = self.keys[n]
            condition = _step(key, value_at(n + 1, key.cast), condition, reverse=reverse)
        return condition


def _step(key: SortKey, value: str, rest: str, *, reverse: bool) -> str:
    """Return the condition for one key and those after it; absent values come last."""
    column, sign = key.column, "<" if key.descending is not reverse else ">"
    if not key.nullable:
        return f"({column} {sign} {value} OR ({column} = {value} AND {rest}))"
    equal = f"({column} = {value} AND {rest})"
    if reverse:  # before a null lies every value; before a value lies no null
        return (
            f"CASE WHEN {value} IS NULL THEN ({column} IS NOT NULL OR {rest}) "
            f"ELSE coalesce({column} {sign} {value} OR {equal}, false) END"
        )
    return (
        f"CASE WHEN {value} IS NULL THEN ({column} IS NULL AND {rest}) "
        f"ELSE ({column} IS NULL OR {column} {sign} {value} OR {equal}) END"
    )


PRICE_ORDERS = ("PRICE_ASC", "PRICE_DESC")


@dataclass(frozen=True, slots=True)
class OrderedBy:
    """What rows are sorted by beside their items: how they match a search, what an order costs."""

    searched: Argument | None = None
    priced: Argument | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CursorHash:
    """What binds a cursor to its query: the field, the filter, the search and the order."""

    coordinate: str
    names: tuple[str, ...]
    filtered: Argument | None
    by: OrderedBy

    def of(self, env: Env) -> str:
        """Return the hash for a request."""
        memo = ("hash", self)
        if memo not in env.memo:
            parts = [
                self.coordinate,
                self.names,
                None if self.filtered is None else self.filtered.read(env.values),
                *(
                    None if each is None else each.read(env.values)
                    for each in (self.by.searched, self.by.priced)
                ),
            ]
            text = json.dumps(parts, default=_name, sort_keys=True)
            env.memo[memo] = sha256(text.encode()).hexdigest()[:16]
        hashed: str = env.memo[memo]
        return hashed


def _name(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else str(value)


def order_names(argument: Argument | None) -> tuple[str, ...]:
    """Return the orders that an argument names; they are part of the plan."""
    if argument is None:
        return ()
    orders = argument.read(argument.sample.values)
    members = orders if isinstance(orders, list | tuple) else [orders]
    if len(members) > ORDERS_MAX:
        raise bad_input(argument, f"至多 {ORDERS_MAX} 个排序", f"at most {ORDERS_MAX} orders")
    names = tuple(each.value if isinstance(each, Enum) else str(each) for each in members)
    columns = [name.rpartition("_")[0] for name in names]
    if len(set(columns)) != len(columns):
        raise bad_input(
            argument, "同一项排序了两次，请去掉一个", "an item is named twice: drop one"
        )
    return names


def order_of(
    spec: RecordSpec,
    names: tuple[str, ...],
    alias: str,
    statement: Statement,
    by: OrderedBy,
) -> Order:
    """Return the order that these names ask for.

    Where they are none, what a search finds comes by how well it matches; then, as everything,
    by name where a record has one, else by id.
    """
    keys = []
    if not names:
        if by.searched is not None:
            keys.append(
                SortKey(
                    rank(by.searched, alias, statement), "numeric", descending=True, nullable=False
                )
            )
        if any(item.name == "name" and item.facts.sortable for item in spec.items):
            names = ("NAME_ASC",)
        else:
            return Order(tuple(keys), alias, descending=False)
    for name in names:
        stem, _, direction = name.rpartition("_")
        if name in PRICE_ORDERS:
            keys.append(_price(by.priced, alias, statement, descending=direction == "DESC"))
            continue
        item = spec.item(stem.lower())
        statement.must_read(spec, item, "orderBy")
        column, cast = _column(item, alias)
        guard = statement.authority.guard(spec, item, alias, statement)
        if guard:
            statement.narrow(f"{spec.name}.{item.wire}", spec.rule(item))
            column = f"(CASE WHEN {guard} THEN {column} END)"
        keys.append(SortKey(column, cast, direction == "DESC", item.optional or guard is not None))
    return Order(tuple(keys), alias, descending=keys[-1].descending)


def _price(
    priced: Argument | None, alias: str, statement: Statement, *, descending: bool
) -> SortKey:
    """Return the key by what an order costs in yuan; what has no such price comes last."""
    if priced is None:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "orderBy：PRICE 须以 priceFor 说明为谁估价",
            "orderBy: PRICE needs priceFor, for whom it is",
        )
    ways = ("audience", "hours", "samples", "on")
    row = price_row(f"{alias}.key", {way: priced.get(way) for way in ways}, statement)
    amount = (
        f"(SELECT (p.amount->>'amount')::numeric FROM ({row}) p"
        " WHERE p.amount->>'currency' = 'CNY')"
    )
    return SortKey(amount, "numeric", descending, nullable=True)


_CASTS = {
    Kind.INSTANT: "timestamptz",
    Kind.DATE: "date",
    Kind.DECIMAL: "numeric",
    Kind.INTEGER: "numeric",
}


def _column(item: Item, alias: str) -> tuple[str, str]:
    if item.value is None:
        return f"{alias}.{item.name}", _CASTS.get(item.kind, "text")
    if item.value.cls is Name:
        return f"{alias}.{item.name}_sort", "text"
    return f"{alias}.{item.name}_amount", "numeric"
