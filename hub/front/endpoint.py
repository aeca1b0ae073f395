"""`endpoint`: the front page, the figures on it, and the published standard.

None of them needs a key, and none shows a record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import schema
from hub.entity_tag import PUBLISHED as PUBLISHED_AGE
from hub.entity_tag import unless_held
from hub.errors import ErrorCode, HubError, RefusedError
from hub.front.limits import CACHED_S
from hub.pages.layout import filled, language_of, page, page_file, template
from hub.pages.words import words
from hub.problem import problem

ROOM = "hub.front"
SCRIPT = "/front/front.js"
PUBLISHED = Path(schema.__file__).parent / "published"
MEDIA_TYPES = {
    ".json": "application/json",
    ".graphql": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
CONTACT = '（<a href="/.well-known/security.txt">security.txt</a>）'
PARTS = {
    "database": "front.database",
    "log": "front.part_log",
    "shared": "front.shared",
    "disk": "front.disk",
    "clock": "front.clock",
}
Look = Callable[[], Awaitable[Mapping[str, str]]]
Count = Callable[[], Awaitable[Mapping[str, Any]]]


def front_routes(look: Look, count: Count, *, contact: str | None = None) -> list[Route]:
    """Return the routes of the front page and of the published standard.

    `look` says of each part of the hub "ok" or a code, `count` what is here. `contact`: whom to
    tell of a weakness, where the operator has said so.
    """
    files = {path.name: path for path in PUBLISHED.iterdir() if path.suffix in MEDIA_TYPES}

    async def front(request: Request) -> Response:
        state, language = await look(), language_of(request)
        body = filled(
            template(ROOM, "front.html"),
            language,
            {
                "version": schema.STANDARD_VERSION,
                "state": _state(state, words(language)),
                "style": "state" if all(part == "ok" for part in state.values()) else "bad",
            },
        ).replace("<!--contact-->", CONTACT if contact else "")
        return page(request, words(language)["front.title"], body, script=SCRIPT)

    async def figures(request: Request) -> Response:
        try:
            counted = await count()
        except HubError as error:
            return problem(error, request.headers.get("accept-language", ""))
        age = {"Cache-Control": f"public, max-age={CACHED_S}"}
        return JSONResponse(dict(counted), headers=age)

    async def script(_: Request) -> Response:
        return page_file(ROOM, "front.js")

    async def published(request: Request) -> Response:
        path = files.get(request.path_params["name"])
        if path is None:
            return problem(RefusedError(ErrorCode.NOT_FOUND))
        headers = {"Content-Type": MEDIA_TYPES[path.suffix], **PUBLISHED_AGE}
        return unless_held(request, Response(path.read_bytes(), headers=headers))

    return [
        Route("/", front),
        Route("/figures.json", figures),
        Route(SCRIPT, script),
        Route("/standard/{name}", published),
    ]


def _state(state: Mapping[str, str], said: Mapping[str, str]) -> str:
    def told(name: str, code: str) -> str:
        part = said[PARTS[name]] if name in PARTS else name
        return f"{part}: {said['front.well'] if code == 'ok' else code}"

    return ", ".join(told(name, code) for name, code in state.items())
