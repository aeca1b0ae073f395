"""Link: whether two keys name one thing."""

from __future__ import annotations

from schema.codes import LinkRelation
from schema.item import item, record
from schema.parties import OPERATOR, Effect, owner_of_key_in, party_in
from schema.records.rules import links_two_of_a_kind
from schema.traits import Joins, Listable
from schema.values import KEY_PATTERN

LINKED_PATTERN = KEY_PATTERN + r"(/[^\s/\x00-\x1f][^/\x00-\x1f]{0,149})?"
"""Key of an institution or of an instrument."""


@record(
    "关联声明",
    key=("record_type", "first_key", "second_key", "stated_by"),
    key_separator="|",
    prefix="link",
    owner=owner_of_key_in("first_key"),
    issuer=party_in("stated_by"),
    effect=Effect.RIGHT,
    traits=(
        Listable(),
        Joins(
            record="record_type",
            first="first_key",
            second="second_key",
            relation="relation",
            stated_by="stated_by",
        ),
    ),
    checks=(links_two_of_a_kind,),
)
class Link:
    """A statement that two keys name one institution or instrument, or that they do not.

    It counts when the operator states it, or the owners of both keys. Withdrawing it takes it back.
    """

    record_type: str = item(
        "记录类型",
        "Type of what is linked",
        pattern="Institution|Instrument",
        length_max=20,
        filterable=True,
    )
    first_key: str = item(
        "标识一",
        "The key that comes first in the order of code points",
        pattern=LINKED_PATTERN,
        names_key=True,
        filterable=True,
    )
    second_key: str = item(
        "标识二", "The other key", pattern=LINKED_PATTERN, names_key=True, filterable=True
    )
    stated_by: str = item(
        "声明方",
        "Owner of one of the keys, or the operator",
        pattern=f"{OPERATOR}|{KEY_PATTERN}",
        names_key=True,
        filterable=True,
    )
    relation: LinkRelation = item("关系", "How the two relate", filterable=True)
    reason: str | None = item(
        "依据", "By what it was found", length_max=500, multiline=True, default=None
    )
