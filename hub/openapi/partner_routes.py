"""`partner_routes`: the routes behind the gate that partners use."""

from __future__ import annotations

from hub.access.errors import Reason
from hub.access.scopes import Scope
from hub.audit.limits import PAGE_MAX
from hub.errors import ErrorCode
from hub.explorer.endpoint import BODY_BYTES_MAX
from hub.intake.limits import (
    BATCH_BYTES_MAX,
    FILE_BYTES_MAX,
    IDEMPOTENCY_KEY_LENGTH_MAX,
    MAPPING_BYTES_MAX,
    MAPPING_NAME_LENGTH_MAX,
)
from hub.openapi.export_routes import export_routes
from hub.openapi.nrii_routes import nrii_routes
from hub.openapi.operation import (
    BODY_REFUSALS,
    BYTES,
    JSON,
    TEXT,
    Content,
    Guard,
    RouteOperation,
    RouteParameter,
)
from hub.openapi.shapes import ref
from hub.openapi.voucher_routes import voucher_routes

NDJSON = "application/x-ndjson"
TOML = "application/toml"
_PUSH = Scope.RECORDS_PUSH.value
_READ = Scope.RECEIPT_READ.value
_TEXT = {"type": "string", "minLength": 1}
_FLAG = {"type": "string", "enum": ["true", "false"]}
_NUMBER = {"type": "string", "pattern": "^[0-9]{1,18}$"}
_SOURCE = RouteParameter("source", _TEXT, "One that the client is registered for.", required=True)
_NAME = RouteParameter("name", {**_TEXT, "maxLength": 200}, "The name of the file.")
_MAPPING_NAME = RouteParameter(
    "name",
    {**_TEXT, "maxLength": MAPPING_NAME_LENGTH_MAX},
    "The name of the mapping.",
    required=True,
)
_ENTRY = RouteParameter("entry", _NUMBER, "The number of an entry: `entryId` of an answer.")
_KID = RouteParameter("kid", _TEXT, "The id of a key: its RFC 7638 thumbprint.")
_AFTER = RouteParameter("after", _NUMBER, "Go on after this row.")
_ADDRESS = frozenset({ErrorCode.BAD_USER_INPUT, ErrorCode.SOURCE_FORBIDDEN})
_SUBMIT = _ADDRESS | {
    ErrorCode.SOURCE_UNKNOWN,
    ErrorCode.CONFLICT,
    ErrorCode.IDEMPOTENCY_CONFLICT,
    ErrorCode.IDEMPOTENCY_KEY_MISSING,
    ErrorCode.BATCH_TOO_LARGE,
    ErrorCode.BATCH_EMPTY,
    ErrorCode.NOT_UTF8,
    ErrorCode.NOT_JSON,
}
_FILE = {ErrorCode.FILE_UNREADABLE, ErrorCode.BODY_TOO_LARGE}
_NO_ENTRY = frozenset({ErrorCode.NOT_FOUND, ErrorCode.ERASED, ErrorCode.AUDIT_UNAVAILABLE})
_MEBIBYTE = 1 << 20


def json_of(shape: str, en: str) -> Content:
    """Return what a JSON answer or body is."""
    return Content({JSON: ref(shape)}, en)


def partner_routes() -> tuple[RouteOperation, ...]:
    """Return every operation of this module."""
    return (
        *_records(),
        *_mappings(),
        *_receipts(),
        *voucher_routes(),
        *export_routes(),
        *_clients(),
        _sandbox(),
    )


