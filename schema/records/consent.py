"""SharingConsent: that the owner of an instrument that no public money bought lets it be shared.

Source: the sharing policy, clause 二(一): what fiscal money bought is shared by duty, other
instruments with their owner's consent. Withdrawing the record takes the consent back.
"""

from __future__ import annotations

from datetime import date

from schema.codes import SharingMode
from schema.item import Grade, item, record
from schema.parties import Effect, owner_of_key_in
from schema.records.instrument import INSTRUMENT_KEY_PATTERN
from schema.records.rules import interval_of
from schema.traits import Listable, Reported


@record(
    "开放共享同意书",
    key=("instrument_key",),
    prefix="cons",
    owner=owner_of_key_in("instrument_key"),
    effect=Effect.RIGHT,
    traits=(Listable(), Reported()),
    checks=(interval_of("validFrom", "validUntil"),),
)
class SharingConsent:
    """The consent of an owner, for one instrument, for a time."""

    instrument_key: str = item(
        "仪器",
        "Instrument",
        ref="Instrument",
        inverse="consents",
        is_few=True,
        pattern=INSTRUMENT_KEY_PATTERN,
        filterable=True,
    )
    mode: SharingMode = item("共享模式", "For whom", filterable=True)
    valid_from: date | None = item("生效日期", "First day", default=None)
    valid_until: date | None = item("失效日期", "Last day", default=None)
    document_no: str | None = item(
        "文件编号", "Number of the paper", grade=Grade.L2, length_max=100, default=None
    )
