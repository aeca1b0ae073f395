"""ClaimMap: the root over the services that stand claimed on vouchers at the end of a day."""

from __future__ import annotations

from datetime import date

from schema.item import item, record
from schema.parties import OPERATOR, Effect, party_in
from schema.traits import Listable
from schema.values import KEY_PATTERN


@record(
    "申兑日表根",
    key=("day",),
    prefix="claimmap",
    owner=party_in("stated_by"),
    issuer=OPERATOR,
    effect=Effect.RIGHT,
    traits=(Listable(),),
)
class ClaimMap:
    """The Merkle root over the revisions of services on which a claim stood at the end of a day.

    With it a proof shows offline that a service was claimed by then, or that it was not.
    """

    day: date = item("日期（上海）", "Day in Shanghai", sortable=True, filterable=True)
    stated_by: str = item(
        "声明方", "The operator", pattern=f"{OPERATOR}|{KEY_PATTERN}", names_key=True
    )
    log_size: int = item(
        "日志项数", "It speaks of revisions whose leaf is below this index", minimum=0
    )
    keys_count: int = item("键数", "Revisions of claimed services", minimum=0)
    root: str = item(
        "根", "RFC 6962 root over the sorted list, hexadecimal", pattern="[0-9a-f]{64}",
        identifies=True,
    )  # fmt: skip
