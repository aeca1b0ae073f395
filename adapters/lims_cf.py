"""LIMS-CF (Genee 基理), the instrument system of many Chinese universities, over its JSON-RPC.

Modelled on classes `equipment`, `reserv`, `record` of one installation and their members; `basis`
of `lims_cf.toml` names it. How a method is spelled in a call (`equipment/search…`) and how an
installation lets us in (a list of addresses, a key) differ and are not established.

- Instruments take two calls: a search gives a token and a total, pages are fetched by token. The
  token is kept for an hour, and a fetch asks the database anew: rows can move between two pages.
  Sorted by id, because the order it has by itself has ties.
- Bookings and use are asked for by their END (`dtend` between two moments, both included), with
  start and number, without a count. So what is asked for reaches `LONGEST_DAYS` beyond the window
  of which coverage is stated: a longer booking would be missed there.
- Times are UNIX seconds; `dtend` 0 is a use that goes on. `mtime` is a member of instruments and no
  filter of any list: nothing can be asked for by it, everything is read again.
- A cancelled booking is deleted and no list names it any more. A booking says no state.
- `ref_no` is the number in the unit's accounts; without it a row is refused, ids are the system's.
- `price` is in 元, so is `amount` of a use, which says no purpose: no service record comes of it.
- `cat_no` of eight digits is the ministry's class of fixed assets, else the unit's own.
- Hours are end minus start; pre-heating and cooling, which effective hours include, are not told.
- Personal: contact, phone, email, incharges, current_user, access_code, user, lab.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Mapped, Yielded, covered
from adapters._metadata_files import metadata_of
from adapters._nrii import NOTHING, present
from adapters._row import Row, decimal_text
from connectors.jsonrpc import RpcList, SearchToken, StartAndNumber
from connectors.reader import Window
from schema.codes import InstrumentStatus, OccupancyKind
from schema.dates import EARLIEST_UNIX, LATEST_UNIX, format_instant, local_date

METADATA = metadata_of("lims_cf")
API = "api"
BY_ID = {"sort": {"by": "id", "sc": "A"}}
IN_ORDER = {"order": [["id", "asc"]]}
LONGEST_DAYS = 31
SECONDS_OF_HOUR = 3600
MOE_DIGITS = 8
UNIX_WORDS = ("应为 UNIX 秒", "must be UNIX seconds between 1990 and 2100")
STATES = METADATA.codes.words("instrument_state", InstrumentStatus)
TAKES_BOOKINGS = METADATA.codes.flag("takes_bookings")
KINDS = METADATA.codes.words("kinds_taken", OccupancyKind)
"""Kinds of an entry of the calendar."""
INSTRUMENT_IGNORED = (
    # looks and places of the system itself
    *("icon_url", "icon16_url", "icon32_url", "icon48_url", "icon64_url", "icon128_url"),
    *("iconreal_url", "url", "sample_url", "name_abbr", "tags", "tagsInfo", "tag_root_id"),
    # workings: how it is switched and watched
    *("control_mode", "control_address", "bluetooth_serial_address", "connect", "is_using"),
    *("is_monitoring", "is_monitoring_mtime", "accept_sample", "accept_limit_time"),
    *("open_reserv", "require_training", "yiqikong_share", "billing_dept_id"),
    # departments within the unit, and dates that no item holds
    *("organization", "group", "group_id", "group_name"),
    *("manu_date", "purchased_date", "ctime", "mtime"),
)


def states(context: Context) -> Iterable[Yielded]:
    """Say whose laboratory this is."""
    yield Mapped("Institution", dict(context.institution))


def _moment(text: str) -> datetime:
    seconds = int(text)
    if not EARLIEST_UNIX <= seconds <= LATEST_UNIX:
        raise ValueError(text)
    return datetime.fromtimestamp(seconds, UTC)


def _unix(row: Row, name: str) -> datetime | None:
    """Take a mandatory moment."""
    row.text(name)
    return row.read(name, _moment, UNIX_WORDS)


def _optional_unix(row: Row, name: str) -> datetime | None:
    """Take a moment that may be absent, for which the system writes 0."""
    return row.read(name, _moment, UNIX_WORDS) if row.optional_text(name, empty=("0",)) else None


def instrument(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one instrument."""
    row.drop("contact", "contacts_info", "phone", "email", "incharges", "incharges_info")
    row.drop("current_user", "access_code")
    row.ignore(*INSTRUMENT_IGNORED)
    number, joined = row.text("ref_no"), _optional_unix(row, "atime")
    context.remember("instrument", row.text("id"), number)
    price = row.optional_decimal("price")
    takes_bookings = row.flag("accept_reserv", *TAKES_BOOKINGS)
    url = row.optional_text("reserv_url")
    technical = row.optional_text("tech_specs", empty=NOTHING)
    sizes = row.optional_text("specification", empty=NOTHING)
    yield Mapped(
        "Instrument",
        present(
            institutionKey=context.institution_key,
            localNo=number,
            name=present(zh=row.text("name"), en=row.optional_text("en_name", empty=NOTHING)),
            classes=_classes(row.optional_text("cat_no", empty=NOTHING)),
            model=row.optional_text("model_no", empty=NOTHING),
            manufacturer=row.optional_text("manufacturer", empty=NOTHING),
            originCountry=row.optional_country("manu_at"),
            specification=technical or sizes,
            functions=row.optional_text("features", empty=NOTHING),
            accessories=row.optional_text("configs", empty=NOTHING),
            originalValue={"amount": price, "currency": "CNY"} if price else None,
            joinedOn=local_date(joined).isoformat() if joined else None,
            status=row.code("status", STATES).value,
            place=present(address=row.optional_text("location", empty=NOTHING)),
            serviceContent=row.optional_text("service_content", empty=NOTHING),
            rules=row.optional_text("requirement", empty=NOTHING),
            achievements=row.optional_text("achievement", empty=NOTHING),
            bookingUrl=url if takes_bookings else None,
        ),
    )
    agreed = row.optional_text("charge_rule", empty=NOTHING)
    stated = row.optional_text("charge_info", empty=NOTHING)
    if agreed or stated:
        yield Mapped(
            "ServiceOffer",
            {
                "instrumentKey": f"{context.institution_key}/{number}",
                "code": "published",
                "audience": "OUTSIDE",
                "priceNote": agreed or stated,
            },
        )


