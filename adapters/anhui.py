"""Anhui sharing platform: the instruments of a whole province, with offers and occupancy.

The platform's real interface is not public; `basis` of `anhui.toml` says on what this is modelled.
Whoever gets the real agreement corrects both files and the fixtures.

- Equipment is NRII's form (`adapters._nrii`): `worth` in 万元; prices are in 元.
- `insCode` is the platform's own code of a unit: 32 hex characters; the list of units tells the
  USCC, school code or ROR behind it, so units come first.
- `province`, `city`, `county` are words; the division code is that of the unit.
- One instrument is asked live by `insCode` and `innerId`, of what takes it and of its coverage.
- A list is paged by `offset` and `limit`; times carry no offset and are Asia/Shanghai.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Live, LiveList, Mapped, Yielded
from adapters._metadata_files import metadata_of
from adapters._nrii import (
    NOTHING,
    RUNNING_STATUS,
    SHARING,
    equipment,
    present,
    price_in_words,
)
from adapters._platform import (
    TakenTime,
    is_of_a_unit,
    of_instrument,
    remember_unit,
    unit_identifiers,
    unit_key,
    unit_of,
)
from adapters._row import Row
from connectors.reader import Window
from connectors.rest import Offset, PagedJson
from schema.codes import Audience, IdentifierScheme, InstitutionKind, PriceUnit, Weekday
from schema.dates import SHANGHAI

METADATA = metadata_of("anhui")
SCHEMES = METADATA.codes.words("identifiers", IdentifierScheme)
KINDS_OF_UNIT = METADATA.codes.words("kinds_of_unit", InstitutionKind)
AUDIENCES = METADATA.codes.words("audiences", Audience)
UNITS = METADATA.codes.words("price_units", PriceUnit)
DAYS = METADATA.codes.words("weekdays", Weekday)
TAKEN = TakenTime(
    codes=METADATA.codes, start="startTime", end="endTime", kind="kind", state="confirmed"
)


def unit(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one unit; the best identifier that the platform knows becomes its key."""
    code = row.text("insCode")
    known = unit_identifiers(row, SCHEMES)
    if not known:
        return
    key, division = unit_key(known), row.optional_text("adcode")
    name = row.text("insName")
    remember_unit(context, code, key, division)
    yield Mapped(
        "Institution",
        present(
            institutionKey=key,
            name=present(zh=name, en=row.optional_text("insEnName", empty=NOTHING)),
            kind=row.code("insType", KINDS_OF_UNIT).value,
            divisionCode=division,
            departmentName=row.optional_text("department", empty=NOTHING),
            identifiers=[*known, {"scheme": "NRII", "value": code}],
            homepageUrl=row.optional_text("website", empty=NOTHING),
        ),
    )


