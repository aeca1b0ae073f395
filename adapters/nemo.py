"""NEMO (NIST), the laboratory system: tools, bookings, outages, use. Written against 8.1.5.

Each point was met on a running system:

- A list is paged only when `page_size` is sent; without it the whole table comes at once.
- An unknown filter is ignored and everything comes. A known one answers nonsense with status 400,
  so every filter used here is probed with nonsense at connect time.
- Nothing carries a time of change and nothing leaves a tombstone: closed time windows are read
  again, and what is missing from a whole reading is gone.
- Use is listed newest first, so pages shift while they are read: the window ends at the start of
  the run, and rows are told apart by id. An open use has no end and no filter on `end` finds it.
  What ended after the start of the run is asked for last: so a use that none of the three lists
  names was deleted, and goes.
- A booking that was moved is `cancelled`, one cut short is `shortened`; `descendant` is the new.
- Ids are counted per installation: the deployment gives each one a short name (`instance`), which
  leads the local numbers. A tool with a parent is another mode of one instrument.
- Times carry an offset. Billing has no prices, so there are no offers.
- An area is a room and its bookings take no tool; but an outage of an area or of a resource stops
  tools (`_nemo_outages`). What is not read is named with its reason in `_nemo_fields.NOT_TAKEN`.
- Who used a tool says on which project, and a project may have types; only the deployment knows
  which purpose of the standard a type means. Use from outside with a known purpose is a service.
- A note is private, but for one that is the number of a hub's order: the use was for that order.
- The token sees names, mails and badge numbers of all users. Lists are asked to `omit` people,
  and whatever of them still comes is dropped here.

Facts of the deployment: `instance`; `booking_url`, where people book; `inside_account_types` and
`outside_account_types`, names of account types. A type in neither list is UNKNOWN, and an account's
name leaves only when its type is outside. `purposes`, optional: names of project types, each with a
code of ServicePurpose; `training_purpose`, optional: that code for use which was a training.
`booking_projects`, where the hub books: use on the project of one institution was that one's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Mapped, Probe, Removed, Yielded, covered
from adapters._metadata_files import metadata_of
from adapters._nemo_booking import BOOKING, NOTE, booked_by
from adapters._nemo_fields import ACCOUNT_IGNORED, PROJECT_IGNORED, STATUS_IGNORED, TOOL_IGNORED
from adapters._nemo_outages import (
    area,
    instrument_key,
    occupancy,
    remember_tool,
    resource,
    scheduled_outage,
    span_of,
    task,
    tool_of,
    unplanned_outage,
)
from adapters._nemo_windows import (
    LIVE,
    begun_window,
    ended_window,
    just_ended_window,
    taken_window,
)
from adapters._nrii import present
from adapters._row import Row, decimal_text
from connectors.rest import NextLink, PagedJson, WholeList
from schema.dates import format_instant

PEOPLE = ("user", "creator", "operator", "cancelled_by", "validated_by", "waived_by", "waived_on")
PROBED = "not-a-value"
ORDER = re.compile(rf"{NOTE}[A-Za-z0-9._:-]{{1,146}}")
SECONDS_OF_HOUR = 3600
TEXT_MAX = 2000
NO_SERVICE = "NO_SERVICE: not from outside, or no purpose is known"


def states(context: Context) -> Iterable[Yielded]:
    """Say whose laboratory this is."""
    yield Mapped("Institution", dict(context.institution))


def _local(context: Context, number: object) -> str:
    return f"{context.facts.get('instance', 'nemo')}-{number}"


def account_type(row: Row, context: Context) -> Iterable[Yielded]:
    """Remember the name of an account type."""
    row.ignore("display_order")
    context.remember("account type", row.text("id"), row.text("name"))
    return ()


def account(row: Row, context: Context) -> Iterable[Yielded]:
    """Remember the type and name of an account."""
    row.drop("note")
    row.ignore(*ACCOUNT_IGNORED)
    kind = context.recall("account type", row.optional_text("type") or "")
    context.remember("account", row.text("id"), (kind, row.text("name")))
    return ()


def project_type(row: Row, context: Context) -> Iterable[Yielded]:
    """Remember which purpose a type of project means; one that no fact names means none."""
    row.ignore("display_order")
    purpose = context.facts.get("purposes", {}).get(row.text("name"))
    context.remember("project type", row.text("id"), purpose)
    return ()


def project(row: Row, context: Context) -> Iterable[Yielded]:
    """Remember account, number and types of a project; its people are never read."""
    row.drop("principal_investigators", "users")
    row.ignore(*PROJECT_IGNORED)
    account_id = row.optional_text("account") or ""
    types, reference = row.each("project_types"), row.optional_text("application_identifier")
    number = str(row.integer("id"))
    if not row.problems:
        context.remember("project", number, (account_id, reference, types))
    return ()


def tool(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one tool."""
    row.drop("_phone_number", "_primary_owner", "_backup_owners", "_superusers", "_staff")
    row.drop("_notification_email_address", "_qualification_notification_email")
    row.drop("_adjustment_request_reviewers")
    row.ignore(*TOOL_IGNORED)
    number = row.text("id")
    parent = row.optional_text("parent_tool")
    local = _local(context, parent or number)
    area_id = row.optional_text("_requires_area_access")
    remember_tool(context, number, local, None if parent else area_id)
    name, category = row.text("name"), row.optional_text("_category")
    serial, place = row.optional_text("_serial"), row.optional_text("_location")
    words = row.optional_text("_description")
    operational = row.flag("_operational", "true", "false")
    visible = row.flag("visible", "true", "false")
    if parent:
        return
    yield Mapped(
        "Instrument",
        present(
            institutionKey=context.institution_key,
            localNo=local,
            name={"zh": name},
            classes=[{"scheme": "NEMO", "version": "category", "code": category[:40]}]
            if category
            else [],
            serialNo=serial,
            functions=words[:TEXT_MAX] if words else None,
            status="AWAITING_REPAIR" if operational is False else "IN_SERVICE",
            sharing="NOT_SHARED" if visible is False else None,
            place=present(address=place),
            bookingUrl=context.facts.get("booking_url"),
            identifiers=[{"scheme": "NEMO", "value": f"{context.source}:tool:{number}"}],
        ),
    )


