"""Observation: that a source answered a question, where its answer itself may not be kept."""

from __future__ import annotations

from datetime import datetime

from schema.item import item, record
from schema.parties import OPERATOR, Effect, party_in
from schema.values import KEY_PATTERN
from schema.visibility import between

SHA256_PATTERN = "[0-9a-f]{64}"


@record(
    "来源应答",
    key=("answered_by", "question", "asked_at"),
    prefix="obs",
    owner=party_in("stated_by"),
    issuer=OPERATOR,
    effect=Effect.RIGHT,
    rows=between(),
)
class Observation:
    """What a hub can prove of an answer that it showed and did not keep: when, to what, its hash.

    The question is told by its hash, so that nobody learns of it who does not know it already.
    """

    stated_by: str = item(
        "声明方", "The operator", pattern=f"{OPERATOR}|{KEY_PATTERN}", names_key=True
    )
    answered_by: str = item("来源", "The source that answered, as the hub calls it", length_max=60)
    question: str = item(
        "问题摘要",
        "SHA-256 of source, record type and key, each ended by a line feed, hexadecimal",
        pattern=SHA256_PATTERN,
    )
    asked_at: datetime = item("提问时间", "When it was asked")
    document: str = item(
        "应答摘要",
        "SHA-256 over the SHA-256 of each document of the answer, in their order, hexadecimal",
        pattern=SHA256_PATTERN,
    )
    rows_count: int = item("行数", "Rows of the answer", minimum=0)
