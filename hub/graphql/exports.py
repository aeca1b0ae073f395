"""`exports`: asking for an export, and looking at it, in GraphQL.

The files themselves are read over HTTP, `GET /exports/{id}/parts/{number}`: whole or in ranges.
"""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from hub.access.scopes import Scope
from hub.errors import ErrorCode, RefusedError
from hub.exchange.exports.formats import ExportFormat
from hub.exchange.exports.limits import EXPORT_COST, LOOK_COST
from hub.exchange.exports.manifest import address_of, part_to_wire
from hub.exchange.exports.order import ExportOrder
from hub.exchange.exports.service import ExportDesk, ExportState
from hub.graphql.enums import ExportFormatCode, ExportStatus, stated_code
from hub.graphql.hints import many
from hub.graphql.hooks import RequestContext
from hub.graphql.mutations import UserError, check_input_key, check_own, signature_of, user_error
from hub.graphql.scalars import DateTime, JsonObject, SafeInt
from hub.graphql.types import RequiresScope
from hub.intake.batch import Idempotency
from hub.query.plan.errors import QueryError, ScopeMissingError
from schema.dates import format_instant

EXPORT_SCOPE = Scope.EXPORT_READ.value
_KEY = "幂等键，须与请求头一致。Same as the Idempotency-Key header."


@strawberry.input(
    description="导出：query（与 variables）或 list（与 filter）。"
    "What to export: a document of one list, or a list by name."
)
class BulkExportInput:
    """What to export."""

    query: str | None = strawberry.field(
        default=None,
        description="只有一个列表的查询，其下只有 nodes，不分页。"
        "A document with one list and its `nodes`, without pages.",
    )
    variables: JsonObject | None = strawberry.field(
        default=None, description="query 的变量。Variables of `query`."
    )
    list: str | None = strawberry.field(
        default=None,
        description="列表名，如 instruments：导出其行的全部字段。"
        "Name of a list, such as instruments: every value of its rows.",
    )
    filter: JsonObject | None = strawberry.field(
        default=None,
        description="list 的条件，同该列表的 filter。Its `filter`, as the list takes it.",
    )
    format: ExportFormatCode = strawberry.field(
        default=ExportFormatCode.NDJSON, description="格式。Format."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.type(name="BulkExportPart", description="导出的一个文件。One file of an export.")
class ExportPartType:
    """One file of an export."""

    number: int = strawberry.field(description="序号，从 1 起。Its number, from 1.")
    rows: SafeInt = strawberry.field(description="行数。Rows.")
    bytes: SafeInt = strawberry.field(description="字节数。Bytes.")
    sha256: str = strawberry.field(description="SHA-256，十六进制。SHA-256, in hex.")
    name: str = strawberry.field(description="文件名。Name as a file.")
    url: str = strawberry.field(
        description="地址，可用 Range 续传，读取须 DPoP 令牌。"
        "Where it is: whole or by Range, with a token."
    )


@strawberry.type(name="BulkExport", description="一次导出及其文件。An export and its files.")
class BulkExportType:
    """An export and its files."""

    id: strawberry.ID = strawberry.field(description="标识。Its id.")
    status: ExportStatus = strawberry.field(description="状态。How it stands.")
    format: ExportFormatCode = strawberry.field(description="格式。Format.")
    rows: SafeInt = strawberry.field(description="已写行数。Rows in the files that are there.")
    bytes: SafeInt = strawberry.field(description="已写字节数。Bytes of those files.")
    hidden: SafeInt = strawberry.field(
        description="因共享约定未显示的值。Values that agreements hide."
    )
    url: str | None = strawberry.field(
        description="完成后为清单地址。The manifest, once it is COMPLETED."
    )
    partial_url: str | None = strawberry.field(
        description="未完成或失败时已写部分的清单地址。The manifest of what is there, before that, "
        "or where it failed."
    )
    parts: many(ExportPartType) = strawberry.field(  # type: ignore[valid-type]
        description="已写完的文件。Files that are complete."
    )
    error_code: str | None = strawberry.field(description="失败原因。Why it failed.")
    created_at: DateTime = strawberry.field(description="开始。When it began.")
    ended_at: DateTime | None = strawberry.field(description="结束。When it ended.")
    expires_at: DateTime = strawberry.field(
        description="文件保留至此刻。Until when the files are kept."
    )


@strawberry.type(description="导出请求的结果。What became of an order for an export.")
class BulkExportPayload:
    """What became of an order for an export."""

    export: BulkExportType | None = strawberry.field(description="导出。The export.")
    user_errors: list[UserError] = strawberry.field(
        description="未受理的原因。Why it was not begun."
    )


def _desk(info: Info) -> ExportDesk:
    context: RequestContext = info.context
    if EXPORT_SCOPE not in context.caller.scopes:
        raise ScopeMissingError(EXPORT_SCOPE, info.field_name)
    if context.exports is None or context.caller.client_id is None:
        raise QueryError(ErrorCode.FORBIDDEN, "此接口不提供导出", "this endpoint exports nothing")
    return context.exports


async def find_export(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="导出标识。Id of an export.")],  # noqa: A002 - the wire name
) -> BulkExportType | None:
    """Return an export of the caller's, or null."""
    desk, context = _desk(info), info.context
    await context.charge(LOOK_COST)
    try:
        state = await desk.look(context.caller, str(id))
    except RefusedError as error:
        if error.code is ErrorCode.NOT_FOUND:
            return None
        raise
    return _export(state, desk.base)


