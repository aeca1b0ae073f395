"""Which parts of NEMO's lists are asked for: by harvests, and of one tool while a caller waits.

Bookings and problems are asked by `tool__in`. Outages come for all tools, since one of a room or a
resource stops tools that it does not name; the present use of tools comes whole. A known filter
refuses nonsense (`adapters.nemo` probes each), so an answer without rows is one: the tool is not
taken. The other modes of a tool are its children, which no filter finds: they are looked up in the
list of tools.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from adapters._adapter import Context, Live, LiveList
from connectors.reader import Window


def taken_window(context: Context) -> Window:
    """Ask for what overlaps the window."""
    since, until = context.window_start, context.window_end
    filters = {"end__gte": since.isoformat(), "start__lt": until.isoformat()}
    return Window(since=since, until=until, filters=filters)


def ended_window(context: Context) -> Window:
    """Ask for use that ended in the closed window up to the start of this run."""
    filters = {"end__gte": context.since.isoformat(), "end__lt": context.now.isoformat()}
    return Window(since=context.since, until=context.now, filters=filters)


def just_ended_window(context: Context) -> Window:
    """Ask for use that ended since this run began, which was not open any more when that was asked.

    A few rows at most: what is read of the list meanwhile does not shift its pages.
    """
    return Window(since=context.now, filters={"end__gte": context.now.isoformat()})


def begun_window(context: Context) -> Window:
    """Ask for what began before the window ends: an open outage has no end to ask by."""
    until = context.window_end
    return Window(until=until, filters={"start__lt": until.isoformat()})


def _is_own(context: Context, instrument_key: str) -> bool:
    return instrument_key.startswith(_key(context, ""))


def _key(context: Context, number: str) -> str:
    return f"{context.institution_key}/{context.facts.get('instance', 'nemo')}-{number}"


def _taken(context: Context, instrument_key: str) -> Iterable[LiveList]:
    """Ask for what takes an instrument in any of its modes."""
    tools = [
        number
        for (kind, number), local in context.facts_told.items()
        if kind == "tool" and instrument_key == f"{context.institution_key}/{local}"
    ]
    if not tools:  # no such tool any more: the harvest says so
        return
    by_tool = {"tool__in": ",".join(sorted(tools))}
    for name, window in (("reservations", taken_window(context)), ("tasks", Window())):
        filters = {**window.filters, **by_tool}
        yield LiveList(collection=name, window=replace(window, filters=filters))
    yield LiveList(collection="scheduled_outages", window=taken_window(context))
    yield LiveList(collection="unplanned_outages", window=begun_window(context))
    yield LiveList(collection="tool_status", window=Window())


LIVE = Live(
    record_type="Occupancy",
    accepts=_is_own,
    question=_taken,
    look_ups=("tools", "areas", "resources"),
    complete_within=True,
)
