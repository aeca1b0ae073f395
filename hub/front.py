"""`front`: the front page, and the published standard."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable
from hashlib import sha256
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

import schema
from hub.errors import ErrorCode, RefusedError
from hub.problem import problem

PUBLISHED = Path(schema.__file__).parent / "published"
MEDIA_TYPES = {
    ".json": "application/json",
    ".graphql": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

SHEET = """body{font:16px/1.6 system-ui,"Noto Sans CJK SC",sans-serif;max-width:46rem;
margin:3rem auto;padding:0 1rem}li{margin:.3rem 0}
.state{color:#0b6e6e}.bad{color:#a32323}"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(SHEET.encode()).digest()).decode()}';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Yangtze Delta Instrument Exchange Hub</title><link rel="icon" href="data:,">
<style>{sheet}</style></head><body>
<h1>长三角大型科研仪器数据交换枢纽</h1>
<p>One published standard, one GraphQL endpoint, many sources, and a proof for every record.</p>
<p class="{style}">{state}</p>
<ul>
<li><a href="/explore">Explorer 查询</a>: ask, and see each source's state and age</li>
<li><a href="/standard/standard.md">Standard 数据标准</a> {version}, as
<a href="/standard/hub.graphql">GraphQL SDL</a>, <a href="/standard/codes.json">code lists</a>,
<a href="/standard/monthly_workbook.xlsx">monthly workbook 月度报送表</a></li>
<li><a href="/log/checkpoint">Log 透明日志</a>: newest checkpoint,
<a href="/log/vkey">key</a>, <a href="/log/policy">policy</a></li>
<li><a href="/.well-known/oauth-authorization-server">How to authenticate 接入认证</a></li>
</ul></body></html>
"""


def front_routes(look: Callable[[], Awaitable[dict[str, str]]]) -> list[Route]:
    """Return the routes that need no authentication; they show no records.

    `look` says of each part of the hub "ok" or a code.
    """
    files = {path.name: path for path in PUBLISHED.iterdir() if path.suffix in MEDIA_TYPES}

    async def page(_: Request) -> Response:
        state = await look()
        well = all(part == "ok" for part in state.values())
        summary = "; ".join(f"{name}: {part}" for name, part in state.items())
        return HTMLResponse(
            PAGE.format(
                sheet=SHEET,
                version=schema.STANDARD_VERSION,
                state=escape(summary),
                style="state" if well else "bad",
            ),
            headers={"Content-Security-Policy": POLICY},
        )

    async def published(request: Request) -> Response:
        path = files.get(request.path_params["name"])
        if path is None:
            return problem(RefusedError(ErrorCode.NOT_FOUND))
        return Response(path.read_bytes(), headers={"Content-Type": MEDIA_TYPES[path.suffix]})

    return [
        Route("/", page),
        Route("/standard/{name}", published),
    ]
