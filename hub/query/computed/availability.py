"""`availability`: when an instrument is free, in SQL.

- free = opening hours, within coverage, minus firm bookings. Coverage is the time for which a
  source states all bookings of an instrument.
- Only the coverage and opening hours of the leading source count (`hub.store.settling`), and
  coverage only while it is no older than that source promises. Firm bookings count from every
  source.
- Open time without coverage is unknown, and so is each day of the week without stated opening
  hours. Unknown time is never free.
- On the days of an exception its periods hold in place of those of the weekday, also where no hours
  are stated at all; of several for one day the one that begins last holds. Exceptions come from the
  source that leads for them.
- A stated day without periods is closed. Tentative bookings are shown but leave the time free.
- Opening hours are wall-clock time of Asia/Shanghai; every other instant is absolute.

`a - NULL` is NULL for multiranges, so every operand is coalesced to the empty one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from hub.query.computed.unkept import unkept_keys, with_unkept_cover, with_unkept_taken
from hub.query.computed.vouching import is_for_owner
from hub.query.computed.writing import Tables, Writing
from hub.query.plan import binding
from hub.query.plan.arguments import Argument
from hub.query.plan.binding import Env, bad_input
from hub.query.plan.limits import AVAILABILITY_DAYS_MAX
from schema.traits import Covers, Occupies, Opens, OpensOn

ZONE = "Asia/Shanghai"
EMPTY = "'{}'::tstzmultirange"
_DAYS = "MONDAY,TUESDAY,WEDNESDAY,THURSDAY,FRIDAY,SATURDAY,SUNDAY"


@dataclass(frozen=True, slots=True)
class WindowParameters:
    """The requested window and the present instant as SQL parameters, and the tables to read."""

    start: str
    end: str
    now: str
    model: Tables
    reads_unkept: bool


def window(start: Argument, end: Argument, statement: Writing) -> WindowParameters:
    """Bind a window; one that is empty, reversed or too long is refused when a request runs."""

    def check(env: Env) -> None:
        first = datetime.fromisoformat(start.read(env.values))
        last = datetime.fromisoformat(end.read(env.values))
        if not first < last <= first + timedelta(days=AVAILABILITY_DAYS_MAX):
            raise bad_input(
                end,
                f"until 须晚于 from，且相距至多 {AVAILABILITY_DAYS_MAX} 天",
                f"until lies after from, at most {AVAILABILITY_DAYS_MAX} days",
            )

    statement.checks.append(check)
    return WindowParameters(
        statement.bind(start, binding.plain, "timestamptz"),
        statement.bind(end, binding.plain, "timestamptz"),
        statement.bind_now(),
        statement.model,
        statement.reads_unkept,
    )


def _overlap(alias: str, trait: Covers | Occupies, window: WindowParameters) -> str:
    return f"{alias}.{trait.start} < {window.end} AND {alias}.{trait.end} > {window.start}"


def _counts(coverage: str, source: str, window: WindowParameters) -> str:
    """Return the condition that coverage overlaps the window and its source vouches for it now.

    A source that is closed, or no longer registered for the owner, vouches for nothing. `h` is when
    it last confirmed the coverage.
    """
    _, covers = window.model.stating(Covers)
    return (
        f"{_overlap(coverage, covers, window)} AND {source}.active"
        f" AND {is_for_owner(coverage, source)} AND"
        f" greatest({coverage}.as_of,h.as_of)"
        f" + make_interval(secs => {source}.promised_freshness_s) >= {window.now}"
    )


def _covered(key: str, window: WindowParameters) -> str:
    """Return a query for the coverage by the leading source, one row."""
    table, covers = window.model.stating(Covers)
    kept = (
        f"SELECT range_agg(tstzrange(c.{covers.start},c.{covers.end})) AS cover,"
        "min(greatest(c.as_of,h.as_of)) AS as_of,min(c.source) AS source"
        f" FROM {table} c JOIN source s ON s.source_id = c.source"
        " LEFT JOIN heard h USING (entry_id)"
        f" WHERE c.{covers.of} = {key} AND c.leads AND {_counts('c', 's', window)}"
    )
    if not window.reads_unkept:
        return kept
    led = (
        f"EXISTS (SELECT FROM {table} c WHERE c.{covers.of} = {key} AND c.leads"
        " AND c.source <> t.source)"
    )
    return with_unkept_cover(kept, key, window.now, led)


def _opened(key: str, window: WindowParameters) -> str:
    """Return a query for opening hours, and the time for which none are stated, one row.

    The days of the window do not depend on the instrument: they are computed once for all.
    """
    midnight, next_midnight = (
        f"({day}) AT TIME ZONE '{ZONE}'" for day in ("d.d", "d.d + interval '1 day'")
    )
    days = (
        f"SELECT d.d AS day,('{{{_DAYS}}}'::text[])[extract(isodow FROM d.d)::int] AS weekday,"
        f"tstzrange({midnight},{next_midnight}) AS whole"
        f" FROM generate_series(date_trunc('day',{window.start} AT TIME ZONE '{ZONE}'),"
        f"date_trunc('day',({window.end} - interval '1 us') AT TIME ZONE '{ZONE}'),"
        "interval '1 day') AS d(d)"
    )
    table, hours = window.model.stating(Opens)
    stated = (
        f"SELECT y.source,y.{hours.weekday} AS weekday,(p.p->>'opens')::interval AS opens,"
        f"(p.p->>'closes')::interval AS closes FROM {table} y"
        f" LEFT JOIN LATERAL jsonb_array_elements(y.{hours.periods}) AS p(p) ON true"
        f" WHERE y.{hours.of} = {key} AND y.leads AND y.{hours.weekday}"
        " = ANY((SELECT array_agg(days.weekday) FROM days)::text[]) OFFSET 0"
    )
    opens, closes = (f"(d.day + h.{end}) AT TIME ZONE '{ZONE}'" for end in ("opens", "closes"))
    return (
        f"WITH days AS MATERIALIZED ({days}) SELECT"
        f" range_agg(tstzrange({opens},{closes})) FILTER (WHERE h.opens IS NOT NULL) AS opening,"
        "range_agg(d.whole) FILTER (WHERE h.weekday IS NULL) AS unstated,min(h.source) AS source,"
        "(SELECT range_agg(days.whole) FROM days) AS days"
        f" FROM days d LEFT JOIN ({stated}) h ON h.weekday = d.weekday"
    )


def _excepted(key: str, window: WindowParameters) -> str:
    """Return a query for the days that are exceptions and the hours of these, one row."""
    table, excepts = window.model.stating(OpensOn)
    first, last = f"x.{excepts.first}", f"coalesce(x.{excepts.last},x.{excepts.first})"
    begins = f"({window.start} AT TIME ZONE '{ZONE}')::date"
    ends = f"(({window.end} - interval '1 us') AT TIME ZONE '{ZONE}')::date"
    stated = (
        f"SELECT x.source,x.{excepts.periods} AS periods,{first} AS first,"
        f"greatest({first},{begins})::timestamp AS begins,least({last},{ends})::timestamp AS ends"
        f" FROM {table} x WHERE x.{excepts.of} = {key} AND x.leads"
        f" AND {first} <= {ends} AND {last} >= {begins} OFFSET 0"
    )
    each = (
        "SELECT y.source,y.periods,g.day,row_number() OVER"
        f" (PARTITION BY g.day ORDER BY y.first DESC) AS n FROM ({stated}) y"
        " CROSS JOIN LATERAL generate_series(y.begins,y.ends,interval '1 day') AS g(day)"
    )
    opens, closes, midnight, next_midnight = (
        f"(w.day + {end}) AT TIME ZONE '{ZONE}'"
        for end in (
            *("(p.p->>'opens')::interval", "(p.p->>'closes')::interval"),
            *("interval '0'", "interval '1 day'"),
        )
    )
    return (
        f"SELECT range_agg(tstzrange({midnight},{next_midnight})) AS days,range_agg("
        f"tstzrange({opens},{closes})) FILTER (WHERE p.p IS NOT NULL) AS opening,"
        f"min(w.source) AS source FROM ({each}) w"
        " LEFT JOIN LATERAL jsonb_array_elements(w.periods) AS p(p) ON true WHERE w.n = 1"
    )


def _taken(key: str, window: WindowParameters) -> str:
    """Return a query for the bookings by any source, firm and tentative, one row."""
    table, takes = window.model.stating(Occupies)
    taken = (
        f"range_agg(tstzrange(o.{takes.start},o.{takes.end})) FILTER (WHERE o.{takes.certainty} ="
    )
    kept = (
        f"SELECT {taken} 'FIRM') AS firm,{taken} 'TENTATIVE') AS maybe,"
        f"array_agg(o.source) AS sources FROM {table} o"
        f" WHERE o.{takes.of} = {key} AND o.speaks AND {_overlap('o', takes, window)}"
    )
    return with_unkept_taken(kept, key, window.now) if window.reads_unkept else kept


def _known(key: str, window: WindowParameters) -> str:
    """Return a query for coverage, opening hours and bookings in a window, one row.

    Hours of the week count on the days that are no exception, and their source where there is one.
    """
    opening, unstated, days, exceptions, excepted, firm, maybe, cover = (
        f"coalesce({each},{EMPTY})"
        for each in (
            *("h.opening", "h.unstated", "h.days", "e.opening", "e.days"),
            *("o.firm", "o.maybe", "c.cover"),
        )
    )
    return (
        f"SELECT tstzmultirange(tstzrange({window.start},{window.end})) AS asked,"
        f"({opening} - {excepted}) + {exceptions} AS opening,{unstated} - {excepted} AS unstated,"
        f"{firm} AS firm,{maybe} AS maybe,{cover} AS cover,c.as_of,c.source AS covering,"
        f"CASE WHEN NOT isempty(({days} - {unstated}) - {excepted}) THEN h.source END"
        " AS opening_source,e.source AS excepting,o.sources"
        f" FROM ({_covered(key, window)}) c,({_opened(key, window)}) h,"
        f"({_excepted(key, window)}) e,({_taken(key, window)}) o"
    )


def _parts(key: str, window: WindowParameters) -> str:
    """Return a query for the free, tentative and unknown parts of a window, one row.

    OFFSET 0 keeps PostgreSQL from computing a part again wherever it is named.
    """
    return (
        "SELECT k.as_of,k.covering,k.opening_source,k.excepting,k.sources AS taking,"
        "(k.opening * k.cover * k.asked) - k.firm AS free,"
        "(k.maybe * k.opening * k.cover * k.asked) - k.firm AS tentative,"
        "(((k.opening * k.asked) - k.cover) - k.firm) + (k.unstated * k.asked) AS unknown,"
        "((k.opening + k.unstated) * k.asked) AS possible"
        f" FROM ({_known(key, window)} OFFSET 0) k OFFSET 0"
    )


def availability_row(key: str, window: WindowParameters) -> str:
    """Return a query for one row with the columns that `hub.query.sql.model` reads."""
    longest = "trim_scale(round((extract(epoch FROM max(upper(r)-lower(r)))/3600)::numeric,2))"
    sources = (
        'ARRAY(SELECT DISTINCT x.x COLLATE "C" FROM'
        " unnest(ARRAY[v.covering,v.opening_source,v.excepting] || v.taking) AS x(x)"
        " WHERE x.x IS NOT NULL ORDER BY 1)"
    )
    return (
        f"SELECT v.*,{sources} AS sources,CASE WHEN isempty(v.free) THEN"
        " CASE WHEN isempty(v.unknown) THEN 'BUSY' ELSE 'UNKNOWN' END"
        " WHEN v.free = v.possible THEN 'FREE' ELSE 'PARTLY' END AS status,"
        f"coalesce((SELECT {longest} FROM unnest(v.free) r),0) AS longest"
        f" FROM ({_parts(key, window)}) v"
    )


def is_covered(argument: Argument, alias: str, statement: Writing) -> str:
    """Return the condition that the leading source covers any part of a window.

    Without coverage nothing is free: this excludes instruments before anything is computed.
    """
    window = _window_of(argument, statement)
    table, covers = window.model.stating(Covers)
    keys = (
        f"SELECT c.{covers.of} FROM {table} c"
        " JOIN source s ON s.source_id = c.source LEFT JOIN heard h USING (entry_id)"
        f" WHERE c.leads AND {_counts('c', 's', window)}"
    )
    if window.reads_unkept:
        keys += f" UNION ALL {unkept_keys(window.start, window.end, window.now)}"
    return f"{alias}.key IN ({keys})"


def has_free_stretch(argument: Argument, alias: str, statement: Writing) -> str:
    """Return the condition that an instrument is free for some hours in one stretch."""
    hours = argument.get("hours")
    assert hours is not None

    def check(env: Env) -> None:
        if Decimal(hours.read(env.values)) <= 0:
            raise bad_input(hours, "时数须大于 0", "must be more than nothing")

    statement.checks.append(check)
    length = (
        f"make_interval(secs => ({statement.bind(hours, binding.plain, 'numeric')}*3600)::float8)"
    )
    return (
        f"EXISTS (SELECT FROM ({_parts(f'{alias}.key', _window_of(argument, statement))}) v,"
        f" unnest(v.free) r WHERE upper(r)-lower(r) >= {length})"
    )


def _window_of(argument: Argument, statement: Writing) -> WindowParameters:
    start, end = argument.get("from"), argument.get("until")
    assert start is not None
    assert end is not None
    return window(start, end, statement)