def _records() -> tuple[RouteOperation, ...]:
    key = f"`Idempotency-Key` has 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} characters."
    flags = {
        "dryRun": "Check and write nothing.",
        "marked": "Give back the workbook of the refused rows.",
        "cells": "Say what stood in refused rows.",
        "unitsAreRight": "Take a column whose unit looks off by a power of ten.",
    }
    return (
        RouteOperation(
            route="POST /batches",
            zh="推送一批记录",
            en=f"Push records. A bad row does not hold up the others. {key}",
            guard=Guard.SIGNED,
            scope=_PUSH,
            query=(
                _SOURCE,
                RouteParameter("dryRun", _FLAG, flags["dryRun"]),
                RouteParameter("asOf", _TEXT, "When the source knew it: RFC 3339 with offset."),
            ),
            body=Content(
                {NDJSON: {"type": "string", "x-line": ref("BatchRow")}},
                f"NDJSON in UTF-8, one row a line as `x-line` says; {BATCH_BYTES_MAX // _MEBIBYTE} "
                "MiB at most.",
            ),
            answers={200: json_of("BatchAnswer", "What became of each row; signed.")},
            refusals=_SUBMIT | {ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.HOME_UNREACHABLE},
        ),
        *nrii_routes(),
        _files(key, flags),
        RouteOperation(
            route="GET /quarantine",
            zh="本来源待处理的记录",
            en="The open rows of the caller's own sources, with every problem.",
            guard=Guard.TOKEN,
            scope=_PUSH,
            query=(
                RouteParameter(
                    "source", _TEXT, "One of the caller's own; needed if there are several."
                ),
                _AFTER,
                RouteParameter("first", _NUMBER, "How many at most."),
            ),
            answers={200: json_of("QuarantinePage", "A page of rows.")},
            refusals=_ADDRESS,
        ),
    )


def _files(key: str, flags: dict[str, str]) -> RouteOperation:
    return RouteOperation(
        route="POST /files",
        zh="提交一份表格文件",
        en=f"Send a table as a file: XLSX, XLS, ODS, CSV, TSV, JSON or JSON lines. {key}",
        guard=Guard.SIGNED,
        scope=_PUSH,
        query=(
            _SOURCE,
            _NAME,
            RouteParameter(
                "mapping", _TEXT, "A mapping kept here; without it: a form that is known by itself."
            ),
            *(RouteParameter(name, _FLAG, text) for name, text in flags.items()),
        ),
        body=Content(
            {BYTES: {"type": "string"}},
            f"The file as it is; {FILE_BYTES_MAX // _MEBIBYTE} MiB at most.",
        ),
        answers={200: json_of("FileAnswer", "What became of each table; signed.")},
        refusals=_SUBMIT | _FILE | {ErrorCode.MAPPING_INVALID, ErrorCode.MAPPING_UNKNOWN},
    )


def _mappings() -> tuple[RouteOperation, ...]:
    toml = {TOML: {"type": "string"}}
    return (
        RouteOperation(
            route="POST /mappings",
            zh="保存一份映射",
            en="Keep a mapping. The same text again is no new version.",
            guard=Guard.SIGNED,
            scope=_PUSH,
            query=(_SOURCE, _MAPPING_NAME),
            body=Content(toml, f"TOML in UTF-8, {MAPPING_BYTES_MAX >> 10} KiB at most."),
            answers={200: json_of("KeptMapping", "It is kept; signed.")},
            refusals=_ADDRESS
            | {
                ErrorCode.MAPPING_INVALID,
                ErrorCode.NOT_UTF8,
                ErrorCode.CONFLICT,
                ErrorCode.BODY_TOO_LARGE,
            },
        ),
        _draft(),
        RouteOperation(
            route="GET /mappings",
            zh="查看映射",
            en="The mappings of a source; with `name` the text of one.",
            guard=Guard.TOKEN,
            scope=_PUSH,
            query=(_SOURCE, RouteParameter("name", _MAPPING_NAME.schema, _MAPPING_NAME.en)),
            answers={200: Content({JSON: ref("MappingList"), **toml}, "The list, or the text.")},
            refusals=_ADDRESS | {ErrorCode.MAPPING_UNKNOWN},
        ),
        RouteOperation(
            route="DELETE /mappings",
            zh="删除映射",
            en="Remove a mapping with all its versions; signed over an empty body.",
            guard=Guard.SIGNED,
            scope=_PUSH,
            query=(_SOURCE, _MAPPING_NAME),
            answers={200: json_of("RemovedMapping", "It is gone; signed.")},
            refusals=_ADDRESS | {ErrorCode.MAPPING_UNKNOWN},
        ),
    )


