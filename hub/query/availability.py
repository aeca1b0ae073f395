"""`availability`: when an instrument can be had, in SQL.

- free = opening hours, inside what a source covered, minus what is firmly taken.
- Open time that no source covered is unknown, and so is each day of the week for which nobody
  stated opening hours. Unknown time is never free.
- A stated day without periods is closed; tentative occupancy is shown and takes nothing away.
- Opening hours are wall-clock time of Asia/Shanghai; every other instant is absolute.

`a - NULL` is NULL for multiranges, so every operand is coalesced to the empty one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from hub.query import binding
from hub.query.arguments import Argument
from hub.query.binding import Env, bad_input
from hub.query.jsontext import EMPTY_RANGES as EMPTY
from hub.query.limits import AVAILABILITY_DAYS_MAX

if TYPE_CHECKING:
    from hub.query.statement import Statement

ZONE = "Asia/Shanghai"
_DAYS = "MONDAY,TUESDAY,WEDNESDAY,THURSDAY,FRIDAY,SATURDAY,SUNDAY"


@dataclass(frozen=True, slots=True)
class Window:
    """The window that is asked for, as parameters."""

    start: str
    end: str


def window(start: Argument, end: Argument, statement: Statement) -> Window:
    """Bind a window; one that is empty, reversed or too long is refused when a request runs."""

    def check(env: Env) -> None:
        first = datetime.fromisoformat(start.read(env.values))
        last = datetime.fromisoformat(end.read(env.values))
        if not first < last <= first + timedelta(days=AVAILABILITY_DAYS_MAX):
            raise bad_input(end, f"until lies after from, at most {AVAILABILITY_DAYS_MAX} days")

    statement.checks.append(check)
    return Window(
        statement.bind(start, binding.plain, "timestamptz"),
        statement.bind(end, binding.plain, "timestamptz"),
    )


def _known(key: str, asked: Window) -> str:
    """Return a query for what is known of an instrument in a window, one row."""
    start, end = asked.start, asked.end
    overlap = f"start_at < {end} AND end_at > {start} AND NOT withdrawn"
    days = (
        f"generate_series(date_trunc('day',{start} AT TIME ZONE '{ZONE}'),"
        f"date_trunc('day',{end} AT TIME ZONE '{ZONE}'),interval '1 day')"
    )
    stated = (
        f"opening_hours_source h WHERE h.instrument_key = {key} AND NOT h.withdrawn"
        f" AND h.weekday = ('{{{_DAYS}}}'::text[])[extract(isodow FROM d.d)::int]"
    )
    opened = f"(d.d + (p.p->>'opens')::interval) AT TIME ZONE '{ZONE}'"
    closed = f"(d.d + (p.p->>'closes')::interval) AT TIME ZONE '{ZONE}'"
    day = f"tstzrange(d.d AT TIME ZONE '{ZONE}',(d.d + interval '1 day') AT TIME ZONE '{ZONE}')"
    taken = "SELECT range_agg(tstzrange(start_at,end_at)) FROM occupancy_source"
    covered = "occupancy_coverage_source WHERE instrument_key"
    return (
        f"SELECT tstzmultirange(tstzrange({start},{end})) AS asked,"
        f"coalesce((SELECT range_agg(tstzrange({opened},{closed})) FROM {days} AS d(d),"
        f"LATERAL (SELECT h.periods FROM {stated}) h,"
        f"LATERAL jsonb_array_elements(h.periods) AS p(p)),{EMPTY}) AS opening,"
        f"coalesce((SELECT range_agg({day}) FROM {days} AS d(d)"
        f" WHERE NOT EXISTS (SELECT FROM {stated})),{EMPTY}) AS unstated,"
        f"coalesce(({taken} WHERE instrument_key = {key} AND {overlap}"
        f" AND certainty = 'FIRM'),{EMPTY}) AS firm,"
        f"coalesce(({taken} WHERE instrument_key = {key} AND {overlap}"
        f" AND certainty = 'TENTATIVE'),{EMPTY}) AS maybe,"
        f"coalesce((SELECT range_agg(tstzrange(start_at,end_at)) FROM {covered} = {key}"
        f" AND {overlap}),{EMPTY}) AS cover,"
        f"(SELECT min(as_of) FROM {covered} = {key} AND {overlap}) AS as_of,"
        f"(SELECT array_agg(DISTINCT source ORDER BY source) FROM {covered} = {key}"
        f" AND {overlap}) AS sources"
    )


def _parts(key: str, asked: Window) -> str:
    """Return a query for the free, tentative and unknown parts of a window, one row.

    OFFSET 0 keeps PostgreSQL from computing a part again wherever it is named.
    """
    return (
        "SELECT k.as_of,k.sources,"
        "(k.opening * k.cover * k.asked) - k.firm AS free,"
        "(k.maybe * k.opening * k.cover * k.asked) - k.firm AS tentative,"
        "(((k.opening * k.asked) - k.cover) - k.firm) + (k.unstated * k.asked) AS unknown,"
        "((k.opening + k.unstated) * k.asked) AS possible"
        f" FROM ({_known(key, asked)} OFFSET 0) k OFFSET 0"
    )


def availability_row(key: str, asked: Window) -> str:
    """Return a query for one row with the columns that `hub.query.model` reads."""
    longest = "trim_scale(round((extract(epoch FROM max(upper(r)-lower(r)))/3600)::numeric,2))"
    return (
        "SELECT v.*,CASE WHEN isempty(v.free) THEN"
        " CASE WHEN isempty(v.unknown) THEN 'BUSY' ELSE 'UNKNOWN' END"
        " WHEN v.free = v.possible THEN 'FREE' ELSE 'PARTLY' END AS status,"
        f"coalesce((SELECT {longest} FROM unnest(v.free) r),0) AS longest"
        f" FROM ({_parts(key, asked)}) v"
    )


def has_free_stretch(argument: Argument, alias: str, statement: Statement) -> str:
    """Return the condition that an instrument is free for some hours in one stretch."""
    start, end, hours = argument.get("from"), argument.get("until"), argument.get("hours")
    assert start is not None
    assert end is not None
    assert hours is not None
    asked = window(start, end, statement)

    def check(env: Env) -> None:
        if Decimal(hours.read(env.values)) <= 0:
            raise bad_input(hours, "must be more than nothing")

    statement.checks.append(check)
    length = (
        f"make_interval(secs => ({statement.bind(hours, binding.plain, 'numeric')}*3600)::float8)"
    )
    overlap = f"c.start_at < {asked.end} AND c.end_at > {asked.start} AND NOT c.withdrawn"
    # What no source covered cannot be free, and is left out before anything is computed.
    covered = (
        f"{alias}.key IN (SELECT c.instrument_key FROM occupancy_coverage_source c WHERE {overlap})"
    )
    stretch = (
        f"EXISTS (SELECT FROM ({_parts(f'{alias}.key', asked)}) v, unnest(v.free) r"
        f" WHERE upper(r)-lower(r) >= {length})"
    )
    return f"{covered} AND {stretch}"
