"""`linking`: links that the operator states and takes back, and those that need no person.

- What the operator states is a Link record of the source `operator`, which goes in like every other
  record and is proved like every other.
- Instruments of one institution are joined without a person where an identifier shows that they are
  one; all other pairs wait for one (`hub.identity.likeness`). Institutions are never joined so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.clock import Clock
from hub.errors import ErrorCode, HubError
from hub.identity.likeness import Pair
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome, Outcomes
from hub.intake.service import submit
from hub.store.candidates import find_pairs
from hub.store.database import Database
from hub.store.sources import register_source
from schema.codes import LinkRelation
from schema.item import camel
from schema.parties import OPERATOR
from schema.records import Link

REASON_MAX = 500
"""Characters of the reason of a link."""
JOINED_MAX = 500
"""Links that are stated at once of pairs that identifiers show to be one."""
JOINED_BY = "joined by the hub: "
"""How the reason of such a link begins."""


async def join_identified(database: Database, clock: Clock, party: str) -> int:
    """Link the pairs that need no person (`hub.identity.likeness`); return how many.

    Each is a Link of the operator like any other: `unlink` takes it back, and it stays so.
    """
    certain = [pair for pair in await find_pairs(database) if pair.is_certain][:JOINED_MAX]
    if certain:
        rows = [_row(_key(pair), LinkRelation.SAME_AS, _reason(pair)) for pair in certain]
        await state_as_operator(database, clock, party, rows)
    return len(certain)


def _key(pair: Pair) -> tuple[str, str, str]:
    return pair.record_type, pair.first, pair.second


def _reason(pair: Pair) -> str:
    return (JOINED_BY + "; ".join(pair.shared))[:REASON_MAX]


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
    return await _state(database, clock, party, _row(pair, relation, reason))


def _row(pair: tuple[str, str, str], relation: LinkRelation, reason: str | None) -> dict[str, Any]:
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
    return {"type": Link.__name__, "record": record}


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
