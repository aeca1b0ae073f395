"""`front`: the front page, and the published standard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import schema
from hub.entity_tag import PUBLISHED as PUBLISHED_AGE
from hub.entity_tag import unless_held
from hub.errors import ErrorCode, RefusedError
from hub.guide.page import page
from hub.problem import problem

PUBLISHED = Path(schema.__file__).parent / "published"
MEDIA_TYPES = {
    ".json": "application/json",
    ".graphql": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

BODY = """<h1>长三角大型科研仪器数据交换枢纽<br>
<small>Yangtze Delta Instrument Exchange Hub</small></h1>
<p>一套公开标准、一个 GraphQL 接口汇集各方来源，每条记录都有可离线核验的回执。<br>
<span class="soft">One published standard, one GraphQL endpoint over many sources,
and a proof for every record.</span></p>
<p class="{style}">{state}</p>
<h2>查询与接入 Ask and join</h2>
<ul>
<li><a href="/explore">查询台 Explorer</a>：提问，并看到每个来源的状态与数据时间
<span class="soft">ask, and see each source's state and age</span></li>
<li><a href="/guide">接入指南 Guide</a>：
<a href="/guide/partners/quickstart">登记与快速上手 registration and quick start</a>、
<a href="/guide/standard/wire">接口报文 every route</a>、
<a href="/guide/errors">错误代码 errors</a></li>
<li><a href="/.well-known/oauth-authorization-server">认证元数据 Authentication metadata</a></li>
</ul>
<h2>标准 Standard</h2>
<ul>
<li><a href="/standard/standard.md">数据标准 Data standard</a> {version}：
<a href="/standard/hub.graphql">GraphQL SDL</a>、
<a href="/standard/codes.json">代码表 code lists</a>、
<a href="/standard/monthly_workbook.xlsx">月度报送表 monthly workbook</a></li>
<li>技术服务规范 Service specifications：{specifications}</li>
</ul>
<h2>信任与安全 Trust and security</h2>
<ul>
<li><a href="/log/checkpoint">透明日志 Log</a>：最新检查点 newest checkpoint、
<a href="/log/vkey">公钥 key</a>、<a href="/log/policy">核验策略 policy</a>、
<a href="/guide/standard/receipts">回执 receipts</a></li>
<li><a href="/guide/SECURITY">安全承诺与漏洞报告
What the hub promises, and how to report a weakness</a>{contact}</li>
</ul>"""
CONTACT = '（<a href="/.well-known/security.txt">security.txt</a>）'
PARTS = {"database": "数据库 database", "log": "日志 log", "shared": "共享状态 shared state"}
SPECIFICATIONS = {
    "data-collection": "采集 collection",
    "data-storage": "存储 storage",
    "data-interface": "接口 interface",
    "data-service": "服务 service",
    "data-security": "安全 security",
}
"""The pages that 二(八) of the sharing policy asks for."""


def front_routes(
    look: Callable[[], Awaitable[dict[str, str]]], *, contact: str | None = None
) -> list[Route]:
    """Return the routes that need no authentication; they show no records.

    `look` says of each part of the hub "ok" or a code. `contact`: whom to tell of a weakness, where
    the operator has said so.
    """
    files = {path.name: path for path in PUBLISHED.iterdir() if path.suffix in MEDIA_TYPES}

    async def front(_: Request) -> Response:
        state = await look()
        well = all(part == "ok" for part in state.values())
        summary = "，".join(f"{PARTS.get(name, name)}: {part}" for name, part in state.items())
        body = BODY.format(
            version=schema.STANDARD_VERSION,
            state=escape(summary),
            style="state" if well else "bad",
            contact=CONTACT if contact else "",
            specifications="、".join(
                f'<a href="/guide/standard/{name}">{title}</a>'
                for name, title in SPECIFICATIONS.items()
            ),
        )
        return page("长三角大型科研仪器数据交换枢纽", body)

    async def published(request: Request) -> Response:
        path = files.get(request.path_params["name"])
        if path is None:
            return problem(RefusedError(ErrorCode.NOT_FOUND))
        headers = {"Content-Type": MEDIA_TYPES[path.suffix], **PUBLISHED_AGE}
        return unless_held(request, Response(path.read_bytes(), headers=headers))

    return [
        Route("/", front),
        Route("/standard/{name}", published),
    ]
