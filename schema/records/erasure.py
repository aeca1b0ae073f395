"""Erasure: that the content of a record was erased by order, and of which entries."""

from __future__ import annotations

from datetime import datetime

from schema.item import item, record
from schema.parties import OPERATOR, Effect, party_in
from schema.records.instrument import LOCAL_PATTERN
from schema.traits import Erases, Listable
from schema.values import KEY_PATTERN
from schema.visibility import between

COMMITMENT_PATTERN = "[0-9a-f]{64}"


@record(
    "删除声明",
    key=("number",),
    prefix="erasure",
    owner=party_in("owner_key"),
    issuer=OPERATOR,
    effect=Effect.RIGHT,
    rows=between(),
    traits=(
        Listable(),
        Erases(
            record="record_type", authority="record_authority", key="record_key", told="told_keys"
        ),
    ),
)
class Erasure:
    """What the operator of a hub erased by order: the content of a record, in all its revisions.

    The entries keep their places in the log; nobody can read any more what they said.
    """

    number: str = item("编号", "Number", pattern=LOCAL_PATTERN, length_max=150, identifies=True)
    owner_key: str = item(
        "所属单位",
        "Whose data it was",
        pattern=f"{OPERATOR}|{KEY_PATTERN}",
        names="Institution",
        names_key=True,
        filterable=True,
    )
    record_type: str = item(
        "记录类型",
        "Type of the erased record",
        pattern="[A-Z][A-Za-z]{0,63}",
        filterable=True,
    )
    record_key: str = item(
        "记录标识",
        "Key of the erased record",
        names_key=True,
        filterable=True,
    )
    record_authority: str | None = item(
        "编号系统",
        "System that numbers records of this key",
        names_key=True,
        default=None,
    )
    sources: tuple[str, ...] = item(
        "来源", "Sources whose statements were erased", names_key=True, default=()
    )
    commitments: tuple[str, ...] = item(
        "承诺值",
        "Salted commitments of the erased entries, hexadecimal, as the log has them",
        pattern=COMMITMENT_PATTERN,
        default=(),
    )
    told_keys: tuple[str, ...] = item(
        "知会单位",
        "Institutions that the erased content named, which have to hear of it",
        names_key=True,
        default=(),
    )
    reason: str = item("理由", "Why it was erased", length_max=500, multiline=True)
    ordered_by: str = item("决定机关", "Who ordered it", length_max=200)
    performed_by: str = item("经办岗位", "Role or staff number of who did it", length_max=100)
    erased_at: datetime = item("删除时刻", "When it was erased", sortable=True)
