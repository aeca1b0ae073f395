"""`searching`: the condition of a search and the order of what it finds, in SQL.

- A word may stand in the record or in what its searched references name: for each word the keys of
  those are looked up, and join the query as alternatives. So an institution's new name finds its
  instruments at once, and the record's own index answers the whole search.
- The rank of a row is a small whole number that depends on the row and the text alone, so cursors
  into a search stay valid.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from hub.query.plan import typed
from hub.query.plan.arguments import Argument
from hub.query.plan.binding import plain
from hub.query.plan.limits import SEARCH_REFERENCES_MAX
from hub.query.sql.statement import Statement
from hub.store.search import REFERENCE
from schema.item import RecordSpec


def asks(searched: Argument | None) -> bool:
    """Tell whether a search narrows anything: a blank text does not, and shapes the statement."""
    return searched is not None and not typed.is_blank(searched.read(searched.sample.values))


def matches(spec: RecordSpec, searched: Argument, alias: str, statement: Statement) -> str:
    """Return the condition that a row matches a search."""
    words = statement.bind(searched, _matching, "jsonb")
    own = "'('||u.own||')'"
    for table in _references(spec, statement):
        found = (
            f"SELECT r.key FROM {table} r WHERE r.search @@ u.of::tsquery"
            f" ORDER BY r.key LIMIT {SEARCH_REFERENCES_MAX}"
        )
        key = r"replace(replace(f.key,'\','\\'),'''','''''')"
        keys = f"SELECT string_agg('''{REFERENCE}'||{key}||'''',' | ') FROM ({found}) f"
        own += f"||coalesce(' | '||({keys}),'')"
    every = (
        f"SELECT '('||string_agg('('||{own}||')',' & ')||')' AS q"
        f" FROM jsonb_to_recordset({words}) AS u(a int,own text,of text) GROUP BY u.a"
    )
    return f"{alias}.search @@ (SELECT string_agg(w.q,' | ')::tsquery FROM ({every}) w)"


def rank(searched: Argument, alias: str, statement: Statement) -> str:
    """Return how well a row matches a search: more is better."""
    parts = []
    for n, transform in enumerate(_RANKS):
        query = statement.bind(searched, transform, "tsquery")
        parts.append(f"({alias}.search @@ {query})::int*{1 << (typed.RANKS - 1 - n)}")
    return f"({'+'.join(parts)})"


def _references(spec: RecordSpec, statement: Statement) -> list[str]:
    """Return the tables of the public records whose names find this one."""
    model, found = statement.model, []
    for item in spec.items:
        target = item.facts.ref if item.facts.search else None
        if target is None:
            continue
        other = model.registry[target]
        if other.rows.is_public and any(each.facts.search for each in other.items):
            statement.records.add(target)
            found.append(model.tables[target])
    return found


def _matching(argument: Argument, value: Any) -> str | None:
    return typed.read(plain(argument, value) or "").matching


def _ranked(n: int, argument: Argument, value: Any) -> str | None:
    return typed.read(plain(argument, value) or "").ranks[n]


_RANKS = tuple(partial(_ranked, n) for n in range(typed.RANKS))
