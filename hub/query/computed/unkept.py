"""`unkept`: calendars that were told live and may not be kept, in SQL (`hub.store.transient`).

- Only requests that say how fresh their answer must be read them: a document that says nothing has
  the same statement whether such sources exist or not.
- Their taken time counts like everybody's. Their coverage counts where no other source leads for
  the instrument, whose calendar is then the one that precedence names, and where one of them alone
  speaks of it.
- Of what has expired nothing is known.
"""

from __future__ import annotations

TABLE = "transient_calendar"


def _shown(key: str, now: str) -> str:
    """Return the tables and the condition for what sources tell of an instrument now."""
    return (
        f"{TABLE} t JOIN source s ON s.source_id = t.source AND s.active"
        " AND (s.owners IS NULL OR t.owner = ANY(s.owners))"
        f" WHERE t.instrument_key = {key} AND t.expires_at > {now}"
    )


def with_unkept_taken(kept: str, key: str, now: str) -> str:
    """Return the query `kept` for firm and tentative time, with that of these sources as well."""
    told = (
        "SELECT range_agg(t.firm) AS firm,range_agg(t.tentative) AS maybe,"
        f"array_agg(t.source) AS sources FROM {_shown(key, now)}"
    )
    firm, maybe = (
        f"coalesce(k.{each},'{{}}') + coalesce(u.{each},'{{}}') AS {each}"
        for each in ("firm", "maybe")
    )
    return f"SELECT {firm},{maybe},k.sources || u.sources AS sources FROM ({kept}) k,({told}) u"


def with_unkept_cover(kept: str, key: str, now: str, is_led_by_another: str) -> str:
    """Return the query `kept` for covered time, or that of such a source where nobody else leads.

    `is_led_by_another`: the condition that another source than `t.source` leads.
    """
    told = (
        "SELECT range_agg(t.cover) AS cover,min(t.as_of) AS as_of,min(t.source) AS source"
        f" FROM {_shown(key, now)} AND NOT {is_led_by_another} HAVING count(*) = 1"
    )
    columns = ",".join(
        f"CASE WHEN k.cover IS NULL THEN u.{each} ELSE k.{each} END AS {each}"
        for each in ("cover", "as_of", "source")
    )
    return f"SELECT {columns} FROM ({kept}) k LEFT JOIN ({told}) u ON true"


def unkept_keys(start: str, end: str, now: str) -> str:
    """Return a query for the instruments of which such a source covers any part of a window."""
    return (
        f"SELECT t.instrument_key FROM {TABLE} t WHERE t.expires_at > {now}"
        f" AND t.cover && tstzrange({start},{end})"
    )
