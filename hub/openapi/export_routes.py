"""`export_routes`: the routes at which clients read their exports."""

from __future__ import annotations

from hub.access.scopes import Scope
from hub.errors import ErrorCode
from hub.exchange.exports.endpoint import SIGNED_MAX
from hub.exchange.exports.formats import ExportFormat
from hub.openapi.operation import JSON, Content, Guard, RouteOperation, RouteParameter
from hub.openapi.shapes import ref

_SCOPE = Scope.EXPORT_READ.value
_ID = RouteParameter("id", {"type": "string", "minLength": 1}, "The id of an export.")
_NUMBER = RouteParameter("number", {"type": "string", "pattern": "^[0-9]{1,9}$"}, "From 1.")
_GONE = frozenset({ErrorCode.NOT_FOUND})


def export_routes() -> tuple[RouteOperation, ...]:
    """Return the operations of exports; one is ordered by the mutation `bulkExportCreate`."""
    files = {each.value.media_type.partition(";")[0]: {"type": "string"} for each in ExportFormat}
    headers = {
        "ETag": "The SHA-256 of the whole part; for `If-Range`.",
        "Repr-Digest": "The same hash as RFC 9530 writes it.",
        "Accept-Ranges": "bytes",
    }
    return (
        RouteOperation(
            route="GET /exports",
            zh="本方的导出",
            en="The caller's exports, the newest first.",
            guard=Guard.TOKEN,
            scope=_SCOPE,
            answers={200: Content({JSON: ref("Exports")}, "How each stands.")},
        ),
        RouteOperation(
            route="GET /exports/{id}",
            zh="导出的清单",
            en="The manifest of an export: fields, sources, snapshot, checkpoint, parts.",
            guard=Guard.TOKEN,
            scope=_SCOPE,
            path=(_ID,),
            answers={200: Content({JSON: ref("ExportManifest")}, "The manifest.")},
            refusals=_GONE,
        ),
        RouteOperation(
            route="GET /exports/{id}/parts/{number}",
            zh="导出的一个文件，可续传",
            en="One file of an export, whole or by `Range` with `If-Range`. A signed answer has "
            f"{SIGNED_MAX} bytes at most.",
            guard=Guard.TOKEN,
            scope=_SCOPE,
            path=(_ID, _NUMBER),
            answers={
                200: Content(files, "The file.", headers),
                206: Content(files, "A range of it.", {**headers, "Content-Range": "Which."}),
                304: Content({}, "The caller holds it.", headers),
            },
            refusals=_GONE
            | {
                ErrorCode.BAD_USER_INPUT,
                ErrorCode.EXPORT_EXPIRED,
                ErrorCode.EXPORT_RIGHTS_CHANGED,
                ErrorCode.RANGE_EMPTY,
            },
        ),
        RouteOperation(
            route="DELETE /exports/{id}",
            zh="删除导出的文件",
            en="Let the files of an export go; one that is being made ends.",
            guard=Guard.SIGNED,
            scope=_SCOPE,
            path=(_ID,),
            answers={200: Content({JSON: ref("RemovedExport")}, "Which; signed.")},
            refusals=_GONE,
        ),
    )
