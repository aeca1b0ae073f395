"""Shanghai's research platform: instruments of the city's units with prices, hours and bookings.

The platform's real interface is not public; `basis` of `shanghai.toml` says on what this is
modelled. Whoever gets the real agreement corrects both files and the fixtures.

- `worth` is in 万元, `price` in 元.
- A unit is named by the best identifier that the platform knows: USCC, school code, ROR;
  `unitId` is the platform's own number, which every other list uses. Units come first.
- An instrument holds its prices and its opening hours; a day without hours is closed.
- Times carry an offset. `calendar` false: the unit reports no bookings, so nothing is known of when
  the instrument is free.
- One instrument is asked live by `unitId` and `innerId`: its row tells whether its unit reports.
- Personal: contact, phone, email; of a booking `applicant` and `applicantPhone`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
from connectors.reader import EVERYTHING, Window
from connectors.rest import PagedJson, PageNumber
from schema.codes import Audience, IdentifierScheme, InstitutionKind, PriceUnit, Weekday
from schema.dates import format_instant

METADATA = metadata_of("shanghai")
SCHEMES = METADATA.codes.words("identifiers", IdentifierScheme)
KINDS_OF_UNIT = METADATA.codes.words("kinds_of_unit", InstitutionKind)
AUDIENCES = METADATA.codes.words("audiences", Audience)
UNITS = METADATA.codes.words("price_units", PriceUnit)
DAYS = METADATA.codes.words("weekdays", Weekday)
TAKEN = TakenTime(codes=METADATA.codes, start="begin", end="end", kind="kind", state="state")


def unit(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one unit; the best identifier that the platform knows becomes its key."""
    number = row.text("unitId")
    known = unit_identifiers(row, SCHEMES)
    if not known:
        return
    key = unit_key(known)
    division = row.optional_text("adcode")
    name = present(zh=row.text("name"), en=row.optional_text("nameEn", empty=NOTHING))
    remember_unit(context, number, key, division)
    yield Mapped(
        "Institution",
        present(
            institutionKey=key,
            name=name,
            kind=row.code("kind", KINDS_OF_UNIT).value,
            divisionCode=division,
            departmentName=row.optional_text("department", empty=NOTHING),
            identifiers=known,
            homepageUrl=row.optional_text("website", empty=NOTHING),
        ),
    )


def instrument(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one instrument with its prices and hours."""
    row.ignore("insCode", "province", "city", "county", "instrBelongsName")
    unit_key, division = unit_of(row, context, "unitId")
    key = f"{unit_key}/{row.text('innerId')}"
    if row.flag("calendar", "true", "false"):
        context.remember("calendar", key, "reported")
    yield Mapped(
        "Instrument",
        {
            "institutionKey": unit_key,
            **equipment(row),
            **present(
                status=row.code("runStatus", RUNNING_STATUS).value,
                sharing=row.optional_code("shareMode", SHARING),
                place=present(divisionCode=division, address=row.optional_text("street")),
            ),
        },
    )
    words = price_in_words(row, key)
    if words:
        yield words
    for price in row.parts("prices"):
        yield _offer(price, key)
    yield from _week(row, key)


def _offer(price: Row, key: str) -> Mapped:
    least = price.optional_decimal("minimum")
    return Mapped(
        "ServiceOffer",
        present(
            instrumentKey=key,
            code=price.text("id"),
            name={"zh": price.text("name")},
            audience=price.code("audience", AUDIENCES).value,
            unit=price.code("unit", UNITS).value,
            price={"amount": price.decimal("price"), "currency": "CNY"},
            minimumCharge={"amount": least, "currency": "CNY"} if least else None,
            validFrom=price.optional_day("validFrom"),
            validUntil=price.optional_day("validUntil"),
        ),
    )


def _week(row: Row, key: str) -> Iterable[Mapped]:
    """Yield seven days; where nothing is said of hours, nothing is known of them."""
    parts = row.parts("openHours")
    if not parts:
        return
    week: dict[Weekday, list[dict[str, str]]] = {day: [] for day in DAYS.values()}
    for part in parts:
        day = part.code("weekday", DAYS)
        week[day].append({"opens": part.text("begin"), "closes": part.text("end")})
    for day, periods in week.items():
        ordered = sorted(periods, key=lambda period: period["opens"])
        yield Mapped("OpeningHours", present(instrumentKey=key, weekday=day.value, periods=ordered))


def booking(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one booking or other taken time; one that was cancelled or rejected is none."""
    row.drop("applicant", "applicantPhone")
    unit_key, _ = unit_of(row, context, "unitId")
    key, number = f"{unit_key}/{row.text('innerId')}", row.text("bookingId")
    yield from TAKEN.map(row, key, number)


def _covered(context: Context, instruments: Sequence[str]) -> Iterable[Yielded]:
    """State coverage of the instruments whose units report their bookings."""
    reported = (key for key in instruments if context.recall("calendar", key))
    return (context.coverage(key) for key in reported)


def _window(context: Context) -> Window:
    since, until = context.window_start, context.window_end
    filters = {"from": format_instant(since), "to": format_instant(until)}
    return Window(since=since, until=until, filters=filters)


def _booked(context: Context, instrument_key: str) -> Iterable[LiveList]:
    """Ask whether the unit of an instrument reports, and for what is booked of it."""
    lists = {"instruments": EVERYTHING, "bookings": _window(context)}
    return of_instrument(context, instrument_key, ("unitId", "innerId"), lists)


def _list(name: str, *key: str) -> PagedJson:
    return PagedJson(
        path=f"gateway/v2/{name}",
        paging=PageNumber(page="pageNum", size="pageSize", rows=300),
        items_at="data.rows",
        total_at="data.totalNum",
        key=key,
    )


def _collections() -> tuple[Collection, ...]:
    return (
        Collection(
            name="units",
            reader=_list("units", "unitId"),
            map=unit,
            types=("Institution",),
            complete=True,
        ),
        Collection(
            name="instruments",
            reader=_list("instruments", "unitId", "innerId"),
            map=instrument,
            types=("Instrument", "ServiceOffer", "OpeningHours"),
            complete=True,
        ),
        Collection(
            name="bookings",
            reader=_list("bookings", "unitId", "innerId", "bookingId"),
            map=booking,
            types=("Occupancy", "OccupancyCoverage"),
            window=_window,
            closes=_covered,
            complete=True,
        ),
    )


ADAPTER = Adapter(
    metadata=METADATA,
    collections=_collections(),
    live=Live(
        record_type="Occupancy",
        accepts=is_of_a_unit,
        question=_booked,
        look_ups=("units",),
        is_steady=True,
    ),
)
