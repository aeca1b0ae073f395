"""`planning`: from an order to the statement of its rows and what fills it; reads, writes nothing.

Everything that may be wrong with an order is found here, before anything is noted or made.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.access.grants import PartyGrants
from hub.errors import ErrorCode
from hub.exchange.exports.formats import ExportFormat, has_parquet
from hub.exchange.exports.limits import VARIABLES_MAX
from hub.exchange.exports.order import ExportOrder, asked_for
from hub.query.answer.execute import Run, Statements
from hub.query.plan.documents import GraphDocument
from hub.query.plan.errors import QueryError
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Planner
from hub.query.sql.streaming import RowStream


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an order becomes: its document, and the statement with its parameters."""

    document: str
    variables: Mapping[str, Any]
    stream: RowStream
    parameters: list[str | None]


async def planned(
    order: ExportOrder,
    planner: Planner,
    statements: Statements,
    grants: PartyGrants,
    now: datetime,
) -> ExportPlan:
    """Return how an order is carried out; `QueryError` for one that cannot be."""
    _check_format(order.format)
    text, variables = asked_for(order, planner.interface)
    if len(json.dumps(variables, default=str)) > VARIABLES_MAX:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            f"变量至多 {VARIABLES_MAX} 个字符",
            f"variables: at most {VARIABLES_MAX} characters",
        )
    document = await _read(text, planner)
    authority = Authority(order.caller.scopes, grants.limited)
    stream, values = await asyncio.to_thread(planner.stream, document, variables, authority)
    run = Run(
        request_id="",
        caller=order.caller,
        language="zh",
        bucket="",
        authority=authority,
        grants=grants,
        now=now,
    )
    env = await statements.env(values, run)
    parameters = await statements.parameters(stream.compiled, env, run)
    return ExportPlan(text, variables, stream, parameters)


def _check_format(chosen: ExportFormat) -> None:
    if chosen is ExportFormat.PARQUET and not has_parquet():
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "本平台未安装 pyarrow，不能写 PARQUET；请选 NDJSON、CSV 或 XLSX",
            "this hub writes no PARQUET (pyarrow is not installed): choose NDJSON, CSV or XLSX",
        )


async def _read(text: str, planner: Planner) -> GraphDocument:
    document = planner.known(text)
    if document is None:
        document = planner.keep(await asyncio.to_thread(planner.read, text))
    if document.names_freshness:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "导出读取平台存储，不能带 maxStaleness 或 deadline",
            "an export reads the store: without maxStaleness and deadline",
        )
    return document
