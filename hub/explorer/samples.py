"""`samples`: the registered documents as named samples, with variables that make sense today."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hub.query.plan.documents import document_named
from schema.dates import format_instant, next_weekday

TUESDAY = 2
TEM = "010101"
"""Transmission electron microscopes in GB/T 32847."""
HOURS = "4"
SAMPLE_SEARCH = "smdj"
ORDER = (
    "free_instruments",
    "search_instruments",
    "instruments_of_class",
    "instrument_week",
    "offers_of_instrument",
    "institution_instruments",
    "sources",
    "service_records",
    "who_am_i",
)


def document(name: str) -> str:
    """Return the text of a registered document."""
    return document_named(name)


def variables(
    name: str, now: datetime, instrument: str = "", institution: str = ""
) -> dict[str, Any]:
    """Return variables for a registered document; `instrument` and `institution` are keys."""
    start, end = next_weekday(now, TUESDAY)
    day = {"from": format_instant(start), "until": format_instant(end)}
    week = {**day, "until": format_instant(start + timedelta(days=7))}
    known: Mapping[str, dict[str, Any]] = {
        "free_instruments": {
            **day,
            "class": TEM,
            "hours": HOURS,
            "audience": "ENTERPRISE",
            "first": 10,
        },
        "search_instruments": {"search": SAMPLE_SEARCH, "first": 10},
        "instruments_of_class": {"class": "0101", "provinces": ["SHANGHAI", "ANHUI"]},
        "instrument_week": {**week, "key": instrument},
        "offers_of_instrument": {"key": instrument, "hours": HOURS},
        "institution_instruments": {"key": institution},
        "service_records": {"first": 10},
    }
    return known.get(name, {})


def samples(now: datetime, instrument: str = "", institution: str = "") -> list[dict[str, Any]]:
    """Return every sample: title, text and variables, for the explorer."""
    listed = []
    for name in ORDER:
        text = document(name)
        title = text.partition("\n")[0].removeprefix("#").strip()
        listed.append(
            {
                "name": name,
                "title": title,
                "document": text,
                "variables": variables(name, now, instrument, institution),
            }
        )
    return listed
