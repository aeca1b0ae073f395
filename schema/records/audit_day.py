"""AuditDay: the root over one day of the operator's audit, so that rewriting it is noticed."""

from __future__ import annotations

from datetime import date

from schema.item import item, record
from schema.parties import OPERATOR, Effect, party_in
from schema.traits import Listable
from schema.values import KEY_PATTERN


@record(
    "审计日根",
    key=("day",),
    prefix="auditday",
    owner=party_in("stated_by"),
    issuer=OPERATOR,
    effect=Effect.RIGHT,
    traits=(Listable(),),
)
class AuditDay:
    """How many rows the audit of a hub has of one day, and the Merkle root over them."""

    day: date = item("日期", "Day in UTC", sortable=True, filterable=True)
    stated_by: str = item(
        "声明方", "The operator", pattern=f"{OPERATOR}|{KEY_PATTERN}", names_key=True
    )
    rows_count: int = item("行数", "Rows of that day", minimum=0)
    root: str = item(
        "根", "RFC 6962 root over the rows, hexadecimal", pattern="[0-9a-f]{64}", identifies=True
    )
