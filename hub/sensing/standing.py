"""`standing`: how the sensors of each source stand now, for operators.

A state is good for the silence of its sensor after its newest reading; then it is UNKNOWN, whatever
the reading said. So nothing has to be written when a sensor falls silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.sensing.limits import STATES_SHOWN_MAX
from hub.store.database import Database
from hub.store.power import is_heard
from schema.codes import PowerState

__all__ = ["SensorState", "message_counts", "sensor_states"]

_HEARD = is_heard("p", "%(now)s")
_STATES = f"""
SELECT source, instrument_key, sensor, CASE WHEN {_HEARD} THEN state ELSE 'UNKNOWN' END,
  CASE WHEN {_HEARD} THEN since ELSE as_of END, as_of
FROM power_state p WHERE %(source)s::text IS NULL OR source = %(source)s
ORDER BY source, instrument_key, sensor LIMIT %(limit)s"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class SensorState:
    """What is known of a sensor's instrument now."""

    source: str
    instrument_key: str
    sensor: str
    state: PowerState
    since: datetime | None
    """UNKNOWN since the last reading; None: it was never heard."""
    as_of: datetime | None


async def sensor_states(
    database: Database, now: datetime, source: str | None = None, limit: int = STATES_SHOWN_MAX
) -> list[SensorState]:
    """Return the present states of one source, or of all."""
    asked = {"now": now, "source": source, "limit": min(limit, STATES_SHOWN_MAX)}
    rows = await database.reads.fetch_all(_STATES, asked)
    return [
        SensorState(source_id, instrument, sensor, PowerState[state], since, as_of)
        for source_id, instrument, sensor, state, since, as_of in rows
    ]


async def message_counts(database: Database) -> dict[str, dict[str, int]]:
    """Return how many messages of each source were taken, repeated or refused, by reason."""
    rows = await database.reads.fetch_all(
        "SELECT source, outcome, messages FROM power_count ORDER BY source, outcome"
    )
    counts: dict[str, dict[str, int]] = {}
    for source, outcome, messages in rows:
        counts.setdefault(source, {})[outcome] = messages
    return counts
