"""`changes`: the change feed as a GraphQL field.

- It names items without their content. Content is read with `nodes`, whose compiled statement shows
  or hides each item.
- A page costs as much as the number of changes that it may hold.
"""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry.types import Info

from hub.errors import ErrorCode
from hub.exchange import page
from hub.exchange.limits import PAGE_DEFAULT, PAGE_MAX
from hub.exchange.told import protected_in
from hub.graphql.enums import ChangeKind
from hub.graphql.scalars import DateTime
from hub.query.plan.errors import QueryError, ScopeMissingError
from schema.dates import format_instant

SCOPE = "changes:read"
TYPES_MAX = 100
"""Members of `types`."""
OWNER_CHARACTERS_MAX = 500


@strawberry.type(
    name="Change",
    description=(
        "一项变更；不再可见的记录只给出类型与标识。"
        "A change; of what is no longer yours to see, only type and identity are told."
    ),
)
class ChangeType:
    """An item to read again, or to drop."""

    kind: ChangeKind = strawberry.field(description="应做的事。What to do.")
    record_type: str = strawberry.field(description="记录类型。Record type.")
    id: strawberry.ID = strawberry.field(description="平台标识，用于 nodes。Identity, for `nodes`.")
    key: str | None = strawberry.field(default=None, description="自然键。Natural key.")
    owner: str | None = strawberry.field(
        default=None, description="数据所属单位。Whose data it is."
    )
    source: str | None = strawberry.field(default=None, description="来源。Source.")
    revision: int | None = strawberry.field(
        default=None, description="现行版次。Revision that stands."
    )
    entry_id: strawberry.ID | None = strawberry.field(
        default=None, description="现行台账条目。Entry that stands."
    )
    accepted_at: DateTime | None = strawberry.field(
        default=None, description="现行版本的接收时刻。When what stands was taken in."
    )
    withdrawn: bool | None = strawberry.field(
        default=None, description="是否已撤回。Whether it is withdrawn."
    )


@strawberry.type(name="ChangePage", description="变更流的一页。A page of the change feed.")
class ChangePageType:
    """A page of the change feed."""

    nodes: list[ChangeType] = strawberry.field(
        description="各项变更。Changes, in the feed's order."
    )
    resync: list[str] = strawberry.field(
        description=(
            "读取权限有变的数据所属单位：先删除其全部记录，再以 owner 参数从头读取。"
            "Owners of whose data you may now read more or less: drop all that is theirs, then "
            "follow `changes` with `owner` from the start. Do this before the changes of the page."
        )
    )
    end_cursor: str = strawberry.field(description="下次以此为 after。Pass it as `after`.")
    has_more: bool = strawberry.field(
        description="现在还有更多；可能为空页。There is more; a page may be empty all the same."
    )
    retry_after_s: int = strawberry.field(
        description="继续读取前应等待的秒数。Seconds to wait before going on; 0: none."
    )


def _change(change: page.Change) -> ChangeType:
    node = ChangeType(
        kind=ChangeKind[change.kind.name],
        record_type=change.record_type,
        id=strawberry.ID(change.item_id),
    )
    header = change.header
    if header is not None:
        node.key, node.owner, node.source = header.key, header.owner, header.source
        node.revision, node.withdrawn = header.revision, header.withdrawn
        node.entry_id = strawberry.ID(str(header.entry_id))
        node.accepted_at = DateTime(format_instant(header.accepted_at))
    return node


def _check_bounds(first: int, types: list[str] | None, owner: str | None) -> None:
    """Refuse a page, a choice of types or an owner beyond what is answered."""
    if not 1 <= first <= PAGE_MAX:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            f"changes：first 在 1 至 {PAGE_MAX} 之间",
            f"changes: first is from 1 to {PAGE_MAX}",
        )
    if types is not None and len(types) > TYPES_MAX:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            f"changes：至多 {TYPES_MAX} 种记录",
            f"changes: at most {TYPES_MAX} types",
        )
    if owner is not None and len(owner) > OWNER_CHARACTERS_MAX:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "changes：owner 是单位的主键，如 moe:10335",
            "changes: owner is the key of an institution, such as moe:10335",
        )


async def follow_changes(
    info: Info,
    after: Annotated[
        str | None,
        strawberry.argument(description="上一页的 endCursor；缺省自头。Where the last page ended."),
    ] = strawberry.UNSET,
    types: Annotated[
        list[str] | None,
        strawberry.argument(description="记录类型，缺省全部可见者。Record types; all you may see."),
    ] = strawberry.UNSET,
    owner: Annotated[
        str | None,
        strawberry.argument(description="只读该单位的记录。Only what is this institution's."),
    ] = strawberry.UNSET,
    first: Annotated[
        int,
        strawberry.argument(description=f"至多 {PAGE_MAX} 项。At most {PAGE_MAX} changes."),
    ] = PAGE_DEFAULT,
) -> ChangePageType:
    """Return what changed after a cursor."""
    after = None if after is strawberry.UNSET else after  # an empty cursor is none, and refused
    types = None if types is strawberry.UNSET else types  # an empty list asks for nothing
    owner = None if owner is strawberry.UNSET else owner
    context = info.context
    if SCOPE not in context.caller.scopes:
        raise ScopeMissingError(SCOPE, "changes")
    _check_bounds(first, types, owner)
    if context.changes is None:
        raise QueryError(
            ErrorCode.FORBIDDEN, "此接口不提供变更流", "this endpoint has no change feed"
        )
    if not context.is_event:
        await context.charge(first)
    changes_page = await context.changes(
        page.ChangesRequest(
            caller=context.caller,
            after=after,
            types=None if types is None else frozenset(types),
            owner=owner,
            first=first,
        )
    )
    if context.is_event:  # nobody knows beforehand how much it holds
        await context.charge(1 + len(changes_page.changes))
    context.reads |= protected_in(context.model.registry, changes_page.changes)
    return ChangePageType(
        nodes=[_change(each) for each in changes_page.changes],
        resync=changes_page.resync,
        end_cursor=changes_page.end_cursor,
        has_more=changes_page.has_more,
        retry_after_s=changes_page.retry_after_s,
    )
