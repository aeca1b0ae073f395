"""`linking`: links that the operator states and takes back, and pairs that a person should look at.

- What the operator states is a Link record of the source `operator`, which goes in like every other
  record and is proved like every other.
- Candidates are found by an identifier that two records share, or by maker, model and serial number
  together; never by a name alone. Nothing is linked without a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.clock import Clock
from hub.errors import ErrorCode, HubError
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome, Outcomes
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.sources import register_source
from schema.codes import LinkRelation
from schema.item import camel
from schema.parties import OPERATOR
from schema.records import Link
from schema.traits import Joins, Linkable

CANDIDATES_MAX = 200
"""Pairs that are shown at once."""
SHARED_MAX = 20
"""Records that share one identifier; where more do, it identifies nothing."""

_PAIRED = """
WITH shared AS (
  SELECT what, array_agg(DISTINCT key ORDER BY key) AS keys FROM ({found}) f
  GROUP BY what HAVING count(DISTINCT key) BETWEEN 2 AND %(shared)s
), pairs AS (
  SELECT a.key AS first, b.key AS second, min(what) AS what
  FROM shared, unnest(keys) WITH ORDINALITY a(key, n), unnest(keys) WITH ORDINALITY b(key, n)
  WHERE a.key COLLATE "C" < b.key COLLATE "C" GROUP BY 1, 2
)
SELECT first, second, what FROM pairs p WHERE NOT EXISTS (
  SELECT FROM {links} l WHERE l.speaks AND l.{first} = p.first AND l.{second} = p.second)
ORDER BY 1, 2 LIMIT %(most)s"""
_IDENTIFIED = """
SELECT key, 'identifier ' || (i->>'scheme') || ' ' || (i->>'value') AS what
FROM {table}, jsonb_array_elements({identifiers}) i"""
_BUILT = """
UNION ALL SELECT key, concat_ws(' ', 'serial', {plate}) FROM {table}
WHERE num_nulls({plate}) = 0"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two keys that may name one thing."""

    record_type: str
    first: str
    second: str
    shared: str
    """What both have."""


async def candidates(database: Database) -> list[Candidate]:
    """Return pairs that no link speaks of yet."""
    pairs: list[Candidate] = []
    records = database.records
    ((spec, joins),) = records.registry.with_trait(Joins)
    links = records.tables[spec.name].source.name
    for of, trait in records.registry.with_trait(Linkable):
        table = records.tables[of.name].read.name
        statement = _IDENTIFIED.format(table=table, identifiers=trait.identifiers)
        if trait.plate:
            statement += _BUILT.format(table=table, plate=", ".join(trait.plate))
        rows = await database.reads.fetch_all(
            _PAIRED.format(found=statement, links=links, first=joins.first, second=joins.second),
            {"shared": SHARED_MAX, "most": CANDIDATES_MAX},
        )
        pairs += [Candidate(of.name, *row) for row in rows]
    return pairs


async def link(
    database: Database,
    clock: Clock,
    party: str,
    pair: tuple[str, str, str],
    relation: LinkRelation,
    reason: str | None,
) -> Outcomes:
    """State as the operator how two keys relate; `pair` is record type and both keys.

    `party` is the hub's own. Raises `HubError` with what is wrong with the keys.
    """
    record_type, *keys = pair
    first, second = sorted(keys)
    record: dict[str, Any] = {
        "recordType": record_type,
        "firstKey": first,
        "secondKey": second,
        "statedBy": OPERATOR,
        "relation": relation.value,
    }
    if reason:
        record["reason"] = reason
    return await _state(database, clock, party, {"type": Link.__name__, "record": record})


async def unlink(
    database: Database, clock: Clock, party: str, pair: tuple[str, str, str], reason: str
) -> Outcomes:
    """Take back what the operator stated of two keys."""
    record_type, *keys = pair
    parts = {
        "record_type": record_type,
        "first_key": min(keys),
        "second_key": max(keys),
        "stated_by": OPERATOR,
    }
    spec = database.records.registry[Link.__name__]
    key = spec.key_of({camel(name): value for name, value in parts.items()})
    row = {"type": spec.name, "withdraw": {"key": key, "reason": reason}}
    return await _state(database, clock, party, row)


async def state_as_operator(
    database: Database, clock: Clock, party: str, rows: Sequence[dict[str, Any]]
) -> Outcomes:
    """State rows as the operator; raise `HubError` with what is wrong where one is not taken."""
    now = clock()
    await register_source(
        database, OPERATOR, "运营方 operator", mode="PUSH", now=now, owners=[OPERATOR]
    )
    outcomes = await submit(
        database,
        Batch(
            source=OPERATOR,
            party=party,
            channel=Channel.PUSH,
            rows=rows,
            evidence=Evidence(assurance=Assurance.HUB_OBSERVED),
            as_of=now,
        ),
        clock=clock,
    )
    _refuse(outcomes.rows)
    return outcomes


async def _state(database: Database, clock: Clock, party: str, row: dict[str, Any]) -> Outcomes:
    return await state_as_operator(database, clock, party, [row])


def _refuse(rows: Sequence[Any]) -> None:
    for row in rows:
        if row.outcome is Outcome.QUARANTINED:
            words = "; ".join(f"{each.path} {each.en}".strip() for each in row.problems)
            raise HubError(
                ErrorCode.BAD_USER_INPUT,
                message_en=words,
                hint="Nothing was stated.",
                hint_zh="没有写入任何内容。",
            )