def instrument(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one row of the equipment form."""
    row.ignore("province", "city", "county", "instrBelongsName")
    unit_key, division = unit_of(row, context, "insCode")
    yield Mapped(
        "Instrument",
        present(
            institutionKey=unit_key,
            **equipment(row),
            status=row.code("runStatus", RUNNING_STATUS).value,
            sharing=row.optional_code("shareMode", SHARING),
            place=present(divisionCode=division, address=row.optional_text("street")),
        ),
    )
    offer = price_in_words(row, f"{unit_key}/{row.text('innerId')}")
    if offer is not None:
        yield offer


def _instrument_key(row: Row, context: Context) -> str:
    unit_key, _ = unit_of(row, context, "insCode")
    return f"{unit_key}/{row.text('innerId')}"


def offer(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one price, in yuan."""
    least = row.optional_decimal("minCharge")
    yield Mapped(
        "ServiceOffer",
        present(
            instrumentKey=_instrument_key(row, context),
            code=row.text("itemCode"),
            name={"zh": row.text("itemName")},
            audience=row.code("audience", AUDIENCES).value,
            unit=row.code("unit", UNITS).value,
            price={"amount": row.decimal("price"), "currency": "CNY"},
            minimumCharge={"amount": least, "currency": "CNY"} if least else None,
            validFrom=row.optional_day("beginDate"),
            validUntil=row.optional_day("endDate"),
            bookingUrl=row.optional_text("serviceUrl", empty=NOTHING),
        ),
    )


def opening_hours(row: Row, context: Context) -> Iterable[Yielded]:
    """Map the week of one instrument: `1 08:30-17:30;2 08:30-17:30`, a missing day is closed."""
    key = _instrument_key(row, context)
    week: dict[str, list[dict[str, str]]] = {number: [] for number in DAYS}
    for part in row.list_of("week"):
        number, _, period = part.partition(" ")
        opens, dash, closes = period.strip().partition("-")
        if number not in week or not dash:
            row.fault("week", "MISSHAPEN", "应为 1 08:30-17:30", "must look like 1 08:30-17:30")
            return
        week[number].append({"opens": opens, "closes": closes})
    for number, day in DAYS.items():
        yield Mapped(
            "OpeningHours",
            present(instrumentKey=key, weekday=day.value, periods=week[number]),
        )


def occupancy(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one stretch of taken time."""
    yield from TAKEN.map(row, _instrument_key(row, context), row.text("bookId"))


def coverage(row: Row, context: Context) -> Iterable[Yielded]:
    """Map the platform's own statement of whose calendars it holds: not every unit reports."""
    key = _instrument_key(row, context)
    start, end = row.instant("fromTime"), row.instant("toTime")
    yield Mapped("OccupancyCoverage", {"instrumentKey": key, "startAt": start, "endAt": end})


def _window(context: Context) -> Window:
    form = "%Y-%m-%d %H:%M:%S"
    since, until = context.window_start, context.window_end
    filters = {
        "from": since.astimezone(SHANGHAI).strftime(form),
        "to": until.astimezone(SHANGHAI).strftime(form),
    }
    return Window(since=since, until=until, filters=filters)


def _taken(context: Context, instrument_key: str) -> Iterable[LiveList]:
    """Ask for what takes an instrument, and whether its unit reports that."""
    lists = dict.fromkeys(("occupancy", "coverage"), _window(context))
    return of_instrument(context, instrument_key, ("insCode", "innerId"), lists)


def _list(name: str, *key: str) -> PagedJson:
    return PagedJson(
        path=f"openapi/v1/{name}",
        paging=Offset(rows=500),
        items_at="result.list",
        total_at="result.total",
        key=key,
    )


def _collections() -> tuple[Collection, ...]:
    whole: dict[str, Any] = {"complete": True}
    return (
        Collection(
            name="units",
            reader=_list("units", "insCode"),
            map=unit,
            types=("Institution",),
            **whole,
        ),
        Collection(
            name="equipment",
            reader=_list("equipment", "insCode", "innerId"),
            map=instrument,
            types=("Instrument", "ServiceOffer"),
            **whole,
        ),
        Collection(
            name="offers",
            reader=_list("offers", "insCode", "innerId", "itemCode", "audience"),
            map=offer,
            types=("ServiceOffer",),
            **whole,
        ),
        Collection(
            name="hours",
            reader=_list("hours", "insCode", "innerId"),
            map=opening_hours,
            types=("OpeningHours",),
            **whole,
        ),
        Collection(
            name="occupancy",
            reader=_list("occupancy", "insCode", "innerId", "bookId"),
            map=occupancy,
            types=("Occupancy",),
            window=_window,
            **whole,
        ),
        Collection(
            name="coverage",
            reader=_list("coverage", "insCode", "innerId"),
            map=coverage,
            types=("OccupancyCoverage",),
            window=_window,
            **whole,
        ),
    )


ADAPTER = Adapter(
    metadata=METADATA,
    collections=_collections(),
    live=Live(
        record_type="Occupancy",
        accepts=is_of_a_unit,
        question=_taken,
        look_ups=("units",),
        is_steady=True,
    ),
)
