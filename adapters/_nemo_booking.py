"""How a time on a tool of NEMO is booked, when its interface checks next to nothing.

Met on 8.1.5: `POST reservations/` takes the same time twice, overlaps, and dates in the past, with
200; posts at once make several bookings of one time; "database is locked" comes as 400; an
`Idempotency-Key` is ignored. The policy of the laboratory sits in its pages only. So:

1. look for a booking of this order (`note`), which an earlier attempt may have made;
2. look at the time asked for: the laboratory's rules (`_nemo_rules`), bookings and outages of the
   tool, its parent and its other modes;
3. post; where it is unclear what became of it, look by `note` again, and never post twice;
4. read the time again: somebody else's booking there means that ours is cancelled, whichever came
   first, so that the laboratory's own is safe. Two orders of hubs: the smaller number stays.
5. A move is a new booking beside the former one, which is then taken back with the new one as its
   `descendant`, as NEMO's own calendar does; until the new one is firm the former one stays.

Exclusivity holds by step 4 alone: a booking that people make in NEMO's pages afterwards is refused
by those pages, one that another program posts is not.

Facts of the deployment: `instance` as for reading; `booking_creator`, id of the hub's user;
`booking_users` and `booking_projects`, ids by key of the institution that books.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias

from adapters._adapter import Context
from adapters._booking import (
    Ask,
    BookingAnswered,
    BookingOutcome,
    BookingProtocol,
    BookingReason,
    BookingResult,
    BookingSteps,
    BookingWish,
    Cancellation,
    Reply,
    Unwilling,
)
from adapters._nemo_rules import (
    RULES,
    earliest_of_interest,
    is_by_the_rules,
    is_within_the_share,
)

NOTE = "hub:"
"""Begins the note of each booking that a hub makes; its order follows."""
TOOL_FIELDS = ",".join(("id", "parent_tool", "_operational", "_requires_area_access", *RULES))
UNCLEAR_WORDS = ("database is locked",)
"""Refusals of NEMO's that say nothing about the booking: it may be tried, and looked for, again."""

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Generator[Ask, Reply, list[Row]]


@dataclass(frozen=True, slots=True)
class _Machine:
    """The tool that is booked.

    `modes`: ids of all tools that are this machine. `areas`: ids of the area from inside which
    alone it may be used, and of those around that. `head`: the row by whose rules it is booked.
    """

    tool: int
    modes: frozenset[int]
    areas: frozenset[int]
    head: Row


class _StopError(Exception):
    """The protocol ends here with a result."""

    def __init__(self, result: BookingResult) -> None:
        super().__init__()
        self.result = result


def book(wish: BookingWish) -> BookingSteps:
    """Book a time, or find what an earlier attempt booked."""
    try:
        return (yield from _book(wish))
    except _StopError as stop:
        return stop.result


def cancel(wanted: Cancellation) -> BookingSteps:
    """Give a booking back; one that is not there is given back already."""
    try:
        mine = yield from _mine(wanted.order)
        if mine is None:
            return BookingResult(outcome=BookingOutcome.CANCELLED)
        return (yield from _cancelled(mine, wanted.facts, wanted.now, BookingOutcome.CANCELLED))
    except _StopError as stop:
        return stop.result


def find(wanted: Cancellation) -> BookingSteps:
    """Look whether a booking is there still; the laboratory may have taken it off."""
    try:
        mine = yield from _mine(wanted.order)
    except _StopError as stop:
        return stop.result
    if mine is None:
        return _not_there()
    return BookingResult(outcome=BookingOutcome.FIRM, reference=str(mine["id"]))


BOOKING = BookingProtocol(book=book, find=find, cancel=cancel)


def _book(wish: BookingWish) -> BookingSteps:
    mine = yield from _mine(wish.order)
    if mine is None and not wish.may_post:
        return _not_there()
    former = None if wish.replaces is None else (yield from _mine(wish.replaces))
    machine = yield from _machine(wish)
    own = set() if former is None else {former["id"]}
    if mine is None:
        yield from _refuse_if_taken(wish, machine, own)
        mine = yield from _posted(wish, machine.tool)
    own.add(mine["id"])
    rivals = [each for each in (yield from _active(wish, machine)) if each["id"] not in own]
    if any(not _is_of_hub(each) or each["id"] < mine["id"] for each in rivals):
        reason = BookingReason.OCCUPIED
        refused = BookingOutcome.REFUSED
        return (yield from _cancelled(mine, wish.facts, wish.now, refused, reason))
    if former is not None:
        return (yield from _replaced(former, mine, wish))
    return BookingResult(outcome=BookingOutcome.FIRM, reference=str(mine["id"]))


