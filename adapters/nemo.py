"""NEMO (NIST), the laboratory system: tools, bookings, outages, use. Written against 8.1.5.

Each point was met on a running system:

- A list is paged only when `page_size` is sent; without it the whole table comes at once.
- An unknown filter is ignored and everything comes. A known one answers nonsense with status 400,
  so every filter used here is probed with nonsense at connect time.
- Nothing carries a time of change and nothing leaves a tombstone: closed time windows are read
  again, and what is missing from a whole reading is gone.
- Use is listed newest first, so pages shift while they are read: the window ends at the start of
  the run, and rows are told apart by id. An open use has no end and no filter on `end` finds it.
- A booking that was moved is `cancelled`, one cut short is `shortened`; `descendant` is the new.
- Ids are counted per installation: the deployment gives each one a short name (`instance`), which
  leads the local numbers. A tool with a parent is another mode of one instrument.
- Times carry an offset. Billing has no prices, so there are no offers.
- The token sees names, mails and badge numbers of all users. Lists are asked to `omit` people,
  and whatever of them still comes is dropped here.

Facts of the deployment: `instance`; `booking_url`, where people book; `inside_account_types` and
`outside_account_types`, names of account types. A type in neither list is UNKNOWN, and an account's
name leaves only when its type is outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Mapped, Probe, Removed, Yielded, covered
from adapters._nemo_fields import ACCOUNT_IGNORED, PROJECT_IGNORED, STATUS_IGNORED, TOOL_IGNORED
from adapters._nemo_windows import LIVE, begun_window, ended_window, taken_window
from adapters._nrii import present
from adapters._row import Row, decimal_text
from connectors.rest import NextLink, PagedJson, WholeList
from schema.dates import format_instant

PEOPLE = ("user", "creator", "operator", "cancelled_by", "validated_by", "waived_by", "waived_on")
PROBED = "not-a-value"
SECONDS_OF_HOUR = 3600
TEXT_MAX = 2000


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


def project(row: Row, context: Context) -> Iterable[Yielded]:
    """Remember the account and number of a project; its people are never read."""
    row.drop("principal_investigators", "users")
    row.ignore(*PROJECT_IGNORED)
    context.remember(
        "project",
        row.text("id"),
        (row.optional_text("account") or "", row.optional_text("application_identifier")),
    )
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
    context.remember("tool", number, local)
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


def _instrument_key(row: Row, context: Context, number: str) -> str:
    local = context.recall("tool", number)
    if local is None:
        row.fault("tool", "TOOL_UNKNOWN", "仪器列表中没有该仪器", "is not in the list of tools")
        return ""
    return f"{context.institution_key}/{local}"


def _tool_of(row: Row, context: Context) -> str | None:
    """Return the key of the row's tool; None for a booking or outage of an area or resource."""
    number = row.optional_text("tool")
    return None if number is None else _instrument_key(row, context, number)


def _occupancy(key: str, local_id: str, kind: str, span: tuple[str, str]) -> Mapped:
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


