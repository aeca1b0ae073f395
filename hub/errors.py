"""`errors`: the root of what the hub reports, and the closed list of codes it reports with.

HubError                      whatever the hub reports to a caller; every package has its own below
├── UnavailableError          something the hub needs is not available: wait and try again
│   ├── DatabaseUnavailableError
│   └── OverloadedError          all places are taken
├── RateLimitedError          the caller has used up its rate for now: wait and try again
├── RefusedError              the request as sent cannot be accepted: change it
└── SettingsError             the deployment is wrong: the operator must act

- Every error has a code of `ErrorCode`, a message and a hint that says what to do, both in Chinese
  and in English. HTTP and GraphQL show them in the caller's language, the command line in both, and
  nothing else.
- The list of codes is closed: callers switch on them, so a code is added here or not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique
from math import ceil
from types import MappingProxyType


@unique
class ErrorCode(Enum):
    """Stable codes, each with its HTTP status and its message in Chinese and English."""

    def __new__(cls, status: int, zh: str, en: str) -> ErrorCode:
        """Give each code its position as value, so that equal messages stay distinct codes."""
        member = object.__new__(cls)
        member._value_ = len(cls.__members__) + 1
        member.status = status
        member.zh = zh
        member.en = en
        return member

    status: int
    zh: str
    en: str

    # The document or its variables
    GRAPHQL_PARSE_FAILED = 400, "查询文本有语法错误", "The document has a syntax error"
    GRAPHQL_VALIDATION_FAILED = 400, "查询与接口定义不符", "The document does not fit the schema"
    OPERATION_UNKNOWN = 400, "找不到所指的操作", "The operation named is not in the document"
    BAD_USER_INPUT = 400, "输入的值不符合要求", "A value is not acceptable"
    BAD_CURSOR = 400, "游标不属于本次查询", "The cursor belongs to another query"
    CURSOR_RESET = 410, "游标已失效，须从头同步", "The cursor has ended: follow anew from the start"
    DOCUMENT_UNKNOWN = 404, "没有登记过这份查询", "No document is registered under this id"
    DOCUMENT_REQUIRED = 403, "只接受已登记的查询", "Only registered documents are accepted"
    TOO_MANY_TOKENS = 400, "查询过长", "The document has too many tokens"
    TOO_DEEP = 400, "查询嵌套过深", "The document is nested too deeply"
    TOO_MANY_ALIASES = 400, "查询中的别名过多", "The document has too many aliases"
    TOO_MANY_DIRECTIVES = 400, "查询中的指令过多", "The document has too many directives"
    TOO_MANY_ROOT_FIELDS = 400, "查询的顶层字段过多", "The document has too many root fields"
    TOO_MANY_FIELDS = 400, "查询展开后的字段过多", "The document selects too many fields"
    COST_LIMIT = 400, "查询开销超过上限", "The query costs more than is allowed"

    # The caller
    UNAUTHENTICATED = 401, "身份未通过验证", "The caller is not authenticated"
    SCOPE_MISSING = 403, "缺少所需的权限范围", "A scope is missing"
    FORBIDDEN = 403, "无权进行此操作", "This is not allowed for the caller"
    RATE_LIMITED = 429, "请求过于频繁", "Too many requests"

    # The body
    CROSS_ORIGIN_REFUSED = 403, "该网页来源未获许可", "Pages of this origin may not do this"
    BODY_TOO_LARGE = 413, "请求体过大", "The body is too large"
    NOT_JSON = 400, "请求体不是合法的 JSON", "The body is not JSON"
    NOT_UTF8 = 400, "请求体不是 UTF-8 编码", "The body is not UTF-8"
    CONTENT_CODING_REFUSED = 415, "不接受压缩的请求体", "Compressed bodies are not taken"
    UNSUPPORTED_MEDIA_TYPE = 415, "不支持的内容类型", "This content type is not supported"
    METHOD_NOT_ALLOWED = 405, "不支持的请求方法", "This method is not supported here"
    NOT_ACCEPTABLE = 406, "无法按所要求的格式应答", "No acceptable representation"
    NOT_FOUND = 404, "没有找到", "Not found"
    NOT_HTTP = 400, "不是合法的 HTTP 请求", "This is no HTTP request"
    REQUEST_TIMEOUT = 408, "请求未在时限内发完", "The request did not come in time"
    HEADER_TOO_LARGE = 431, "请求头过大", "The headers are too large"
    OVERLOADED = 503, "平台繁忙，请稍后再试", "The hub is busy: try again in a moment"
    NOT_BOOKABLE = 409, "不能经枢纽预约", "This cannot be booked through the hub"
    CONFLICT = 409, "与现有内容冲突", "This conflicts with what is there"
    ERASED = 410, "内容已依决定删除", "The content was erased by order"

    # Exports
    EXPORT_CUT_OFF = 503, "导出中断，未能完成", "The export was cut off before its end"
    EXPORT_EXPIRED = 410, "导出的文件已过保留期", "What was exported is not kept any more"
    EXPORT_FORMAT = 422, "有内容不能写入该格式", "A value does not fit into the format"
    EXPORT_RIGHTS_CHANGED = (
        409,
        "导出后读取权限有变，须重新导出",
        "The rights of the caller have changed since: export anew",
    )
    RANGE_EMPTY = 416, "所要的字节范围不存在", "The file has no byte in this range"
    EXPORT_TOO_LARGE = 413, "导出超过上限", "The export is larger than allowed"

    # Batches
    IDEMPOTENCY_KEY_MISSING = 400, "缺少幂等键", "The Idempotency-Key is missing"
    IDEMPOTENCY_CONFLICT = (
        422,
        "同一幂等键曾用于不同的内容",
        "The Idempotency-Key was used with another body",
    )
    BATCH_TOO_LARGE = 413, "批次超过上限", "The batch is larger than allowed"
    BATCH_EMPTY = 400, "批次中没有任何行", "The batch has no rows"

    # Files
    FILE_UNREADABLE = 422, "文件无法读取", "The file cannot be read"
    MAPPING_INVALID = 422, "映射有误或与文件不符", "The mapping is wrong or does not fit the file"
    MAPPING_UNKNOWN = 404, "该来源没有这个映射", "The source keeps no mapping of this name"

    # Rows of a batch
    ROW_NOT_AN_OBJECT = 422, "该行不是 JSON 对象", "The row is not a JSON object"
    ROW_SHAPE = 422, "该行缺少必要成员或含有多余成员", "The row lacks a member or has one too many"
    RECORD_TYPE_UNKNOWN = 422, "标准中没有这种记录", "The standard has no such record type"
    RECORD_NOT_CANONICAL = 422, "记录无法形成规范字节", "The record has no canonical form"
    RECORD_SIGNATURE_INVALID = 422, "记录签名无效", "The record's signature is not valid"
    AUTHORITY_UNKNOWN = (
        422,
        "未说明由哪个系统编号：来源登记时须给出系统，转报的来源须逐行给出 authority",
        "Nobody said whose system numbers it: register the source with its system; a source that "
        "passes rows on says authority with each",
    )
    AUTHORITY_FOREIGN = (
        422,
        "该行的 authority 不是此来源登记的系统",
        "The row's authority is not the system that this source is registered with",
    )
    OWNER_MISMATCH = (
        422,
        "记录不属于该来源可以代表的单位",
        "The source may not speak for its issuer",
    )
    HOME_ELSEWHERE = (
        422,
        "该单位的记录由另一枢纽管理，请提交至所示地址",
        "Records of this institution are stated at another hub: send them to the address shown",
    )
    HOME_SILENT = (
        504,
        "已转交其归属枢纽，但未得到答复，可能已被接收：请用同一 Idempotency-Key 原样重发",
        "It was handed on to its home hub, which did not answer and may have taken it: send the "
        "same request again with the same Idempotency-Key",
    )
    HOME_UNREACHABLE = (
        503,
        "其归属枢纽无法连接，没有转交，内容未保存：请稍后用同一 Idempotency-Key 原样重发",
        "Its home hub cannot be reached; it was not handed on and nothing of it is kept: send the "
        "same request again later, with the same Idempotency-Key",
    )
    HOME_LATE = (
        504,
        "其归属枢纽未能在时限内接收，内容未保存：请用同一 Idempotency-Key 原样重发",
        "Its home hub could not take it in time, and nothing of it is kept: send the same request "
        "again with the same Idempotency-Key",
    )
    HOME_REFUSED = (
        502,
        "其归属枢纽不从本枢纽接收，内容未保存：请直接提交至该枢纽，或联系运营方",
        "Its home hub does not take it from this hub, and nothing of it is kept: send it there, or "
        "ask the operator",
    )
    OWNER_CHANGED = (
        422,
        "记录所属单位不能通过更正改变，请先撤回再重新提交",
        "A revision cannot change whose record it is; withdraw it and submit it anew",
    )
    ISSUER_NOT_NAMED = (
        422,
        "授权或裁决类记录只接受登记了出具单位的来源",
        "What gives a right or decides is taken only from a source registered for its issuer",
    )
    ISSUER_MUST_VOUCH = (
        422,
        "授权或裁决类记录须由出具单位自己签名提交",
        "What gives a right or decides must be signed by its issuer itself",
    )
    DECIDER_NEEDED = (
        422,
        "接入方区分密钥角色，授权或裁决类记录须用决定人（DECIDER）的密钥签名",
        "The client gives its keys roles: what gives a right or decides needs a DECIDER's key",
    )
    DECIDES_ON_ITSELF = (
        422,
        "不得对本单位自行裁决",
        "Nobody decides on himself: issuer and owner are the same",
    )
    STATE_OLDER = (
        422,
        "状态时间早于现有状态（或缺失）：较早的状态不能取代较晚的状态",
        "Its state is older than the one that stands, or says no time; nothing goes back in time",
    )
    GUARDED_ALONE = (
        422,
        "这类记录须单独提交，每批一行",
        "A record of this type comes alone: one row a batch",
    )
    WITHDRAW_UNKNOWN = 422, "要撤回的记录不存在", "There is nothing to withdraw under this key"
    ALREADY_WITHDRAWN = 422, "该记录已经撤回", "It is withdrawn already"

    # Sources
    SOURCE_UNKNOWN = 404, "没有登记过这个来源", "No source is registered under this id"
    SOURCE_FORBIDDEN = 403, "不得代表该来源提交", "The caller may not speak for this source"
    SOURCE_UNAVAILABLE = 502, "来源没有应答", "The source did not answer"
    SOURCE_TIMEOUT = 504, "来源未在时限内应答", "The source did not answer in time"
    SOURCE_DENIED = 502, "来源拒绝了本平台", "The source refused the hub"
    SOURCE_BAD_DATA = 502, "来源给出的数据有误", "The source answered with bad data"
    SOURCE_OVERFULL = 502, "来源给出的行数超过约定的上限", "The source gives more rows than agreed"
    SOURCE_STALE = 503, "来源的数据已过期", "What the source said is older than asked for"

    # The hub itself
    DATABASE_UNAVAILABLE = 503, "数据库暂不可用", "The database is away"
    AUDIT_UNAVAILABLE = (
        503,
        "审计暂不可写，受限数据不予提供",
        "The audit cannot be written, so protected data is not given out",
    )
    STATE_UNAVAILABLE = 503, "共享状态服务暂不可用", "The shared state is away"
    TIMEOUT = 504, "未在时限内完成", "This took longer than allowed"
    SETTINGS_INVALID = 500, "部署设置有误", "The settings are wrong"
    INTERNAL = 500, "平台内部错误", "Something went wrong in the hub"


class HubError(Exception):
    """The root of what the hub reports to a caller.

    `message_zh` and `message_en` default to those of the code; `hint` and `hint_zh` say what to do
    next. A hint of which both are one text is written in both languages, or is for operators.
    """

    retry_after_s: int | None = None
    """Seconds after which the same request may succeed (`Retry-After`); None: it will not."""
    sources: tuple[str, ...] = ()
    """Ids of the sources that are to blame, if any."""
    headers: Mapping[str, str] = MappingProxyType({})
    """Fields that its answer over HTTP has besides."""

    def __init__(
        self,
        code: ErrorCode,
        message_zh: str | None = None,
        message_en: str | None = None,
        hint: str = "",
        hint_zh: str = "",
    ) -> None:
        self.code = code
        self.message_zh = message_zh or code.zh
        self.message_en = message_en or code.en
        self.hint = hint
        self.hint_zh = hint_zh or hint
        super().__init__(f"{code.name}: {self.message_en}{'. ' + hint if hint else ''}")

    def message(self, *, english: bool) -> str:
        """Return what went wrong, in one of the two languages."""
        return self.message_en if english else self.message_zh

    def advice(self, *, english: bool) -> str:
        """Return what to do about it, in one of the two languages."""
        return self.hint if english else self.hint_zh


class UnavailableError(HubError):
    """Something the hub needs is not available; the same request may succeed later."""

    retry_after_s: int = 2


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL does not answer, or no connection became free in time."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            ErrorCode.DATABASE_UNAVAILABLE,
            message_en=f"The database is away: {detail}",
            hint="Nothing was written. Send the same request again in a moment.",
            hint_zh="没有写入任何内容，请稍后原样重发。",
        )


class RateLimitedError(HubError):
    """The caller has used up its rate for now; `retry_after_s` says when to try again."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = max(1, ceil(retry_after_s))
        super().__init__(
            ErrorCode.RATE_LIMITED,
            hint=f"Send it again in {self.retry_after_s} s.",
            hint_zh=f"请在 {self.retry_after_s} 秒后重发。",
        )


class OverloadedError(UnavailableError):
    """There is no room for the request now; nothing was done."""

    def __init__(self, retry_after_s: int = 1) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            ErrorCode.OVERLOADED,
            hint=f"Send it again in {retry_after_s} s.",
            hint_zh=f"请在 {retry_after_s} 秒后重发。",
        )


class RefusedError(HubError):
    """The request as sent cannot be accepted, however often it is sent."""


class SettingsError(HubError):
    """The deployment's settings are wrong; lists every problem at once."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(
            ErrorCode.SETTINGS_INVALID,
            message_en="; ".join(problems),
            hint="See docs/operators/settings.md.",
            hint_zh="各项设置见 docs/operators/settings.md。",
        )
