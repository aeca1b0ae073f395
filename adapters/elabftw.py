"""eLabFTW, the electronic laboratory notebook: bookable resources and their bookings, REST v2.

`basis` of `elabftw.toml` says from which interface it was written.

- The key of a user stands in `Authorization` as it is, without "Bearer"; it sees one team.
- A list is a bare array with `limit` (15 unless told) and `offset`, and nobody counts it.
- Resources (`items`) of a laboratory are also its plasmids and chemicals: the deployment names the
  categories that are instruments; what is in none of them is passed over.
- A booking has its times WITHOUT a zone. The zone is a fact of the installation. A time that a
  change of clocks skips or repeats there is refused. In Asia/Shanghai none does today; from 1986
  to 1991 there was summer time, older than any booking.
- `state` tells normal, archived and deleted ones. A cancelled booking is deleted: no list names
  it, or it says so. Bookings are asked for with `start` and `end`; an installation gives what lies
  within, so more is asked for on both sides than coverage is stated of.
- Only what can be booked has a calendar: of other resources no coverage is stated.
- The status of a resource is a word of the team: the deployment says what each means.
- `booking_hourly_rate_tax` includes tax. Nobody meters use: there are no usage records.
- Personal: userid, fullname, firstname, lastname, orcid; titles of bookings, bodies, comments.

Facts of the deployment: `instance`, a short name that leads the local numbers; `categories`, names;
`statuses`, word of the team = code of the standard; `time_zone` (Asia/Shanghai); `fields`, item of
the standard = name of an extra field; `booking_url`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Mapped, Removed, Yielded
from adapters._metadata_files import metadata_of
from adapters._nrii import present
from adapters._row import Row
from adapters.mapping.errors import CellError
from adapters.mapping.moments import instant, zone_of
from connectors.reader import Window
from connectors.rest import PagedJson, WholeList
from connectors.start_pages import RestList
from schema.codes import InstrumentStatus, SharingMode
from schema.strict_json import read_json

LONGEST_DAYS = 31
METADATA = metadata_of("elabftw")
STATES = METADATA.codes["record_state"]
SHARED_AS = METADATA.codes.words("record_state", SharingMode)
CURRENCIES = METADATA.codes["currencies"].words
BOOKABLE = METADATA.codes.flag("bookable")
LISTED = ",".join(sorted(STATES.known))
"""States in which a list names its resources: all but those that are deleted."""
OF_AN_EXTRA_FIELD = ("model", "manufacturer", "serialNo", "specification", "functions")
"""Items that an extra field may give; `localNo` is another."""
ITEM_IGNORED = (
    *("body", "body_html", "content_type", "date", "created_at", "modified_at", "lastchangeby"),
    *("locked", "locked_at", "lockedby", "timestamped", "timestamped_at", "timestampedby"),
    *("tags", "tags_id", "category", "category_color", "status", "status_color", "rating", "team"),
    *("teams_id", "team_name", "type", "page", "sharelink", "next_step", "has_attachement"),
    *("up_item_id", "recent_comment", "has_comment", "uploads", "items_links", "experiments_links"),
    *("related_items_links", "related_experiments_links", "compounds", "containers", "steps"),
    *("comments", "exclusive_edit_mode", "metadata_decoded", "access_key", "custom_id"),
    *("canread", "canwrite", "canread_base", "canwrite_base", "canread_is_immutable"),
    *("canwrite_is_immutable", "canbook", "canbook_base", "book_max_minutes", "book_max_slots"),
    *("book_can_overlap", "book_users_can_in_past", "book_is_cancellable", "book_cancel_minutes"),
    *("booking_window_days", "is_procurable", "proc_pack_qty", "proc_price_notax"),
    *("proc_price_tax", "proc_currency", "storage", "qty_stored", "qty_unit"),
)
EVENT_IGNORED = (
    *("team", "team_name", "event_duration_minutes", "created_at", "modified_at", "experiment"),
    *("experiment_title", "item_link", "item_link_title", "item_title", "items_title"),
    *("items_category_title", "book_is_cancellable", "canbook", "color", "textColor"),
    *("is_bookable", "category", "status", "experiment_category", "experiment_status"),
)


def states(context: Context) -> Iterable[Yielded]:
    """Say whose laboratory this is."""
    yield Mapped("Institution", dict(context.institution))


def item(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one resource, where its category says that it is an instrument."""
    row.drop("userid", "fullname", "firstname", "lastname", "orcid")
    row.ignore(*ITEM_IGNORED)
    number, title = row.text("id"), row.text("title")
    state = _state(row)
    status = _status(row, context)
    fields = _extra_fields(row)
    bookable = row.flag("is_bookable", *BOOKABLE)
    identifier = row.optional_text("elabid")
    offer = _offer(row)
    category = row.optional_text("category_title")
    if category is None or category not in _categories(context):
        context.remember("item", number, "")
        return
    names: Mapping[str, str] = context.facts.get("fields", {})
    local = fields.get(names.get("localNo", ""))
    local = local or f"{context.facts.get('instance', 'elabftw')}-{number}"
    key = f"{context.institution_key}/{local}"
    context.remember("item", number, local)
    if state in STATES.ended:
        yield Removed("Instrument", key, STATES.ended[state])
        return
    sharing = SHARED_AS.get(state)
    if bookable and sharing is None:
        context.remember("calendar", key, "yes")
    given = {each: fields.get(names[each]) for each in OF_AN_EXTRA_FIELD if each in names}
    yield Mapped(
        "Instrument",
        present(
            institutionKey=context.institution_key,
            localNo=local,
            name={"zh": title},
            **given,
            status=status.value,
            sharing=sharing and sharing.value,
            bookingUrl=context.facts.get("booking_url") if bookable else None,
            identifiers=[{"scheme": "ELABFTW", "value": identifier}] if identifier else [],
        ),
    )
    if offer is not None and bookable:
        yield Mapped("ServiceOffer", {"instrumentKey": key, **offer})


