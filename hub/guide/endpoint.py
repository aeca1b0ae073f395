"""`endpoint`: the guide over HTTP, and the address for whoever finds a weakness.

    GET /guide                       the list of pages
    GET /guide/<name>                a page as HTML; with .md its source; a sample program as text
    GET /.well-known/security.txt    RFC 9116; 404 where the operator has named no contact

All are public and the same for everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hub.clock import Clock
from hub.entity_tag import PUBLISHED, unless_held
from hub.errors import ErrorCode, RefusedError
from hub.guide.library import FOLDERS, PATH, SECURITY, html_of, pages, samples
from hub.pages.layout import language_of, page
from hub.pages.words import words
from hub.problem import problem
from schema.dates import format_instant

SECURITY_TXT = "/.well-known/security.txt"
EXPIRES_AFTER = timedelta(days=180)
"""How long a copy of `security.txt` may be believed; RFC 9116 §2.5.5 advises less than a year."""
_AGE = {"Cache-Control": "public, max-age=300"}
_HEADINGS = {"partners": "guide.partners", "standard": "guide.standard", "": "guide.more"}


@dataclass(frozen=True, slots=True)
class Operator:
    """Who answers for this hub: its public address, and where a weakness is reported."""

    base: str
    contact: str | None


def guide_routes(operator: Operator, clock: Clock) -> list[Route]:
    """Return the routes of the guide."""

    async def listing(request: Request) -> Response:
        said = words(language_of(request))
        return unless_held(request, page(request, said["guide.title"], _listing(said)))

    async def one(request: Request) -> Response:
        name = request.path_params["name"]
        if name in samples():
            text = samples()[name].read_text("utf-8")
            return _published(request, PlainTextResponse(text))
        known = pages().get(name.removesuffix(".md"))
        if known is None:
            return problem(
                RefusedError(
                    ErrorCode.NOT_FOUND,
                    hint=f"All pages are listed at {PATH}.",
                    hint_zh=f"全部页面见 {PATH}。",
                ),
                request.headers.get("accept-language", ""),
            )
        if name.endswith(".md"):
            text = known.file.read_text("utf-8")
            answer = Response(text, media_type="text/markdown; charset=utf-8")
            return _published(request, answer)
        # The first rendering of a long page takes longer than others should wait.
        body = await asyncio.to_thread(html_of, known.name)
        return unless_held(request, page(request, known.title, body))

    async def security(request: Request) -> Response:
        if operator.contact is None:
            hint = "This hub's operator has named no contact (HUB_CONTACT)."
            hint_zh = "本枢纽的运营方没有写明联系方式（HUB_CONTACT）。"
            refused = RefusedError(ErrorCode.NOT_FOUND, hint=hint, hint_zh=hint_zh)
            return problem(refused, request.headers.get("accept-language", ""))
        expires = format_instant(clock() + EXPIRES_AFTER)
        lines = (
            f"Contact: {operator.contact}",
            f"Expires: {expires}",
            "Preferred-Languages: zh, en",
            f"Canonical: {operator.base}{SECURITY_TXT}",
            f"Policy: {operator.base}{PATH}/{SECURITY}",
        )
        return PlainTextResponse("".join(f"{line}\n" for line in lines), headers=_AGE)

    return [
        Route(PATH, listing),
        Route(f"{PATH}/{{name:path}}", one),
        Route(SECURITY_TXT, security),
    ]


def _published(request: Request, answer: Response) -> Response:
    answer.headers.update(PUBLISHED)
    return unless_held(request, answer)


def _listing(said: Mapping[str, str]) -> str:
    parts = [f"<h1>{escape(said['guide.title'])}</h1>"]
    for folder, heading in _HEADINGS.items():
        listed = [each for each in pages().values() if _folder(each.name) == folder]
        items = [f'<li><a href="{each.path}">{escape(each.title)}</a></li>' for each in listed]
        if folder == "standard":
            items.append(
                f'<li><a href="/standard/standard.md">{escape(said["guide.items"])}</a></li>'
            )
        parts += [f"<h2>{escape(said[heading])}</h2>", "<ul>", *items, "</ul>"]
    return "\n".join(parts)


def _folder(name: str) -> str:
    first = name.partition("/")[0]
    return first if first in FOLDERS else ""