def reservation(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one booking; cancelled, moved, missed and shortened ones free their time."""
    row.drop(*PEOPLE, "title", "note", "additional_information", "question_data")
    row.ignore("configuration_options", "creation_time", "cancellation_time", "short_notice")
    row.ignore("self_configuration", "validated", "waived", "project", "area")  # waived: the fee
    key, number = tool_of(row, context), row.text("id")
    span = row.instant("start"), row.instant("end")
    moved = row.optional_text("descendant")
    cancelled = row.flag("cancelled", "true", "false")
    missed = row.flag("missed", "true", "false")
    shortened = row.flag("shortened", "true", "false")
    local_id = f"reservation-{number}"
    if key is None:
        return
    if cancelled or missed or shortened or moved:
        word = "SHORTENED" if shortened else "MISSED" if missed else "MOVED"
        word = f"{word} to reservation-{moved}" if moved else word.replace("MOVED", "CANCELLED")
        yield Removed("Occupancy", f"{key}/{local_id}", word)
        return
    yield occupancy(key, local_id, "RESERVATION", span)


def tool_status(row: Row, context: Context) -> Iterable[Yielded]:
    """Map who is at the instrument now: taken until the next full hour, and asked again then."""
    row.drop("customer_id", "customer_name", "customer_username")
    row.drop("operator_id", "operator_name", "operator_username", "problem_descriptions")
    row.ignore(*STATUS_IGNORED)
    number, usage = row.text("id"), row.optional_text("current_usage_id")
    start = row.optional_instant("current_usage_start")
    if usage is None or start is None:
        return
    hour = context.now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    yield occupancy(
        instrument_key(row, context, number),
        f"usage-{usage}",
        "OWN_USE",
        span_of(context, start, format_instant(hour)),
    )


def usage_event(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one use; an open one has a start and no end, no hours, and is no service yet."""
    note = row.value("note")
    row.drop(*PEOPLE, "note", "pre_run_data", "run_data")
    row.ignore("has_ended", "validated", "waived")  # waived: the fee
    key, number = tool_of(row, context), row.text("id")
    start, end = row.instant("start"), row.optional_instant("end")
    project_id = row.optional_text("project") or ""
    account_id, reference, types = context.recall("project", project_id) or ("", None, ())
    kind, name = context.recall("account", account_id) or (None, None)
    is_training = row.flag("training", "true", "false") is True
    purpose = _purpose(context, types, is_training=is_training)
    ways = _ways(row)
    if key is None:
        return
    side = _side(context, kind)
    common = present(
        instrumentKey=key,
        localId=f"usage-{number}",
        startedAt=start,
        endedAt=end,
        hours=_hours(start, end),
        userSide=side,
        userKey=booked_by(context, project_id),
        userName=name if side == "OUTSIDE" else None,
        purpose=purpose,
        collectionMethod="BOOKING_SYSTEM",
        recordedAt=end,
    )
    told = present(projectReference=reference, orderId=_order_named(note))
    yield Mapped("UsageRecord", common | told)
    if end is None:
        return
    if side == "OUTSIDE" and purpose is not None:
        yield Mapped("ServiceRecord", common | present(ways=ways))
    else:  # staff put a use on another project afterwards, within the window that is read again
        yield Removed("ServiceRecord", f"{key}/usage-{number}", NO_SERVICE)


def _order_named(note: object) -> str | None:
    """Return the order of a hub that a note names, as that of its booking does, and no more."""
    named = ORDER.fullmatch(note.strip()) if isinstance(note, str) else None
    return named and named[0]


def _purpose(context: Context, types: Iterable[str], *, is_training: bool) -> str | None:
    """Return the one purpose that the types of a project mean; several leave it open."""
    if is_training and "training_purpose" in context.facts:
        return str(context.facts["training_purpose"])
    meant = {context.recall("project type", each) for each in types} - {None}
    return meant.pop() if len(meant) == 1 else None


def _ways(row: Row) -> list[str]:
    """Staff at the tool in the user's place; staff beside the user, who is charged for it.

    Of other use NEMO does not tell who was at the tool unless people are read.
    """
    is_remote = row.flag("remote_work", "true", "false")
    has_staff = row.optional_integer("staff_charge") is not None
    return ["COMMISSIONED"] if is_remote else ["TECHNICAL"] if has_staff else []


def _side(context: Context, kind: str | None) -> str:
    if kind in context.facts.get("outside_account_types", ()):
        return "OUTSIDE"
    return "INSIDE" if kind in context.facts.get("inside_account_types", ()) else "UNKNOWN"


def _hours(start: str, end: str | None) -> str | None:
    if end is None:
        return None
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    hours = Decimal(int(seconds)) / SECONDS_OF_HOUR
    return decimal_text(hours.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


def _list(name: str, rows: int = 200, **fixed: str) -> PagedJson:
    return PagedJson(
        path=f"api/{name}/", paging=NextLink(rows=rows), total_at="count", key=("id",), fixed=fixed
    )


def _looked_up() -> tuple[Collection, ...]:
    """Return what later lists refer to, each after what it refers to itself."""
    return (
        Collection(name="account_types", reader=_list("account_types"), map=account_type),
        Collection(name="accounts", reader=_list("accounts", omit="note"), map=account),
        Collection(name="project_types", reader=_list("project_types"), map=project_type),
        Collection(name="projects", reader=_list("projects", fields=PROJECT_FIELDS), map=project),
        Collection(
            name="tools", reader=_list("tools"), map=tool, types=("Instrument",), complete=True
        ),
        Collection(name="areas", reader=_list("areas", omit=AREA_PEOPLE), map=area),
        Collection(name="resources", reader=_list("resources"), map=resource),
    )


def _collections() -> tuple[Collection, ...]:
    taken: dict[str, Any] = {"types": ("Occupancy",), "complete": True}
    people = ",".join(PEOPLE)
    return (
        *_looked_up(),
        Collection(
            name="reservations",
            reader=_list("reservations", omit=people),
            map=reservation,
            window=taken_window,
            **taken,
        ),
        Collection(
            name="scheduled_outages",
            reader=_list("scheduled_outages", omit="creator,reminder_emails"),
            map=scheduled_outage,
            window=taken_window,
            **taken,
        ),
        Collection(
            name="unplanned_outages",
            reader=_list("unplanned_outages"),
            map=unplanned_outage,
            window=begun_window,
            **taken,
        ),
        Collection(
            name="tasks",
            reader=_list("tasks", force_shutdown="true", omit="creator,resolver,last_updated_by"),
            map=task,
            **taken,
        ),
        Collection(
            name="tool_status",
            reader=PagedJson(path="api/tool_status/", paging=WholeList(), items_at=""),
            map=tool_status,
            closes=covered,
            types=("Occupancy", "OccupancyCoverage"),
            complete=True,
        ),
        *_used(),
    )


def _used() -> tuple[Collection, ...]:
    """Return the lists of use: what ended, what goes on, and what ended while these were read."""
    used: dict[str, Any] = {"types": ("UsageRecord", "ServiceRecord"), "complete": True}
    people = ",".join(PEOPLE)
    return (
        Collection(
            name="usage_events_ended",
            reader=_list("usage_events", omit=people),
            map=usage_event,
            window=ended_window,
            within="ended_at",
            **used,
        ),
        Collection(
            name="usage_events_open",
            reader=_list("usage_events", omit=people, end__isnull="true"),
            map=usage_event,
            **used,
        ),
        Collection(
            name="usage_events_just_ended",
            reader=_list("usage_events", omit=people),
            map=usage_event,
            window=just_ended_window,
            **used,
        ),
    )


PROJECT_FIELDS = "id,account,application_identifier,project_types"
AREA_PEOPLE = "abuse_email,reservation_email,access_request_reviewers,adjustment_request_reviewers"
FILTERS = {
    "reservations": ("end__gte", "start__lt", "tool__in"),
    "scheduled_outages": ("end__gte", "start__lt"),
    "tasks": ("tool__in",),
    "unplanned_outages": ("start__lt",),
    "usage_events": ("end__gte", "end__lt"),
}

ADAPTER = Adapter(
    metadata=metadata_of("nemo"),
    collections=_collections(),
    booking=BOOKING,
    probes=tuple(
        Probe(
            path=f"api/{name}/",
            query={filter_name: PROBED, "page_size": "1"},
            accepted=False,
            says=f"{name} ignores the filter {filter_name} and would answer with everything",
        )
        for name, filters in FILTERS.items()
        for filter_name in filters
    ),
    states=states,
    live=LIVE,
)
