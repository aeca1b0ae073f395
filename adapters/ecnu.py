"""East China Normal University: instruments, prices, opening hours, bookings over its open API.

- OAuth 2.0 client credentials; `pageNum` and `pageSize`; rows at `data.rows`, count at
  `data.totalNum`. Keys are the initials of the Chinese words: mc 名称, bh 编号, hgjg 海关监管.
- Lists: `dxyq` 大型仪器, `sfbz` 收费标准, `kfsj` 开放时间, `yyjl` 预约记录. Which of them is
  established in public and which is modelled, `basis` of `ecnu.toml` says.
- The filter `yqbh` of bookings, by which one instrument is asked live, is modelled too: since it
  may be ignored, rows of other instruments are left out, and an answer without rows proves nothing.
- The list has no price as a number and no original value. `sfbz` of an instrument is a sentence.
- Personal: lxr 联系人, dh 电话 (masked by the source, or not), email; in bookings yyr 预约人, dh.
- Times have no offset: Asia/Shanghai.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from adapters._adapter import (
    Adapter,
    Collection,
    Context,
    Live,
    LiveList,
    Mapped,
    Yielded,
    covered,
)
from adapters._metadata_files import metadata_of
from adapters._nrii import (
    ACQUISITION,
    CUSTOMS_STATUS,
    NOTHING,
    RUNNING_STATUS,
    SHARING,
    USE,
    instrument_class,
    present,
    subject,
)
from adapters._platform import TakenTime
from adapters._row import Row
from connectors.reader import Window
from connectors.rest import PagedJson, PageNumber
from schema.codes import Audience, PriceUnit, Weekday
from schema.dates import SHANGHAI

INSTITUTION = {
    "institutionKey": "moe:10269",
    "name": {"zh": "华东师范大学", "en": "East China Normal University"},
    "kind": "UNIVERSITY",
    "divisionCode": "310107",
    "departmentName": "教育部",
    "identifiers": [{"scheme": "MOE", "value": "10269"}],
    "homepageUrl": "https://www.ecnu.edu.cn",
}
SHANGHAI_DIVISION = "310000"
"""All campuses lie in Shanghai; the list names no district."""
PAGES = PageNumber(page="pageNum", size="pageSize", rows=200)
METADATA = metadata_of("ecnu")
AUDIENCES = METADATA.codes.words("audiences", Audience)
UNITS = METADATA.codes.words("price_units", PriceUnit)
WEEKDAYS = METADATA.codes.words("weekdays", Weekday)
TAKEN = TakenTime(codes=METADATA.codes, start="kssj", end="jssj", kind="yylx", state="zt")


def states(context: Context) -> Iterable[Yielded]:
    """Say who stands behind this source."""
    yield Mapped("Institution", {**INSTITUTION, **context.institution})


def _key(number: str) -> str:
    return f"{INSTITUTION['institutionKey']}/{number}"


def instrument(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one row of `dxyq`."""
    del context
    row.drop("lxr", "dh", "email")
    row.ignore("txdz", "yzbm")
    row.ignore("dw")
    number = row.text("bh")
    code = row.optional_text("fldm", empty=NOTHING)
    yield Mapped(
        "Instrument",
        present(
            institutionKey=INSTITUTION["institutionKey"],
            localNo=number,
            name=present(zh=row.text("mc"), en=row.optional_text("ywmc", empty=NOTHING)),
            classes=[instrument_class(code)] if code else [],
            subjects=[subject(one) for one in row.list_of("zyxk")],
            model=row.optional_text("gg", empty=NOTHING),
            specification=row.optional_text("jzsb", empty=NOTHING),
            functions=row.optional_text("zygn", empty=NOTHING),
            acquisition=row.optional_code("ly", ACQUISITION),
            commissionedOn=row.optional_day("qyrq"),
            use=row.optional_code("yqlb", USE),
            status=row.code("yxzt", RUNNING_STATUS).value,
            sharing=row.optional_code("gzms", SHARING),
            centreCode=row.optional_text("fwdwbh", empty=NOTHING),
            place=present(
                divisionCode=SHANGHAI_DIVISION, address=row.optional_text("azdd", empty=NOTHING)
            ),
            customsStatus=row.optional_code("hgjg", CUSTOMS_STATUS),
            serviceContent=row.optional_text("fwnr", empty=NOTHING),
            rules=row.optional_text("kfgd", empty=NOTHING),
            achievements=row.optional_text("fwcg", empty=NOTHING),
            bookingUrl=row.optional_text("yydz", empty=NOTHING),
            contact=row.optional_text("fwdw", empty=NOTHING),
        ),
    )
    words = row.optional_text("sfbz", empty=NOTHING)
    if words:
        yield Mapped(
            "ServiceOffer",
            {
                "instrumentKey": _key(number),
                "code": "published",
                "audience": "OUTSIDE",
                "priceNote": words,
            },
        )