def _draft() -> RouteOperation:
    return RouteOperation(
        route="POST /mappings/draft",
        zh="为文件起草映射",
        en="Draft a mapping for a file.",
        guard=Guard.SIGNED,
        scope=_PUSH,
        query=(
            _SOURCE,
            _NAME,
            RouteParameter("record", _TEXT, "The record type that its rows are."),
            RouteParameter("sheet", _TEXT, "The sheet to read."),
            RouteParameter("encoding", _TEXT, "How its text is encoded."),
            RouteParameter("rowsAt", _TEXT, "Where the rows stand in a JSON file."),
        ),
        body=Content({BYTES: {"type": "string"}}, "The file as it is."),
        answers={200: Content({TOML: {"type": "string"}}, "The draft; signed.")},
        refusals=_ADDRESS
        | _FILE
        | {
            ErrorCode.BATCH_TOO_LARGE,
            ErrorCode.MAPPING_INVALID,
            ErrorCode.RECORD_TYPE_UNKNOWN,
        },
    )


def _receipts() -> tuple[RouteOperation, ...]:
    state = {"Hub-Receipt-State": "INCLUDED or WITNESSED."}
    again = {"Retry-After": "Seconds until the log may have signed."}
    text = {TEXT: {"type": "string"}}
    return (
        RouteOperation(
            route="GET /receipts/{entry}",
            zh="取回执",
            en="The receipt of an entry, `tlog-proof@v1`.",
            guard=Guard.TOKEN,
            scope=_READ,
            path=(_ENTRY,),
            answers={
                200: Content({TEXT: {"type": "string"}}, "The receipt.", state),
                202: Content(text, "The log has not signed yet.", again),
            },
            refusals=_NO_ENTRY,
        ),
        RouteOperation(
            route="GET /records/{entry}",
            zh="取记录的规范字节",
            en="The canonical bytes that a receipt proves. Keep them as bytes.",
            guard=Guard.TOKEN,
            scope=_READ,
            path=(_ENTRY,),
            answers={200: Content({JSON: {"type": "object"}}, "The record, or its withdrawal.")},
            refusals=_NO_ENTRY,
        ),
        RouteOperation(
            route="GET /audit",
            zh="查看审计",
            en="What the caller did, and who read the protected records of its institution.",
            guard=Guard.TOKEN,
            scope=_READ,
            query=(
                _AFTER,
                RouteParameter("first", _NUMBER, f"How many at most, from 1 to {PAGE_MAX}."),
            ),
            answers={200: json_of("AuditPage", "A page of rows, oldest first.")},
            refusals=frozenset({ErrorCode.BAD_USER_INPUT, ErrorCode.AUDIT_UNAVAILABLE}),
        ),
    )