def export_fields() -> dict[str, Any]:
    """Return the fields of the root about exports."""
    field = strawberry.field(
        resolver=find_export,
        graphql_type=BulkExportType | None,
        description="本方的一个导出，没有则为空。An export of the caller's, or null.",
        directives=[RequiresScope(scope=EXPORT_SCOPE)],
    )
    return {"bulkExport": field}


@strawberry.type(name="Exports", description="导出。Exports.")
class ExportMutations:
    """Asking for an export."""

    @strawberry.mutation(
        description="导出可见数据为文件。Export what the caller may read, as files.",
        directives=[RequiresScope(scope=EXPORT_SCOPE)],
    )
    async def bulk_export_create(
        self,
        info: Info,
        input: Annotated[BulkExportInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> BulkExportPayload:
        """Begin an export; the same request again is the same export."""
        desk, context = _desk(info), info.context
        signed = signature_of(context)
        await context.charge(EXPORT_COST)
        order = ExportOrder(
            caller=context.caller,
            idempotency=Idempotency(key=signed.idempotency_key, body_hash=signed.body_hash),
            format=stated_code(ExportFormat, input.format),
            query=input.query,
            variables=input.variables or {},
            list=input.list,
            filter=input.filter,
        )
        try:
            check_input_key(input.idempotency_key, signed)
            check_own(context.caller)
            state = await desk.order(order, context.request_id)
        except RefusedError as error:
            refused = [user_error(error, context.language)]
            return BulkExportPayload(export=None, user_errors=refused)
        return BulkExportPayload(export=_export(state, desk.base), user_errors=[])


def _export(state: ExportState, base: str) -> BulkExportType:
    kept = state.kept
    address = address_of(kept, base)
    is_whole = kept.status == "COMPLETED"
    has_some = bool(state.parts) and kept.status in ("RUNNING", "FAILED")
    return BulkExportType(
        id=strawberry.ID(kept.export_id),
        status=ExportStatus[kept.status],
        format=ExportFormatCode[kept.format],
        rows=SafeInt(kept.rows),
        bytes=SafeInt(kept.size),
        hidden=SafeInt(kept.hidden),
        url=address if is_whole else None,
        partial_url=address if has_some else None,
        parts=[ExportPartType(**part_to_wire(kept, each, base)) for each in state.parts],
        error_code=kept.error_code,
        created_at=DateTime(format_instant(kept.created_at)),
        ended_at=None if kept.ended_at is None else DateTime(format_instant(kept.ended_at)),
        expires_at=DateTime(format_instant(kept.expires_at)),
    )
