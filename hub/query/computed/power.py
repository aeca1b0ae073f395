"""`power`: whether an instrument is on now, by all sensors at it, in SQL.

- Sensors are those of which a record says now that they watch the instrument (`schema.traits`). A
  sensor that is only in the facts of its source has a state for operators, and none here.
- A reading counts if its source is open and registered for the owner, and if it was made after the
  sensor was bound and commissioned; of several sources of a sensor the newest reading counts.
- A sensor that is silent for longer than promised says nothing, and is UNKNOWN since its last
  reading: nothing has to be written when it falls silent (`hub.store.power`).
- Of several sensors, one that says IN_USE decides, then one that says ON. OFF is said only by all:
  one that is silent may hide an instrument that is on.
- In use it is since the first of the sensors that say so. Every other state depends on all of them,
  and is known to hold since the last one changed.
"""

from __future__ import annotations

from hub.query.computed.availability import ZONE
from hub.query.computed.vouching import is_for_owner
from hub.query.computed.writing import Writing
from hub.store.power import is_heard
from schema.codes import PowerState
from schema.traits import Watches

DECIDING = (PowerState.IN_USE, PowerState.ON, PowerState.UNKNOWN, PowerState.OFF)
"""The state of several sensors is the first of these that any of them has."""
_UNKNOWN = f"'{PowerState.UNKNOWN.name}'"


def power_row(key: str, statement: Writing) -> str:
    """Return a query for one row with the columns that `hub.query.sql.model` reads."""
    order = f"'{{{','.join(state.name for state in DECIDING)}}}'::text[]"
    ranked = (
        f"SELECT e.*,array_position({order},e.state) AS rank,"
        f"min(array_position({order},e.state)) OVER () AS top FROM ({_sensors(key, statement)}) e"
    )
    return (
        f"SELECT coalesce(min(r.state) FILTER (WHERE r.rank = r.top),{_UNKNOWN}) AS state,"
        "CASE WHEN min(r.top) = 1 THEN min(r.since) FILTER (WHERE r.rank = 1)"
        " ELSE max(r.since) END AS since,"
        f"min(r.as_of) FILTER (WHERE r.rank = r.top) AS as_of FROM ({ranked}) r"
    )


def _sensors(key: str, statement: Writing) -> str:
    """Return a query for what each sensor at an instrument says now, one row for each binding."""
    table, watches = statement.model.stating(Watches)
    now = statement.bind_now()
    valid = f"b.{watches.valid_from}::timestamp AT TIME ZONE '{ZONE}'"
    begins = f"greatest(b.{watches.start},{valid})"
    newest = (
        "SELECT p.state,p.since,p.as_of,p.silence FROM source s JOIN power_state p"
        f" ON p.source = s.source_id AND p.instrument_key = {key} AND p.sensor = b.{watches.sensor}"
        f" WHERE s.active AND {is_for_owner('b', 's')} AND p.as_of >= {begins}"
        " ORDER BY p.as_of DESC LIMIT 1"
    )
    heard = is_heard("n", now)
    return (
        f"SELECT CASE WHEN {heard} THEN n.state ELSE {_UNKNOWN} END AS state,"
        f"CASE WHEN {heard} THEN greatest(n.since,{begins}) ELSE n.as_of END AS since,n.as_of"
        f" FROM {table} b LEFT JOIN LATERAL ({newest}) n ON true"
        f" WHERE b.{watches.of} = {key} AND b.speaks AND b.{watches.start} <= {now}"
        f" AND (b.{watches.end} IS NULL OR b.{watches.end} > {now})"
    )