def _mine(order: str) -> Generator[Ask, Reply, Row | None]:
    """Look for the booking of an order; one that was cancelled is none."""
    rows = yield from _rows(
        Ask(path="api/reservations/", query={"note": f"{NOTE}{order}", "cancelled": "false"})
    )
    # A filter that NEMO does not know is ignored and everything comes: the note is compared here.
    named = [row for row in rows if row.get("note") == f"{NOTE}{order}" and _is_active(row)]
    return min(named, key=lambda row: row["id"], default=None)


def _machine(wish: BookingWish) -> Generator[Ask, Reply, _Machine]:
    """Return the tool with its parent, its other modes and the areas that it is in."""
    prefix = f"{wish.facts.get('instance', 'nemo')}-"
    number = wish.local_no.removeprefix(prefix)
    rows = yield from _rows(Ask(path="api/tools/", query={"fields": TOOL_FIELDS}))
    by_id = {row["id"]: row for row in rows}
    if not number.isdecimal() or int(number) not in by_id:
        raise _refused(BookingReason.UNKNOWN_INSTRUMENT)
    tool = int(number)
    head = by_id[tool].get("parent_tool") or tool
    if by_id.get(head, {}).get("_operational") is not True:  # a mode has no state of its own
        raise _refused(BookingReason.OUTAGE)
    modes = [each for each in by_id if head in (each, by_id[each].get("parent_tool"))]
    areas = yield from _areas_around(by_id[head].get("_requires_area_access"))
    return _Machine(tool, frozenset(modes), areas, by_id[head])


def _areas_around(area: int | None) -> Generator[Ask, Reply, frozenset[int]]:
    """Return an area and those that it lies in; a ring of areas is walked once."""
    found: set[int] = set()
    if area is None:
        return frozenset()
    rows = yield from _rows(Ask(path="api/areas/", query={"fields": "id,parent_area"}))
    around = {row["id"]: row.get("parent_area") for row in rows}
    while area is not None and area not in found:
        found.add(area)
        area = around.get(area)
    return frozenset(found)


def _refuse_if_taken(
    wish: BookingWish, machine: _Machine, own: set[int]
) -> Generator[Ask, Reply, None]:
    if wish.start <= wish.now:
        raise _refused(BookingReason.IN_THE_PAST)
    if not is_by_the_rules(wish, machine.head):
        raise _refused(BookingReason.AGAINST_RULES)
    mapped = (wish.facts.get(fact, {}) for fact in ("booking_users", "booking_projects"))
    if "booking_creator" not in wish.facts or any(wish.user not in each for each in mapped):
        raise _refused(BookingReason.USER_NOT_MAPPED)
    if any(row["id"] not in own for row in (yield from _active(wish, machine))):
        raise _refused(BookingReason.OCCUPIED)
    if not (yield from _has_room(wish, machine, own)):
        raise _refused(BookingReason.AGAINST_RULES)
    rows = yield from _rows(Ask(path="api/scheduled_outages/", query=_overlapping(wish)))
    outages = [row for row in rows if _overlaps(row, wish)]
    rows = yield from _rows(Ask(path="api/unplanned_outages/", query={"end__isnull": "true"}))
    # One that is open has no end: nobody knows whether it will be over by then.
    outages += [row for row in rows if row.get("end") is None]
    if (yield from _is_stopped(machine, outages)):
        raise _refused(BookingReason.OUTAGE)


def _has_room(wish: BookingWish, machine: _Machine, own: set[int]) -> Generator[Ask, Reply, bool]:
    """Whether the rules let the user have one more booking of this tool, and there."""
    since = earliest_of_interest(wish, machine.head)
    if since is None:
        return True
    user = wish.facts["booking_users"][wish.user]
    wanted = {"user": str(user), "tool": str(machine.tool)}
    query = {**wanted, "end__gte": since.isoformat(), "cancelled": "false"}
    rows = yield from _rows(Ask(path="api/reservations/", query=query))
    others = [
        row
        for row in rows
        if {name: str(row.get(name)) for name in wanted} == wanted
        and row["id"] not in own
        and not row.get("cancelled")
    ]
    return is_within_the_share(wish, machine.head, others)


