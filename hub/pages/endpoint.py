"""`endpoint`: the files of the kit, and the pages that have no server side of their own.

    GET /pages/{name}     styles, scripts, and words.zh.json, words.en.json
    GET /submit           a university sends a table
    GET /verify           a receipt is checked in the browser

All are public and the same for everybody: what a page may do, its reader's key may do at the public
interface, and nothing more.
"""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.mapping.table import ROW_NUMBER_COLUMN
from hub.errors import ErrorCode, RefusedError
from hub.intake.limits import FILE_BYTES_MAX
from hub.pages.layout import MEDIA_TYPES, filled, language_of, page, page_file, template
from hub.pages.words import LANGUAGES, words
from hub.problem import problem

ROOM = "hub.pages"


def page_routes() -> list[Route]:
    """Return the routes of the kit and of its pages."""
    listed = {
        each.name
        for each in files(ROOM).iterdir()
        if each.is_file() and each.name.rpartition(".")[2] in MEDIA_TYPES
    }

    async def part(request: Request) -> Response:
        name = request.path_params["name"]
        if name in listed:
            return page_file(ROOM, name)
        for language in LANGUAGES:
            if name == f"words.{language}.json":
                return JSONResponse(dict(words(language)), headers={"Cache-Control": "no-cache"})
        return problem(
            RefusedError(ErrorCode.NOT_FOUND), request.headers.get("accept-language", "")
        )

    async def submit(request: Request) -> Response:
        values = {"rowNumber": ROW_NUMBER_COLUMN, "bytesMax": str(FILE_BYTES_MAX)}
        return _page(request, "submit", values)

    async def verify(request: Request) -> Response:
        return _page(request, "verify", {})

    return [
        Route("/pages/{name}", part),
        Route("/submit", submit),
        Route("/verify", verify),
    ]


def _page(request: Request, name: str, values: dict[str, str]) -> Response:
    language = language_of(request)
    return page(
        request,
        words(language)[f"{name}.title"],
        filled(template(ROOM, f"{name}.html"), language, values),
        shape="wide",
        script=f"/pages/{name}.js",
    )
