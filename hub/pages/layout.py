"""`layout`: the form of every page of the hub: head, navigation, switch of language, styles.

- A page loads the hub's own files and nothing else; its content security policy admits no script or
  style that stands in the page itself.
- The language is Chinese until a reader chooses English by `?lang=en`; the choice is kept in a
  cookie that holds nothing else. No script is needed for it.
- In a template `{{name}}` is a word, `{{=name}}` a value that the page gives, and `{{>name}}`
  another template of this room; words and values become text and never markup.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hub.pages.words import LANGUAGES, words

COOKIE = "hub-language"
COOKIE_AGE_S = 365 * 24 * 3600
STILL_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of a page without a script, such as those of the guide."""
POLICY = f"{STILL_POLICY}; script-src 'self'; connect-src 'self'"
NAVIGATION = (
    ("/", "kit.front"),
    ("/explore", "kit.explorer"),
    ("/submit", "kit.submit"),
    ("/verify", "kit.verify"),
    ("/customs", "kit.customs"),
    ("/vouchers", "kit.vouchers"),
    ("/guide", "kit.guide"),
)
MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
_PLACE = re.compile(r"\{\{([=>]?)([\w.]+)\}\}")
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/pages/kit.css">{styles}
</head><body>
<a class="skip" href="#main">{skip}</a>
<header class="head"><p class="hub"><a href="/">{hub}</a></p>
<nav aria-label="{pages}">{navigation}</nav>
<p class="language">
<a href="?lang={other}" hreflang="{other}" lang="{other}">{switch}</a></p></header>
<main id="main" class="{shape}" tabindex="-1">
{body}
</main>
<footer class="foot">{foot}</footer>{scripts}
</body></html>
"""


def language_of(request: Request) -> str:
    """Return the language in which a request is answered with a page."""
    for stated in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if stated in LANGUAGES:
            return stated
    return LANGUAGES[0]


def page(
    request: Request,
    title: str,
    body: str,
    *,
    shape: str = "prose",
    script: str | None = None,
    style: str | None = None,
) -> HTMLResponse:
    """Return a page of this body, which is HTML already. `shape`: `prose`, `wide` or `desk`."""
    language = language_of(request)
    said = words(language)
    other = next(each for each in LANGUAGES if each != language)
    text = _PAGE.format(
        language=language,
        title=escape(title if title == said["kit.hub"] else f"{title} · {said['kit.hub']}"),
        hub=escape(said["kit.hub"]),
        skip=escape(said["kit.skip"]),
        pages=escape(said["kit.pages"]),
        navigation=_navigation(request.scope["path"], said),
        other=other,
        switch=escape(words(other)["kit.language"]),
        shape=shape,
        body=body,
        foot=escape(said["kit.foot"]),
        styles=f'\n<link rel="stylesheet" href="{escape(style)}">' if style else "",
        scripts=f'\n<script type="module" src="{escape(script)}"></script>' if script else "",
    )
    policy = POLICY if script else STILL_POLICY
    answer = HTMLResponse(
        text, headers={"Content-Security-Policy": policy, "Vary": "Cookie, Accept-Encoding"}
    )
    answer.headers["Cache-Control"] = "no-cache"
    if request.query_params.get("lang") in LANGUAGES:
        is_secure = request.scope["scheme"] == "https"
        answer.set_cookie(
            COOKIE, language, COOKIE_AGE_S, httponly=True, samesite="strict", secure=is_secure
        )
    return answer


def filled(text: str, language: str, values: Mapping[str, str] | None = None) -> str:
    """Return a template with its words, values and parts in their places."""
    given = values or {}

    def put(found: re.Match[str]) -> str:
        kind, name = found.groups()
        if kind == ">":
            return filled(template("hub.pages", f"{name}.html"), language, given)
        return escape(given[name] if kind == "=" else words(language)[name])

    return _PLACE.sub(put, text)


def template(room: str, name: str) -> str:
    """Return the text of a template of a room."""
    return files(room).joinpath(name).read_text("utf-8")


def page_file(room: str, name: str) -> Response:
    """Return a style or script of a room, by a name that the room has listed."""
    return Response(
        files(room).joinpath(name).read_bytes(),
        headers={
            "Content-Type": MEDIA_TYPES[name.rpartition(".")[2]],
            "Cache-Control": "no-cache",
        },
    )


def _navigation(path: str, said: Mapping[str, str]) -> str:
    return " ".join(
        f'<a href="{address}"{_here(path, address)}>{escape(said[name])}</a>'
        for address, name in NAVIGATION
    )


def _here(path: str, address: str) -> str:
    is_here = path == address or (address != "/" and path.startswith(f"{address}/"))
    return ' aria-current="page"' if is_here else ""