def offer(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one row of `sfbz`: one price of one service for one audience, in yuan."""
    del context
    least = row.optional_decimal("zdsf")
    yield Mapped(
        "ServiceOffer",
        present(
            instrumentKey=_key(row.text("yqbh")),
            code=row.text("xmbh"),
            name={"zh": row.text("xmmc")},
            audience=row.code("fwdx", AUDIENCES).value,
            unit=row.code("jjdw", UNITS).value,
            price={"amount": row.decimal("dj"), "currency": "CNY"},
            minimumCharge={"amount": least, "currency": "CNY"} if least else None,
            bookingUrl=row.optional_text("yydz", empty=NOTHING),
        ),
    )


def opening_hours(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one row of `kfsj`: one day of the week, periods as `08:30-11:30,13:30-17:00`."""
    del context
    periods = []
    for part in row.list_of("sd"):
        opens, dash, closes = part.partition("-")
        if not dash:
            row.fault("sd", "MISSHAPEN", "应为 08:30-17:00", "must look like 08:30-17:00")
        periods.append({"opens": opens.strip().zfill(5), "closes": closes.strip().zfill(5)})
    yield Mapped(
        "OpeningHours",
        present(
            instrumentKey=_key(row.text("yqbh")),
            weekday=row.code("xq", WEEKDAYS).value,
            periods=periods,
        ),
    )


def occupancy(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one row of `yyjl`; a cancelled or refused booking is no occupancy."""
    del context
    row.drop("yyr", "dh")
    yield from TAKEN.map(row, _key(row.text("yqbh")), row.text("yybh"))


def _window(context: Context) -> Window:
    """Ask for what overlaps the window, in the source's own naive local time."""
    return _between(context.window_start, context.window_end)


@lru_cache(1)
def _between(since: datetime, until: datetime) -> Window:
    """Return the same window as long as it is the same: each live question asks for it."""
    filters = {"jssjStart": _local(since), "kssjEnd": _local(until)}
    return Window(since=since, until=until, filters=filters)


def _is_own(_: Context, instrument_key: str) -> bool:
    return instrument_key.startswith(_key("")) and instrument_key != _key("")


def _booked(context: Context, instrument_key: str) -> Iterable[LiveList]:
    """Ask for the bookings of one instrument."""
    window = _window(context)
    filters = {**window.filters, "yqbh": instrument_key.removeprefix(_key(""))}
    yield LiveList(collection="yyjl", window=replace(window, filters=filters))


def _local(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _list(name: str, *key: str) -> PagedJson:
    return PagedJson(
        path=f"api/v1/device/{name}",
        paging=PAGES,
        items_at="data.rows",
        total_at="data.totalNum",
        key=key,
    )


def _collections() -> tuple[Collection, ...]:
    everything: dict[str, Any] = {"complete": True}
    return (
        Collection(
            name="dxyq",
            reader=_list("dxyq", "bh"),
            map=instrument,
            types=("Instrument", "ServiceOffer"),
            **everything,
        ),
        Collection(
            name="sfbz",
            reader=_list("sfbz", "yqbh", "xmbh", "fwdx"),
            map=offer,
            types=("ServiceOffer",),
            **everything,
        ),
        Collection(
            name="kfsj",
            reader=_list("kfsj", "yqbh", "xq"),
            map=opening_hours,
            types=("OpeningHours",),
            **everything,
        ),
        Collection(
            name="yyjl",
            reader=_list("yyjl", "yqbh", "yybh"),
            map=occupancy,
            types=("Occupancy", "OccupancyCoverage"),
            window=_window,
            closes=covered,
            **everything,
        ),
    )


ADAPTER = Adapter(
    metadata=METADATA,
    collections=_collections(),
    states=states,
    live=Live(record_type="Occupancy", accepts=_is_own, question=_booked, is_steady=True),
)