def _is_stopped(machine: _Machine, outages: list[Row]) -> Generator[Ask, Reply, bool]:
    """Whether outages of the tool, of an area around it or of what these need stop it."""
    named = {row["resource"] for row in outages if row.get("resource") is not None}
    fields = "id,fully_dependent_tools,dependent_areas"
    ask = Ask(path="api/resources/", query={"fields": fields})
    resources = [row for row in (yield from _rows(ask)) if row["id"] in named] if named else []
    return any(
        row.get("tool") in machine.modes or row.get("area") in machine.areas for row in outages
    ) or any(
        machine.modes & set(row["fully_dependent_tools"])
        or machine.areas & set(row["dependent_areas"])
        for row in resources
    )


def _active(wish: BookingWish, machine: _Machine) -> Rows:
    rows = yield from _rows(
        Ask(path="api/reservations/", query={**_overlapping(wish), "cancelled": "false"})
    )
    return [
        row
        for row in rows
        if row.get("tool") in machine.modes and _is_active(row) and _overlaps(row, wish)
    ]


def _posted(wish: BookingWish, tool: int) -> Generator[Ask, Reply, Row]:
    body = {
        "start": wish.start.isoformat(),
        "end": wish.end.isoformat(),
        "tool": tool,
        "user": wish.facts["booking_users"][wish.user],
        "creator": wish.facts["booking_creator"],
        "project": wish.facts["booking_projects"][wish.user],
        "short_notice": False,
        "note": f"{NOTE}{wish.order}",
    }
    reply = yield Ask(path="api/reservations/", method="POST", body=body)
    if isinstance(reply, BookingAnswered) and isinstance(reply.value, dict) and "id" in reply.value:
        return reply.value
    if isinstance(reply, Unwilling) and not any(word in reply.said for word in UNCLEAR_WORDS):
        raise _refused(BookingReason.SOURCE_REFUSED, reply.said)
    mine = yield from _mine(wish.order)
    if mine is None:
        raise _silent()
    return mine


def _replaced(former: Row, mine: Row, wish: BookingWish) -> BookingSteps:
    """Take the former booking back in favour of the new one, which its pages then show."""
    firm, descendant = BookingOutcome.FIRM, {"descendant": mine["id"]}
    result = yield from _cancelled(former, wish.facts, wish.now, firm, more=descendant)
    return replace(result, reference=str(mine["id"]))


def _cancelled(
    mine: Row,
    facts: Mapping[str, Any],
    now: datetime,
    then: BookingOutcome,
    reason: BookingReason | None = None,
    *,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> BookingSteps:
    """Take our booking back; NEMO fills in nothing by itself."""
    reference = str(mine["id"])
    body = {
        "cancelled": True,
        "cancelled_by": facts["booking_creator"],
        "cancellation_time": now.isoformat(),
        **more,
    }
    reply = yield Ask(path=f"api/reservations/{reference}/", method="PATCH", body=body)
    if isinstance(reply, BookingAnswered) and dict(reply.value).get("cancelled") is True:
        return BookingResult(outcome=then, reason=reason, reference=reference)
    return BookingResult(
        outcome=BookingOutcome.TENTATIVE,
        reason=BookingReason.NOT_CANCELLED_YET,
        reference=reference,
    )


def _rows(ask: Ask) -> Rows:
    """Read a list; without one nothing is known."""
    reply = yield ask
    if isinstance(reply, BookingAnswered) and isinstance(reply.value, list):
        return reply.value
    raise _silent()


def _overlapping(wish: BookingWish) -> dict[str, str]:
    return {"end__gte": wish.start.isoformat(), "start__lte": wish.end.isoformat()}


def _overlaps(row: Row, wish: BookingWish) -> bool:
    start, end = (datetime.fromisoformat(row[name]) for name in ("start", "end"))
    return start < wish.end and wish.start < end


def _is_active(row: Row) -> bool:
    return not (row.get("cancelled") or row.get("missed") or row.get("descendant"))


def _is_of_hub(row: Row) -> bool:
    return str(row.get("note") or "").startswith(NOTE)


def _refused(reason: BookingReason, said: str = "") -> _StopError:
    return _StopError(BookingResult(outcome=BookingOutcome.REFUSED, reason=reason, said=said[:200]))


def _not_there() -> BookingResult:
    return BookingResult(outcome=BookingOutcome.CANCELLED, reason=BookingReason.NOT_THERE)


def _silent() -> _StopError:
    return _StopError(
        BookingResult(outcome=BookingOutcome.TENTATIVE, reason=BookingReason.SOURCE_SILENT)
    )


def booked_by(context: Context, project: str) -> str | None:
    """Return the institution that books on a project, where that project is one institution's."""
    projects = context.facts.get("booking_projects", {})
    found = [key for key, number in projects.items() if str(number) == project]
    return found[0] if len(found) == 1 else None