def _categories(context: Context) -> tuple[str, ...]:
    stated = context.facts.get("categories", ())
    return (stated,) if isinstance(stated, str) else tuple(stated)


def _state(row: Row) -> str:
    """Take the state; without one the record is there as usual."""
    known = {word: word for word in (*STATES.known, *STATES.ended)}
    found = row.codes("state", known)
    return found[0] if found else ""


def _status(row: Row, context: Context) -> InstrumentStatus:
    """Take the team's word for the status through the words of the deployment."""
    stated: Mapping[str, str] = context.facts.get("statuses", {})
    known = InstrumentStatus.__members__
    words = {word: known[code] for word, code in stated.items() if code in known}
    if not row.has("status_title"):
        row.ignore("status_title")
        return InstrumentStatus.UNKNOWN
    if not words:  # `code` needs a table to tell
        words = {"": InstrumentStatus.UNKNOWN}
    return row.code("status_title", words)


def _extra_fields(row: Row) -> dict[str, str]:
    """Take the extra fields of a resource: JSON in a text."""
    text = row.optional_text("metadata")
    if text is None:
        return {}
    try:
        fields = read_json(text).get("extra_fields", {})
        values = {name: each.get("value") for name, each in fields.items()}
    except (ValueError, AttributeError):
        row.fault(
            "metadata", "NOT_JSON", "附加字段不是 JSON 对象", "is no JSON object of extra fields"
        )
        return {}
    return {name: value.strip() for name, value in values.items() if _is_filled(value)}


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _offer(row: Row) -> dict[str, Any] | None:
    """Take the price of an hour, with its tax where that is stated."""
    with_tax = row.optional_decimal("booking_hourly_rate_tax")
    without = row.optional_decimal("booking_hourly_rate_notax")
    currency = row.codes("booking_hourly_rate_currency", CURRENCIES)
    amount = next((each for each in (with_tax, without) if each not in (None, "0")), None)
    if amount is None or not currency:
        return None
    return {
        "code": "hour",
        "audience": "INSIDE",
        "unit": "HOUR",
        "price": {"amount": amount, "currency": currency[0]},
    }


def event(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one booking."""
    row.drop("userid", "fullname", "firstname", "lastname", "title", "title_only")
    row.ignore(*EVENT_IGNORED)
    number, of_item = row.text("id"), row.text("items_id")
    state = _state(row)
    start, end = _moment(row, "start", context), _moment(row, "end", context)
    local = context.recall("item", of_item)
    if local is None:
        row.fault("items_id", "TOOL_UNKNOWN", "资源列表中没有该资源", "is not in the list of items")
        return
    if not local:
        return
    key = f"{context.institution_key}/{local}"
    if state in STATES.ended:
        yield Removed("Occupancy", f"{key}/event-{number}", "CANCELLED")
        return
    yield Mapped(
        "Occupancy",
        {
            "instrumentKey": key,
            "localId": f"event-{number}",
            "kind": "RESERVATION",
            "certainty": "FIRM",
            "startAt": start,
            "endAt": end,
        },
    )


def _moment(row: Row, name: str, context: Context) -> str:
    """Take a time of the installation's zone."""
    text = row.text(name)
    try:
        zone = zone_of(context.facts.get("time_zone"))
        return instant(text, None, zone) if text else ""
    except CellError as error:
        row.fault(name, error.code, error.zh, error.en)
    except ValueError:
        row.fault(name, "TIME_ZONE", "部署说明的时区不存在", "the deployment states no known zone")
    return ""


def calendars(context: Context, instruments: Sequence[str]) -> Iterable[Yielded]:
    """State that every booking in the window came, of what can be booked."""
    return (context.coverage(key) for key in instruments if context.recall("calendar", key))


def _window(context: Context) -> Window:
    """Ask for what lies in a longer time than coverage is stated of."""
    since, until = context.window_start, context.window_end
    more = timedelta(days=LONGEST_DAYS)
    filters = {"start": (since - more).isoformat(), "end": (until + more).isoformat()}
    return Window(since=since, until=until, filters=filters)


ADAPTER = Adapter(
    metadata=METADATA,
    collections=(
        Collection(
            name="items",
            reader=RestList(
                path="api/v2/items",
                rows=100,
                key=("id",),
                fixed={"state": LISTED, "order": "id", "sort": "asc"},
            ),
            map=item,
            types=("Instrument", "ServiceOffer"),
            complete=True,
        ),
        Collection(
            name="events",
            reader=PagedJson(path="api/v2/events", paging=WholeList(), items_at="", key=("id",)),
            map=event,
            types=("Occupancy", "OccupancyCoverage"),
            window=_window,
            closes=calendars,
            complete=True,
        ),
    ),
    states=states,
)
