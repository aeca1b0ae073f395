"""`sources`: the output types by which an answer says how its sources stand, and stood before."""

from __future__ import annotations

import strawberry

from hub.graphql.enums import ServedFrom, SourceEventKind, SourceState
from hub.graphql.hints import many
from hub.graphql.scalars import DateTime, SafeInt
from hub.graphql.types import (
    argument,
    object_type,
    output_fields,
    plain_type,
    response_value,
    with_arguments,
)
from hub.query.plan.limits import HISTORY_DEFAULT

SourceEvent = plain_type(
    "SourceEvent",
    "对来源的一次询问、读取，或暂停、恢复询问。A source was asked or read, or its breaker changed.",
    {
        "at": (DateTime, "开始时刻，或变化时刻。When it began, or changed."),
        "kind": (SourceEventKind, "做了什么。What was done."),
        "recordType": (str | None, "所问的记录；读取时为到期的各种。What was asked for."),
        "status": (
            str,
            "结果：询问见 SourceState，读取为 OK、PARTIAL、HELD、FAILED，暂停为 OPEN、CLOSED。"
            "How it ended: of a question as in SourceState; of a reading OK, PARTIAL, HELD or "
            "FAILED; of a breaker OPEN or CLOSED.",
        ),
        "servedFrom": (ServedFrom | None, "询问所得。What a question gave: LIVE or NONE."),
        "latencyMs": (int | None, "耗时，毫秒。Milliseconds that it took."),
        "rows": (SafeInt | None, "所得行数。Rows that came."),
        "errorCode": (str | None, "错误代码。Code of what went wrong."),
    },
)
_STATUS = {
    "id": (strawberry.ID, "来源标识。Source id."),
    "title": (str, "名称。Title."),
    "titleEn": (str | None, "英文名称。Title in English."),
    "status": (SourceState, "状况。How it stands."),
    "servedFrom": (ServedFrom, "应答取自何处。Where the answer was taken from."),
    "asOf": (DateTime | None, "最近一次成功的时刻。When it last answered well."),
    "latencyMs": (int | None, "实时应答耗时，毫秒。Milliseconds of a live answer."),
    "rows": (SafeInt, "现有行数。Rows that it has."),
    "errorCode": (str | None, "最近一次错误。Code of its last error."),
    "promisedFreshnessS": (int, "承诺的时效，秒。Seconds of freshness it promised."),
    "via": (
        list[str],
        "所经枢纽，以其日志名称表示；直接来源为空。Hubs through which it is known, by the names of "
        "their logs; none for a source that this hub reads itself.",
    ),
    "grade": (
        str | None,
        "等级：GOLD、SILVER、BRONZE、NONE，每日评定。How good it is, worked out once a day.",
    ),
    "missing": (list[str], "升级所缺。What its next grade wants, as codes."),
}
_HISTORY = strawberry.field(
    resolver=with_arguments(
        response_value,
        {"first": argument(int, "至多列出多少次。Events at most.")},
        {"first": HISTORY_DEFAULT},
    ),
    graphql_type=many(SourceEvent),
    description="最近的询问、读取与暂停，新者在前。How asking it went, the newest first.",
)
SourceStatus = object_type(
    "SourceStatus",
    "来源及其状况。A source and how it stands.",
    {**output_fields(_STATUS), "history": _HISTORY},
)
