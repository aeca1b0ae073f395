"""`receipts`: receipts of entries as GraphQL fields: one, or those of a page of a mirror."""

from __future__ import annotations

import re
from typing import Annotated

import strawberry
from strawberry.types import Info

from hub.errors import ErrorCode
from hub.graphql.scalars import DateTime, SafeInt
from hub.query.plan.errors import QueryError, ScopeMissingError
from hub.query.plan.limits import CURSOR_CHARACTERS_MAX
from hub.receipts.answer import ReceiptAnswer

SCOPE = "receipt:read"
RECEIPTS_MAX = 100
"""Entries of one `receipts` field; they are looked for together."""
_BIGINT = re.compile(r"[0-9]{1,18}")


@strawberry.type(
    name="Receipt", description="回执：记录已入账的证明。Proof that a record is in the ledger."
)
class ReceiptType:
    """Proof that a record is in the ledger."""

    entry_id: strawberry.ID = strawberry.field(description="台账条目。Entry.")
    revision_id: str | None = strawberry.field(
        description="内容标识，仅对可读全部数据项者。Content address, for who may read it all."
    )
    state: str = strawberry.field(
        description="ACCEPTED 已接收、INCLUDED 已入账、WITNESSED 已见证、ERASED 已删除。"
        "How much is proven."
    )
    standing: str = strawberry.field(
        description="CURRENT 现行、SUPERSEDED 已更正、WITHDRAWN 已撤回、ERASED 已删除。"
        "Whether its source still says so now."
    )
    successor: strawberry.ID | None = strawberry.field(
        description="该来源现以此条目为准。The entry that its source states now instead."
    )
    record_type: str = strawberry.field(description="记录类型。Record type.")
    key: str = strawberry.field(description="自然键。Natural key.")
    source: str = strawberry.field(description="来源。Source.")
    accepted_at: DateTime = strawberry.field(description="接收时刻。When it was taken in.")
    leaf_index: SafeInt | None = strawberry.field(description="叶序号。Index of its leaf.")
    proof: str | None = strawberry.field(description="tlog-proof@v1 文本。Its proof as text.")
    record: str | None = strawberry.field(
        description="证明所针对的规范字节。Canonical bytes that it proves, as text."
    )
    statement: str | None = strawberry.field(
        description="叶与盐，用于离线核验。Leaf and salt as JSON text, to verify offline."
    )


def _receipt(answer: ReceiptAnswer) -> ReceiptType:
    return ReceiptType(
        entry_id=strawberry.ID(answer.entry_id),
        revision_id=answer.revision_id,
        state=answer.state,
        standing=answer.standing.value,
        successor=None if answer.successor is None else strawberry.ID(answer.successor),
        record_type=answer.record_type,
        key=answer.key,
        source=answer.source,
        accepted_at=DateTime(answer.accepted_at),
        leaf_index=None if answer.leaf_index is None else SafeInt(answer.leaf_index),
        proof=answer.proof,
        record=answer.record,
        statement=answer.statement,
    )


async def find_receipt(
    info: Info,
    entry_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="台账条目。Entry.")
    ] = strawberry.UNSET,
    revision_id: Annotated[
        str | None, strawberry.argument(description="内容标识。Content address.")
    ] = strawberry.UNSET,
) -> ReceiptType | None:
    """Return the receipt that one of the two arguments names."""
    entry_id, revision_id = entry_id or None, revision_id or None
    context = info.context
    if SCOPE not in context.caller.scopes:
        raise ScopeMissingError(SCOPE, "receipt")
    if (entry_id is None) is (revision_id is None):
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "receipt：entryId 与 revisionId 给其中一个",
            "receipt: give entryId or revisionId",
        )
    if entry_id is not None and not _BIGINT.fullmatch(entry_id):
        raise QueryError(
            ErrorCode.BAD_USER_INPUT, "receipt：entryId 是数字", "receipt: entryId is a number"
        )
    if revision_id is not None and len(revision_id) > CURSOR_CHARACTERS_MAX:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT, "receipt：revisionId 过长", "receipt: revisionId is too long"
        )
    if context.receipts is None:
        return None
    answer = await context.receipts.find(
        context.caller,
        entry_id=None if entry_id is None else int(entry_id),
        revision_id=revision_id,
    )
    return None if answer is None else _receipt(answer)


async def find_receipts(
    info: Info,
    entry_ids: Annotated[
        list[strawberry.ID],
        strawberry.argument(
            description=f"台账条目，至多 {RECEIPTS_MAX} 个。Entries, at most {RECEIPTS_MAX}."
        ),
    ],
) -> list[ReceiptType | None]:
    """Return the receipts of entries in the order asked; null for what is not the caller's."""
    context = info.context
    if SCOPE not in context.caller.scopes:
        raise ScopeMissingError(SCOPE, "receipts")
    if len(entry_ids) > RECEIPTS_MAX:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            f"receipts：至多 {RECEIPTS_MAX} 个条目",
            f"receipts: at most {RECEIPTS_MAX} entries",
        )
    if not all(_BIGINT.fullmatch(each) for each in entry_ids):
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "receipts：entryIds 均为数字",
            "receipts: every entryId is a number",
        )
    if context.receipts is None:
        return [None] * len(entry_ids)
    if entry_ids:
        await context.charge(len(entry_ids))
    found = await context.receipts.find_all(context.caller, [int(each) for each in entry_ids])
    return [None if answer is None else _receipt(answer) for answer in found]
