"""`_nemo_outages`: when NEMO's tools cannot be had, though nobody booked them.

An outage names a tool, an area or a resource. NEMO itself lets nobody use

- a tool that fully depends on the resource; one that depends on it partially goes on;
- a tool that may only be used from inside the area, of this area and of those within it; and of
  the areas that cannot be entered without the resource.

So an outage of an area or resource takes the time of each of these tools. A tool with a parent is
another mode of it, and counts as the parent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from adapters._adapter import Context, Mapped, Removed, Yielded
from adapters._nemo_fields import AREA_IGNORED
from adapters._row import Row
from schema.dates import format_instant

__all__ = [
    "area",
    "instrument_key",
    "occupancy",
    "remember_tool",
    "resource",
    "scheduled_outage",
    "span_of",
    "task",
    "tool_of",
    "unplanned_outage",
]


def remember_tool(context: Context, number: str, local: str, area_id: str | None) -> None:
    """Keep the local number of a tool, and the area from inside which alone it may be used."""
    context.remember("tool", number, local)
    if area_id is not None:
        inside = context.recall("tools inside", area_id) or ()
        context.remember("tools inside", area_id, (*inside, number))


def area(row: Row, context: Context) -> Iterable[Yielded]:
    """Remember within which area an area lies."""
    row.drop("abuse_email", "reservation_email")
    row.drop("access_request_reviewers", "adjustment_request_reviewers")
    row.ignore(*AREA_IGNORED)
    number, parent = row.text("id"), row.optional_text("parent_area")
    context.remember("area", number, number)
    if parent is not None:
        within = context.recall("areas within", parent) or ()
        context.remember("areas within", parent, (*within, number))
    return ()


def resource(row: Row, context: Context) -> Iterable[Yielded]:
    """Remember what stands still without a resource."""
    row.ignore("name", "category", "available", "restriction_message", "partially_dependent_tools")
    needs = row.each("fully_dependent_tools"), row.each("dependent_areas")
    context.remember("resource", row.text("id"), needs)
    return ()


def instrument_key(row: Row, context: Context, number: str, name: str = "tool") -> str:
    """Return the key of a tool; one that is not in the list is a fault of the field `name`."""
    local = context.recall("tool", number)
    if local is None:
        row.fault(name, "TOOL_UNKNOWN", "仪器列表中没有该仪器", "is not in the list of tools")
        return ""
    return f"{context.institution_key}/{local}"


def tool_of(row: Row, context: Context) -> str | None:
    """Return the key of the row's tool; None where the row names none."""
    number = row.optional_text("tool")
    return None if number is None else instrument_key(row, context, number)


def _stopped(row: Row, context: Context) -> list[str]:
    """Return the keys of the instruments that an outage stops, each once, in their order."""
    keys = {tool_of(row, context)}
    areas = [row.optional_text("area")] if row.has("area") else []
    row.ignore("area")
    number = row.optional_text("resource")
    if number is not None:
        tools, entered = context.recall("resource", number) or ((), None)
        if entered is None:
            row.fault("resource", "RESOURCE_UNKNOWN", "资源列表中没有该资源", "is not in the list")
        keys |= {instrument_key(row, context, tool, "resource") for tool in tools}
        areas += entered or ()
    keys |= {
        instrument_key(row, context, tool, "area")
        for tool in _inside(row, context, [each for each in areas if each])
    }
    return sorted(key for key in keys if key)


def _inside(row: Row, context: Context, areas: list[str]) -> Iterable[str]:
    """Yield the tools inside areas and inside those within them; a ring of areas is walked once."""
    seen: set[str] = set()
    while areas:
        number = areas.pop()
        if number in seen:
            continue
        seen.add(number)
        if context.recall("area", number) is None:
            row.fault("area", "AREA_UNKNOWN", "区域列表中没有该区域", "is not in the list of areas")
        areas += context.recall("areas within", number) or ()
        yield from context.recall("tools inside", number) or ()


def occupancy(key: str, local_id: str, kind: str, span: tuple[str, str]) -> Mapped:
    """Return time that is taken for certain."""
    return Mapped(
        "Occupancy",
        {
            "instrumentKey": key,
            "localId": local_id,
            "kind": kind,
            "certainty": "FIRM",
            "startAt": span[0],
            "endAt": span[1],
        },
    )


def scheduled_outage(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one outage that was announced."""
    row.drop("creator", "reminder_emails", "details", "title")
    row.ignore("category", "reminder_days")
    keys, number = _stopped(row, context), row.text("id")
    span = row.instant("start"), row.instant("end")
    for key in keys:
        yield occupancy(key, f"scheduled-outage-{number}", "MAINTENANCE", span)


def unplanned_outage(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one outage that happened; while it has no end it lasts to the end of the window."""
    keys, number = _stopped(row, context), row.text("id")
    span = span_of(context, row.instant("start"), row.optional_instant("end"))
    for key in keys:
        yield occupancy(key, f"unplanned-outage-{number}", "OUTAGE", span)


def task(row: Row, context: Context) -> Iterable[Yielded]:
    """Map a reported problem that shuts its tool down.

    Solved ones took the time until then; open ones take it until the estimated end, and without an
    estimate to the end of the window, because a broken instrument is not free next week.
    """
    row.drop("creator", "last_updated_by", "resolver", "history", "problem_description")
    row.drop("progress_description", "resolution_description", "title")
    row.ignore("urgency", "safety_hazard", "last_updated", "problem_category")
    row.ignore("resolution_category")
    key, number = tool_of(row, context), row.text("id")
    start = row.instant("creation_time")
    estimated, solved = (
        row.optional_instant("estimated_resolution_time"),
        row.optional_instant("resolution_time"),
    )
    cancelled = row.flag("cancelled", "true", "false")
    resolved = row.flag("resolved", "true", "false")
    shut = row.flag("force_shutdown", "true", "false")
    if key is None or not shut:
        return
    local_id = f"task-{number}"
    if cancelled:
        yield Removed("Occupancy", f"{key}/{local_id}", "CANCELLED")
        return
    now = format_instant(context.now)
    end = (solved or now) if resolved else estimated if estimated and estimated > now else None
    yield occupancy(key, local_id, "OUTAGE", span_of(context, start, end))


def span_of(context: Context, start: str, end: str | None) -> tuple[str, str]:
    """Close an interval; one second is the least that an interval can have."""
    last = end or format_instant(context.window_end)
    if last > start:
        return start, last
    return start, format_instant(datetime.fromisoformat(start) + timedelta(seconds=1))
