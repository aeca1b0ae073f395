"""Asset cloud (资产云): the finance side's register of a province's public assets.

Its interface is not public; `basis` of `asset_cloud.toml` says on what this is modelled. Whoever
gets the real agreement corrects both files, the fixtures and the stand-in.

- The class is GB/T 14885: seven digits of 2010, or `A02…` of 2022, in use since 2023. A card that
  was coded anew has both (`formerClassCode`); each is kept with its edition, none is converted.
- 使用状况 (`useState`) is NOT the list of the same name in JY/T 1001 (使用, 闲置, 被借用 …).
- 资产使用方向 (`useDirection`) 5 is 闲置(废止): an older way to say idle. The standard has no
  item for it; its codes are checked.
- Amounts are in 元. A day of acceptance is a day here: terms are counted from it (SJ1 has a month).
- `fiscalValue` is money of the province's own budget unless the deployment says otherwise.
- A card that was disposed of stays in the list and says how and when.
- Personal: keeper, keeperPhone. Departments within a unit are out of scope.

Facts of the deployment: `fiscal_source`, the code of the standard for fiscal money (LOCAL_FISCAL).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Mapped, Yielded
from adapters._metadata_files import metadata_of
from adapters._nrii import NOTHING, present
from adapters._row import Row
from connectors.rest import PagedJson, PageNumber
from schema.codes import Acquisition, InstitutionKind, InstrumentStatus

METADATA = metadata_of("asset_cloud")
CLASSES = (
    (re.compile(r"[0-9]{7}"), "2010"),
    (re.compile(r"A[0-9]{2,12}"), "2022"),
)
UNIT_KINDS = METADATA.codes.words("kinds_of_unit", InstitutionKind)
ACQUISITIONS = METADATA.codes.words("acquisition", Acquisition)
STATES = METADATA.codes.words("use_state", InstrumentStatus)
DISPOSALS = METADATA.codes.words("disposal", InstrumentStatus)
DIRECTIONS = METADATA.codes["use_direction"].known


def unit(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one unit."""
    code, name = row.text("unitCode"), row.text("unitName")
    division = row.optional_text("divisionCode")
    context.remember("unit", code, (division,))
    yield Mapped(
        "Institution",
        present(
            institutionKey=f"uscc:{code}",
            name={"zh": name},
            kind=row.code("unitKind", UNIT_KINDS).value,
            divisionCode=division,
            departmentName=row.optional_text("departmentName", empty=NOTHING),
        ),
    )


def asset(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one card."""
    row.drop("keeper", "keeperPhone")
    row.ignore("deptCode", "deptName", "updatedAt", "acquiredOn")
    unit_code, number = row.text("unitCode"), row.text("assetNo")
    row.codes("useDirection", DIRECTIONS)
    state = row.code("useState", STATES)
    disposed = row.optional_code("disposal", DISPOSALS)
    worth = row.decimal("originalValue")
    card = row.optional_text("cardNo", empty=NOTHING)
    yield Mapped(
        "Instrument",
        present(
            institutionKey=f"uscc:{unit_code}",
            localNo=number,
            name={"zh": row.text("assetName")},
            classes=[
                found
                for name in ("classCode", "formerClassCode")
                if (found := _class(row, name)) is not None
            ],
            model=row.optional_text("specModel", empty=NOTHING),
            manufacturer=row.optional_text("manufacturer", empty=NOTHING),
            originCountry=row.optional_country("originCountry"),
            serialNo=row.optional_text("serialNo", empty=NOTHING),
            originalValue={"amount": worth, "currency": "CNY"},
            acquisition=row.code("acquireWay", ACQUISITIONS).value,
            funding=_funding(row, context),
            acceptedOn=row.optional_day("acceptedOn"),
            bookedOn=row.optional_day("bookedOn"),
            endedOn=row.optional_day("disposedOn"),
            status=(disposed or state).value,
            place=present(
                divisionCode=_division(row, context, unit_code),
                address=row.optional_text("location", empty=NOTHING),
            ),
            identifiers=[{"scheme": "INVENTORY_NUMBER", "value": card}] if card else [],
        ),
    )


def _division(row: Row, context: Context, unit_code: str) -> str | None:
    known = context.recall("unit", unit_code)
    if known is None:
        row.fault("unitCode", "UNIT_UNKNOWN", "单位列表中没有该单位", "is not in the list of units")
        return None
    return str(known[0]) if known[0] else None


def _class(row: Row, name: str) -> dict[str, str] | None:
    """Take a code of GB/T 14885; its shape says its edition."""
    code = row.optional_text(name, empty=NOTHING)
    if code is None:
        return None
    for shape, version in CLASSES:
        if shape.fullmatch(code):
            return {"scheme": "GB/T 14885", "version": version, "code": code}
    row.fault(
        name,
        "CODE_UNKNOWN",
        "应为 GB/T 14885-2010 的七位数字，或 GB/T 14885-2022 的 A02…",
        "must be seven digits of GB/T 14885-2010, or A02… of GB/T 14885-2022",
    )
    return None


def _funding(row: Row, context: Context) -> list[dict[str, Any]]:
    """Take what was paid from which money; zero says nothing."""
    fiscal = str(context.facts.get("fiscal_source", "LOCAL_FISCAL"))
    parts = ((fiscal, "fiscalValue"), ("OTHER", "otherValue"))
    paid = [(source, row.optional_decimal(name)) for source, name in parts]
    return [
        {"source": source, "amount": {"amount": amount, "currency": "CNY"}}
        for source, amount in paid
        if amount is not None and amount != "0"
    ]


def _list(name: str, *key: str) -> PagedJson:
    return PagedJson(
        path=f"api/asset/v1/{name}",
        paging=PageNumber(page="pageNo", size="pageSize", rows=100),
        items_at="data.records",
        total_at="data.total",
        key=key,
    )


ADAPTER = Adapter(
    metadata=METADATA,
    collections=(
        Collection(
            name="units",
            reader=_list("units", "unitCode"),
            map=unit,
            types=("Institution",),
            complete=True,
        ),
        Collection(
            name="cards",
            reader=_list("cards", "unitCode", "assetNo"),
            map=asset,
            types=("Instrument",),
            complete=True,
        ),
    ),
)