def reservation(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one booking; cancelled, moved, missed and shortened ones free their time."""
    row.drop(*PEOPLE, "title", "note", "additional_information", "question_data")
    row.ignore("configuration_options", "creation_time", "cancellation_time", "short_notice")
    row.ignore("self_configuration", "validated", "waived", "project", "area")  # waived: the fee
    key, number = _tool_of(row, context), row.text("id")
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
    yield _occupancy(key, local_id, "RESERVATION", span)


def scheduled_outage(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one outage that was announced."""
    row.drop("creator", "reminder_emails", "details", "title")
    row.ignore("category", "area", "resource", "reminder_days")
    key, number = _tool_of(row, context), row.text("id")
    span = row.instant("start"), row.instant("end")
    if key is not None:
        yield _occupancy(key, f"scheduled-outage-{number}", "MAINTENANCE", span)


def unplanned_outage(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one outage that happened; while it has no end it lasts to the end of the window."""
    row.ignore("resource")
    key, number = _tool_of(row, context), row.text("id")
    start, end = row.instant("start"), row.optional_instant("end")
    if key is not None:
        yield _occupancy(key, f"unplanned-outage-{number}", "OUTAGE", _span(context, start, end))


def task(row: Row, context: Context) -> Iterable[Yielded]:
    """Map a reported problem that shuts its tool down.

    Solved ones took the time until then; open ones take it until the estimated end, and without an
    estimate to the end of the window, because a broken instrument is not free next week.
    """
    row.drop("creator", "last_updated_by", "resolver", "history", "problem_description")
    row.drop("progress_description", "resolution_description", "title")
    row.ignore("urgency", "safety_hazard", "last_updated", "problem_category")
    row.ignore("resolution_category")
    key, number = _tool_of(row, context), row.text("id")
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
    yield _occupancy(key, local_id, "OUTAGE", _span(context, start, end))


def _span(context: Context, start: str, end: str | None) -> tuple[str, str]:
    """Close an interval; one second is the least that an interval can have."""
    last = end or format_instant(context.window_end)
    if last > start:
        return start, last
    return start, format_instant(datetime.fromisoformat(start) + timedelta(seconds=1))


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
    yield _occupancy(
        _instrument_key(row, context, number),
        f"usage-{usage}",
        "OWN_USE",
        _span(context, start, format_instant(hour)),
    )


def usage_event(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one use; an open one has a start and no end, no hours."""
    row.drop(*PEOPLE, "note", "pre_run_data", "run_data")
    row.ignore("has_ended", "validated", "remote_work", "training", "waived", "staff_charge")
    key, number = _tool_of(row, context), row.text("id")
    start, end = row.instant("start"), row.optional_instant("end")
    project_id = row.optional_text("project") or ""
    account_id, reference = context.recall("project", project_id) or ("", None)
    kind, name = context.recall("account", account_id) or (None, None)
    if key is None:
        return
    side = _side(context, kind)
    yield Mapped(
        "UsageRecord",
        present(
            instrumentKey=key,
            localId=f"usage-{number}",
            startedAt=start,
            endedAt=end,
            hours=_hours(start, end),
            userSide=side,
            userName=name if side == "OUTSIDE" else None,
            collectionMethod="BOOKING_SYSTEM",
            recordedAt=end,
            projectReference=reference,
        ),
    )


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


def _collections() -> tuple[Collection, ...]:
    taken: dict[str, Any] = {"types": ("Occupancy",), "complete": True}
    used: dict[str, Any] = {"types": ("UsageRecord",), "every": timedelta(minutes=30)}
    people = ",".join(PEOPLE)
    return (
        Collection(name="account_types", reader=_list("account_types"), map=account_type),
        Collection(name="accounts", reader=_list("accounts", omit="note"), map=account),
        Collection(name="projects", reader=_list("projects", fields=PROJECT_FIELDS), map=project),
        Collection(
            name="tools", reader=_list("tools"), map=tool, types=("Instrument",), complete=True
        ),
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
        Collection(
            name="usage_events_ended",
            reader=_list("usage_events", omit=people),
            map=usage_event,
            window=ended_window,
            **used,
        ),
        Collection(
            name="usage_events_open",
            reader=_list("usage_events", omit=people, end__isnull="true"),
            map=usage_event,
            **used,
        ),
    )


PROJECT_FIELDS = "id,account,application_identifier"
FILTERS = {
    "reservations": ("end__gte", "start__lt", "tool__in"),
    "scheduled_outages": ("end__gte", "start__lt", "tool__in"),
    "tasks": ("tool__in",),
    "unplanned_outages": ("start__lt", "tool__in"),
    "usage_events": ("end__gte", "end__lt"),
}

ADAPTER = Adapter(
    id="nemo",
    title_zh="NEMO 实验室系统",
    title_en="NEMO laboratory system",
    publisher_zh="安装该系统的单位",
    publisher_en="The institution that runs it",
    collections=_collections(),
    promised_freshness=timedelta(hours=1),
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
