"""The national reporting form (NRII): words, codes and the fields of equipment that sources share.

Words and codes of the form are in `_nrii.toml`: each look-up takes the code and the Chinese word
for the same thing, because real senders mix them. A source that uses them names that file.
`equipment` reads the thirty fields that every sender of the form has; who the unit is, where the
instrument stands and in what state it is are said differently by each source.

- `worth` is in 万元 (ten thousand yuan) with two decimals.
- Personal: contact, phone, email. Office address and postal code are out of scope.
"""

from __future__ import annotations

from typing import Any

from adapters._adapter import Mapped
from adapters._metadata_files import shared_look_ups
from adapters._row import Row
from schema.codes import (
    Acquisition,
    CustomsStatus,
    FundingSource,
    InstrumentStatus,
    InstrumentUse,
    ResourceCarrier,
    SharingMode,
)

_CODES = shared_look_ups("_nrii").codes
RUNNING_STATUS = _CODES.words("running_status", InstrumentStatus)
SHARING = _CODES.words("sharing", SharingMode)
ACQUISITION = _CODES.words("acquisition", Acquisition)
USE = _CODES.words("use", InstrumentUse)
CARRIER = _CODES.words("carrier", ResourceCarrier)
FUNDS = _CODES.words("funding", FundingSource)
CUSTOMS_STATUS = _CODES.words("customs_status", CustomsStatus)

NOTHING = ("无", "*", "-", "/")
"""What senders write into a mandatory field that has no content."""


def instrument_class(code: str) -> dict[str, str]:
    """Return a GB/T 32847 class code; senders write 999999 for 其他仪器, the list says 990000."""
    listed = "990000" if code == "999999" else code
    return {"scheme": "GB/T 32847", "version": "2016", "code": listed}


def subject(code: str) -> dict[str, str]:
    """Return a GB/T 13745 subject code."""
    return {"scheme": "GB/T 13745", "version": "2009", "code": code}


def present(**items: Any) -> dict[str, Any]:
    """Return a wire object without what is absent."""
    return {name: value for name, value in items.items() if value not in (None, [], {})}


YUAN_IN_WAN = 10_000


def equipment(row: Row) -> dict[str, Any]:
    """Read what the form says of one instrument (type 4), as items of an Instrument."""
    row.drop("contact", "phone", "email")
    row.ignore("address", "postalcode", "auditStatus", "image", "insideDepart")
    worth = row.decimal("worth", times=YUAN_IN_WAN)
    return present(
        localNo=row.text("innerId"),
        name=present(zh=row.text("cname"), en=row.optional_text("ename", empty=NOTHING)),
        classes=[instrument_class(row.text("instrCategory"))],
        subjects=[subject(one) for one in row.list_of("subject")],
        model=row.optional_text("instrVersion", empty=NOTHING),
        manufacturer=row.optional_text("manufacturer", empty=NOTHING),
        originCountry=row.optional_country("nation"),
        specification=row.optional_text("technical", empty=NOTHING),
        functions=row.optional_text("function", empty=NOTHING),
        originalValue={"amount": worth, "currency": "CNY"},
        acquisition=row.code("instrSource", ACQUISITION).value,
        funding=[{"source": source.value} for source in row.codes("funds", FUNDS)],
        bookedOn=row.optional_day("beginDate"),
        use=row.code("type", USE).value,
        carrier=row.optional_code("instrBelongsType", CARRIER),
        customsStatus=row.optional_code("instrSupervise", CUSTOMS_STATUS),
        serviceContent=row.optional_text("serviceContent", empty=NOTHING),
        rules=row.optional_text("requirement", empty=NOTHING),
        achievements=row.optional_text("achievement", empty=NOTHING),
        bookingUrl=row.optional_text("serviceUrl", empty=NOTHING),
        annualHours=_whole(row, "runMachine"),
        annualSharedHours=_whole(row, "serviceMachine"),
        originals=[{"path": "originalValue", "text": f"{row.optional_text('worth')} 万元"}],
    )


def price_in_words(row: Row, instrument_key: str) -> Mapped | None:
    """Return the offer that the form's sentence on prices is; None where there is none."""
    words = row.optional_text("fee", empty=NOTHING)
    if not words:
        return None
    return Mapped(
        "ServiceOffer",
        {
            "instrumentKey": instrument_key,
            "code": "published",
            "audience": "OUTSIDE",
            "priceNote": words,
        },
    )


def _whole(row: Row, name: str) -> int | None:
    """Take a number of hours; the form sends floats such as 1320.0 for a whole year."""
    text = row.optional_decimal(name)
    return None if text is None else int(text.partition(".")[0])