def _classes(code: str | None) -> list[dict[str, str]]:
    if code is None:
        return []
    if len(code) == MOE_DIGITS and code.isascii() and code.isdigit():
        return [{"scheme": "MOE", "version": "2012", "code": code}]
    return [{"scheme": "LIMS-CF", "version": "cat_no", "code": code}]


def _instrument_key(row: Row, context: Context) -> str:
    number = context.recall("instrument", row.text("equipmentId"))
    if number is None:
        row.fault(
            "equipmentId",
            "TOOL_UNKNOWN",
            "仪器列表中没有该仪器",
            "is not in the list of instruments",
        )
    return f"{context.institution_key}/{number}"


def reservation(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one entry of a calendar."""
    row.drop("user", "lab")
    row.ignore("amount")
    key, number = _instrument_key(row, context), row.text("id")
    start, end = _unix(row, "dtstart"), _unix(row, "dtend")
    kind = row.code("type", KINDS)
    if start is not None and end is not None:
        yield _occupancy(key, f"reserv-{number}", kind, (start, end))


def _occupancy(
    key: str, local_id: str, kind: OccupancyKind, span: tuple[datetime, datetime]
) -> Mapped:
    return Mapped(
        "Occupancy",
        {
            "instrumentKey": key,
            "localId": local_id,
            "kind": kind.value,
            "certainty": "FIRM",
            "startAt": format_instant(span[0]),
            "endAt": format_instant(span[1]),
        },
    )


def use_in_progress(row: Row, context: Context) -> Iterable[Yielded]:
    """Map a use that goes on: taken until the next full hour, and asked again then."""
    row.drop("user", "lab")
    row.ignore("amount", "samples")
    key, number = _instrument_key(row, context), row.text("id")
    start, end = _unix(row, "dtstart"), _optional_unix(row, "dtend")
    if start is None or end is not None or start > context.now:
        return
    hour = context.now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    yield _occupancy(key, f"record-{number}", OccupancyKind.OWN_USE, (start, hour))


def use(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one use that has ended; one that goes on comes by another list."""
    row.drop("user", "lab")
    row.ignore("amount")
    key, number = _instrument_key(row, context), row.text("id")
    start, end = _unix(row, "dtstart"), _optional_unix(row, "dtend")
    samples = row.optional_integer("samples")
    if start is None or end is None:
        return
    yield Mapped(
        "UsageRecord",
        present(
            instrumentKey=key,
            localId=f"record-{number}",
            startedAt=format_instant(start),
            endedAt=format_instant(end),
            hours=_hours(start, end),
            samplesCount=samples,
            userSide="UNKNOWN",
            collectionMethod="BOOKING_SYSTEM",
        ),
    )


def _hours(start: datetime, end: datetime) -> str:
    hours = Decimal(int((end - start).total_seconds())) / SECONDS_OF_HOUR
    return decimal_text(hours.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


def _asked(since: datetime, until: datetime) -> dict[str, str]:
    return {"dtstart": str(int(since.timestamp())), "dtend": str(int(until.timestamp()))}


def _window(context: Context) -> Window:
    """Ask for what ends in the window or, as long as a booking may be, after it."""
    since, until = context.window_start, context.window_end
    filters = _asked(since, until + timedelta(days=LONGEST_DAYS))
    return Window(since=since, until=until, filters=filters)


def _ended(context: Context) -> Window:
    filters = _asked(context.since, context.now)
    return Window(since=context.since, until=context.now, filters=filters)


def _going_on(context: Context) -> Window:
    """Ask for what ends within the hour to come: what goes on comes with it."""
    return Window(filters=_asked(context.now, context.now + timedelta(hours=1)))


def _listed(method: str) -> RpcList:
    return RpcList(
        path=API, paging=StartAndNumber(method=method, rows=500), key=("id",), fixed=IN_ORDER
    )


def _collections() -> tuple[Collection, ...]:
    taken: dict[str, Any] = {"complete": True}
    return (
        Collection(
            name="equipments",
            reader=RpcList(
                path=API,
                paging=SearchToken(
                    search="equipment/searchEquipments", fetch="equipment/getEquipments", rows=100
                ),
                key=("id",),
                fixed=BY_ID,
            ),
            map=instrument,
            types=("Instrument", "ServiceOffer"),
            complete=True,
        ),
        Collection(
            name="reservs",
            reader=_listed("reserv/get_reservs"),
            map=reservation,
            types=("Occupancy",),
            window=_window,
            **taken,
        ),
        Collection(
            name="records_in_use",
            reader=_listed("record/get_records"),
            map=use_in_progress,
            types=("Occupancy", "OccupancyCoverage"),
            window=_going_on,
            closes=covered,
            **taken,
        ),
        Collection(
            name="records",
            reader=_listed("record/get_records"),
            map=use,
            types=("UsageRecord",),
            window=_ended,
        ),
    )


ADAPTER = Adapter(metadata=METADATA, collections=_collections(), states=states)
