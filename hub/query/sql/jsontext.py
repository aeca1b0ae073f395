"""`jsontext`: JSON written by SQL, as text.

- concat() of texts is what PostgreSQL builds fastest; only free text is escaped, by to_json.
- Every expression made here is never SQL NULL: absence is written `null`.
- concat() writes json and jsonb as they are, so they are not turned into text before it.
- A value that is hidden by an agreement is written `null` and a tab. JSON allows the tab there and
  no value can hold a raw one, so the hidden values of an answer are counted by counting tabs.

RFC 8259 §2 (insignificant whitespace) and §7 (strings hold no raw control characters).
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.query.plan.limits import CONCAT_PARTS_MAX
from schema.item import Item, Kind

HIDDEN = b"null\t"
"""What stands for a hidden value in an answer."""


def text(expression: str) -> str:
    """Return free text as a JSON string."""
    return f"coalesce(to_json({expression}),'null')"


def quoted(expression: str) -> str:
    """Return text that needs no escaping (codes, ids, dates, numbers) as a JSON string."""
    return f"""coalesce('"'||{expression}||'"','null')"""


def bare(expression: str) -> str:
    """Return a number or a boolean."""
    return f"coalesce(({expression})::text,'null')"


def instant(expression: str) -> str:
    """Return an instant in UTC, as the standard writes it."""
    return quoted(f"""to_char({expression} AT TIME ZONE 'UTC','YYYY-MM-DD"T"HH24:MI:SS"Z"')""")


def column(item: Item, expression: str) -> str:
    """Return the JSON of a record's column; nested values are written by the compiler."""
    if item.many:
        return f"coalesce(to_json({expression}),'null')"
    if item.kind in (Kind.INTEGER, Kind.BOOLEAN):
        return bare(expression)
    if item.kind is Kind.INSTANT:
        return instant(expression)
    if item.kind in (Kind.CODE, Kind.DATE, Kind.PARTIAL_DATE, Kind.DECIMAL):
        return quoted(expression)
    return text(expression)


def member(item: Item, expression: str) -> str:
    """Return the JSON of a plain member of a nested value, which is in wire form already."""
    return f"coalesce({expression}->'{item.wire}','{'[]' if item.many else 'null'}')"


def constant(value: str) -> str:
    """Return a JSON string of a name that the schema defines, as an SQL literal."""
    return f"""'"{value}"'"""


def obj(parts: Sequence[tuple[str, str]]) -> str:
    """Return the text of an object with these keys and JSON texts.

    Keys are GraphQL names, which hold nothing that JSON or SQL would escape.
    """
    if not parts:
        return "'{}'"
    pieces: list[str] = []
    for n, (key, expression) in enumerate(parts):
        pieces += [f"""'{"{" if n == 0 else ","}"{key}":'""", expression]
    return concat([*pieces, "'}'"])


def concat(pieces: Sequence[str]) -> str:
    """Join texts; nested, since PostgreSQL takes at most 100 arguments."""
    level = list(pieces)
    while len(level) > CONCAT_PARTS_MAX:
        level = [
            f"concat({','.join(level[n : n + CONCAT_PARTS_MAX])})"
            for n in range(0, len(level), CONCAT_PARTS_MAX)
        ]
    return f"concat({','.join(level)})"


def json_list(expression: str, order: str = "", condition: str = "") -> str:
    """Return the aggregate that makes a JSON list of the rows of its query."""
    aggregate = f"string_agg({expression},','{f' ORDER BY {order}' if order else ''})"
    if condition:
        aggregate += f" FILTER (WHERE {condition})"
    return f"concat('[',{aggregate},']')"


def typed(body: str, name: str) -> str:
    """Return an object with its type's name, under keys that no document can use."""
    return f"""concat('{{"@type":"{name}","@of":',{body},'}}')"""