def _clients() -> tuple[RouteOperation, ...]:
    document = BODY_REFUSALS | {ErrorCode.BAD_USER_INPUT}
    return (
        RouteOperation(
            route="POST /clients",
            zh="申请登记接入方",
            en="Ask for registration with a proof by the new key; the operator decides.",
            guard=Guard.HOST,
            body=json_of("Registration", "The registration document with its proof."),
            answers={202: json_of("PendingRegistration", "It waits.")},
            refusals=document
            | {
                ErrorCode.UNSUPPORTED_MEDIA_TYPE,
                ErrorCode.DATABASE_UNAVAILABLE,
                ErrorCode.STATE_UNAVAILABLE,
            },
        ),
        RouteOperation(
            route="GET /clients/self",
            zh="查看本接入方的登记",
            en="What is registered of the caller.",
            guard=Guard.TOKEN,
            answers={200: json_of("Client", "The client.")},
            refusals=frozenset({ErrorCode.BAD_USER_INPUT}),
        ),
        RouteOperation(
            route="POST /clients/self/keys",
            zh="增加密钥",
            en="Add a key beside the one that signs.",
            guard=Guard.SIGNED,
            body=json_of("NewKey", "The new key and the proof that it is held."),
            answers={201: json_of("Client", "As it stands then; signed.")},
            refusals=document,
        ),
        RouteOperation(
            route="DELETE /clients/self/keys/{kid}",
            zh="停用密钥",
            en="End a key; signed over an empty body.",
            guard=Guard.SIGNED,
            path=(_KID,),
            answers={200: json_of("Client", "As it stands then; signed.")},
            refusals=document,
        ),
        *_documents(),
    )


DOCUMENT_REFUSALS = frozenset(
    {
        ErrorCode.BAD_USER_INPUT,
        ErrorCode.CONFLICT,
        ErrorCode.GRAPHQL_PARSE_FAILED,
        ErrorCode.GRAPHQL_VALIDATION_FAILED,
        ErrorCode.NOT_FOUND,
        ErrorCode.OPERATION_UNKNOWN,
        *(code for code in ErrorCode if code.name.startswith("TOO_")),
        ErrorCode.COST_LIMIT,
    }
)
"""What may be wrong with a document that somebody registers."""


def _documents() -> tuple[RouteOperation, ...]:
    path = "/clients/self/documents"
    identifier = RouteParameter("id", _TEXT, "`sha256:` and the hash of the text.")
    return (
        RouteOperation(
            route=f"GET {path}",
            zh="本接入方登记的查询",
            en="The documents that the caller registered for itself.",
            guard=Guard.TOKEN,
            answers={200: json_of("ClientDocuments", "The documents.")},
            refusals=frozenset({ErrorCode.BAD_USER_INPUT}),
        ),
        RouteOperation(
            route=f"POST {path}",
            zh="登记一份查询",
            en="Register a GraphQL document: it is judged and costed, and run by its id.",
            guard=Guard.SIGNED,
            body=json_of("NewDocument", "The text of one document, and a name for it."),
            answers={
                200: json_of("ClientDocument", "It was registered before; signed."),
                201: json_of("ClientDocument", "It is registered; signed."),
            },
            refusals=BODY_REFUSALS | DOCUMENT_REFUSALS,
        ),
        RouteOperation(
            route=f"DELETE {path}/{{id}}",
            zh="删除一份查询",
            en="Remove a document; signed over an empty body.",
            guard=Guard.SIGNED,
            path=(identifier,),
            answers={200: json_of("RemovedDocument", "It is gone; signed.")},
            refusals=BODY_REFUSALS | {ErrorCode.DOCUMENT_UNKNOWN},
        ),
    )


def _sandbox() -> RouteOperation:
    document = BODY_REFUSALS | {ErrorCode.BAD_USER_INPUT}
    return RouteOperation(
        route="POST /sandbox/clients",
        zh="登记沙盒接入方（仅沙盒）",
        en="In sandbox mode and from the hub's own machine: register the key of the proof.",
        guard=Guard.HOST,
        body=json_of("SandboxRegistration", f"{BODY_BYTES_MAX >> 10} KiB at most."),
        answers={
            201: Content(
                {JSON: ref("SandboxClient")},
                "It is registered.",
                {"DPoP-Nonce": "For the proof of the first token request."},
            )
        },
        refusals=document
        | {
            ErrorCode.FORBIDDEN,
            ErrorCode.NOT_FOUND,
            ErrorCode.METHOD_NOT_ALLOWED,
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            ErrorCode.STATE_UNAVAILABLE,
            ErrorCode.DATABASE_UNAVAILABLE,
            *(each for each in Reason if each.name.startswith("DPOP_")),
        },
    )
