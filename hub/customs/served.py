"""`served`: services to outside users of instruments whose items are in term.

What the page `/customs` shows its reader, for commands: of each instrument the services since its
first item in term was released, without money and content; pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from hub.customs.answer import CustomsDue
from hub.customs.question import Row

EARLIEST = date(1970, 1, 1)
"""Before any service that a system noted: of an item without a day of release all are told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutsideService:
    """A service to somebody outside, as customs look at it."""

    instrument: str
    local_id: str
    user: str | None
    user_name: str | None
    purpose: str
    started_at: datetime
    outside_premises: bool | None
    outside_address: str | None
    agreement_signed: bool | None
    notice_no: str | None
    tax_record: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OutsideServiceList:
    """Services, the newest first. `is_whole`: False where there are more than are told."""

    on: date
    items: tuple[OutsideService, ...]
    is_whole: bool


def releases(items: Iterable[CustomsDue]) -> dict[str, date]:
    """Return by instrument when its first item in term was released."""
    since: dict[str, date] = {}
    for item in items:
        day = item.released_on or EARLIEST
        since[item.instrument] = min(day, since.get(item.instrument, day))
    return since


def outside_service(row: Row) -> OutsideService:
    """Return a stored service as it is told."""
    return OutsideService(
        instrument=row["instrument_key"],
        local_id=row["local_id"],
        user=row["user_key"],
        user_name=row["user_name"],
        purpose=row["purpose"],
        started_at=row["started_at"],
        outside_premises=row["outside_premises"],
        outside_address=row["outside_address"],
        agreement_signed=row["agreement_signed"],
        notice_no=row["customs_notice_no"],
        tax_record=row["tax_record"],
    )
