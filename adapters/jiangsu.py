"""Jiangsu sharing platform: units, equipment, prices and calendars of a province, by GraphQL.

The platform's real interface is not public; `basis` of `jiangsu.toml` says on what this is
modelled. Whoever gets the real agreement corrects both files and the fixtures.

- Equipment is NRII's form (`adapters._nrii`): `worth` in 万元; prices are in 元.
- `unitCode` is the platform's own code of a unit; the list of units tells the USCC, school code or
  ROR behind it, so units come first.
- Lists of what changes by the hour are asked for the window only: `from` and `until` are applied by
  the platform.
- The same lists are asked live of one instrument, by `unitCode` and `innerId`.
- Calendars name the instruments whose units report every booking, and until when: of the others
  nothing is known.
- Times have an offset. Personal: contact, phone, email; in bookings bookedBy.
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
from connectors.graphql import GraphqlList
from connectors.paging import Cursor
from connectors.reader import Window
from schema.codes import Audience, IdentifierScheme, InstitutionKind, PriceUnit
from schema.dates import format_instant

METADATA = metadata_of("jiangsu")
SCHEMES = METADATA.codes.words("identifiers", IdentifierScheme)
KINDS_OF_UNIT = METADATA.codes.words("kinds_of_unit", InstitutionKind)
AUDIENCES = METADATA.codes.words("audiences", Audience)
UNITS = METADATA.codes.words("price_units", PriceUnit)
TAKEN = TakenTime(codes=METADATA.codes, start="beginsAt", end="endsAt", kind="kind", state="state")

FORM = (
    "innerId cname ename instrBelongsType instrCategory worth instrSource type subject nation "
    "instrVersion manufacturer beginDate technical function requirement fee serviceContent "
    "serviceUrl instrSupervise runMachine serviceMachine funds insideDepart contact phone email "
    "address postalcode image auditStatus achievement"
)


def _document(name: str, members: str, *, in_window: bool = False) -> str:
    """Return the document of one list; what is asked for is the platform's work."""
    more, given = "", ""
    if in_window:
        more = ", $from: String!, $until: String!, $unitCode: String, $innerId: String"
        given = ", from: $from, until: $until, unitCode: $unitCode, innerId: $innerId"
    return (
        f"query ($first: Int!, $after: String{more}) {{ "
        f"{name}(first: $first, after: $after{given}) {{ totalCount nodes {{ {members} }} "
        "pageInfo { hasNextPage endCursor } } }"
    )


def _list(name: str, members: str, *key: str, in_window: bool = False) -> GraphqlList:
    return GraphqlList(
        document=_document(name, members, in_window=in_window),
        paging=Cursor(
            cursor="after",
            size="first",
            rows=200,
            at=f"{name}.pageInfo.endCursor",
            more_at=f"{name}.pageInfo.hasNextPage",
        ),
        items_at=f"{name}.nodes",
        total_at=f"{name}.totalCount",
        key=key,
    )


def unit(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one unit; the best identifier that the platform knows becomes its key."""
    code, name = row.text("unitCode"), row.text("nameZh")
    known = unit_identifiers(row, SCHEMES)
    if not known:
        return
    key = unit_key(known)
    division = row.optional_text("divisionCode")
    remember_unit(context, code, key, division)
    yield Mapped(
        "Institution",
        present(
            institutionKey=key,
            name=present(zh=name, en=row.optional_text("nameEn", empty=NOTHING)),
            kind=row.code("kind", KINDS_OF_UNIT).value,
            divisionCode=division,
            departmentName=row.optional_text("department", empty=NOTHING),
            identifiers=known,
        ),
    )


def _instrument_key(row: Row, context: Context) -> str:
    return f"{unit_of(row, context, 'unitCode')[0]}/{row.text('innerId')}"


def instrument(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one row of the equipment form."""
    unit_key, division = unit_of(row, context, "unitCode")
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


def price(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one price, in yuan."""
    yield Mapped(
        "ServiceOffer",
        present(
            instrumentKey=_instrument_key(row, context),
            code=row.text("number"),
            name={"zh": row.text("title")},
            audience=row.code("audience", AUDIENCES).value,
            unit=row.code("per", UNITS).value,
            price={"amount": row.decimal("yuan"), "currency": "CNY"},
            validFrom=row.optional_day("validFrom"),
        ),
    )


def booking(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one stretch of taken time."""
    row.drop("bookedBy")
    yield from TAKEN.map(row, _instrument_key(row, context), row.text("number"))


def calendar(row: Row, context: Context) -> Iterable[Yielded]:
    """Map the platform's statement of whose calendars it holds, and for which time."""
    key = _instrument_key(row, context)
    start, end = row.instant("coversFrom"), row.instant("coversUntil")
    yield Mapped("OccupancyCoverage", {"instrumentKey": key, "startAt": start, "endAt": end})


def _window(context: Context) -> Window:
    since, until = context.window_start, context.window_end
    filters = {"from": format_instant(since), "until": format_instant(until)}
    return Window(since=since, until=until, filters=filters)


WHOLE: dict[str, Any] = {"complete": True}
OF_INSTRUMENT = ("unitCode", "innerId")


def _taken(context: Context, instrument_key: str) -> Iterable[LiveList]:
    """Ask for what takes an instrument, and whether its unit reports that."""
    lists = dict.fromkeys(("bookings", "calendars"), _window(context))
    return of_instrument(context, instrument_key, OF_INSTRUMENT, lists)


def _catalogue() -> tuple[Collection, ...]:
    """Return the lists that change by the day."""
    unit_members = "unitCode nameZh nameEn kind divisionCode department creditCode schoolCode ror"
    return (
        Collection(
            name="units",
            reader=_list("units", unit_members, "unitCode"),
            map=unit,
            types=("Institution",),
            **WHOLE,
        ),
        Collection(
            name="equipment",
            reader=_list(
                "equipment", f"unitCode street runStatus shareMode {FORM}", *OF_INSTRUMENT
            ),
            map=instrument,
            types=("Instrument", "ServiceOffer"),
            **WHOLE,
        ),
        Collection(
            name="prices",
            reader=_list(
                "prices",
                "unitCode innerId number title audience per yuan validFrom",
                *OF_INSTRUMENT,
                "number",
            ),
            map=price,
            types=("ServiceOffer",),
            **WHOLE,
        ),
    )


def _calendars() -> tuple[Collection, ...]:
    """Return the lists of taken time, which are asked for the window."""
    return (
        Collection(
            name="bookings",
            reader=_list(
                "bookings",
                "unitCode innerId number kind state beginsAt endsAt bookedBy",
                *OF_INSTRUMENT,
                "number",
                in_window=True,
            ),
            map=booking,
            types=("Occupancy",),
            window=_window,
            **WHOLE,
        ),
        Collection(
            name="calendars",
            reader=_list(
                "calendars",
                "unitCode innerId coversFrom coversUntil",
                *OF_INSTRUMENT,
                in_window=True,
            ),
            map=calendar,
            types=("OccupancyCoverage",),
            window=_window,
            **WHOLE,
        ),
    )


ADAPTER = Adapter(
    metadata=METADATA,
    collections=(*_catalogue(), *_calendars()),
    live=Live(
        record_type="Occupancy",
        accepts=is_of_a_unit,
        question=_taken,
        look_ups=("units",),
        is_steady=True,
    ),
)
