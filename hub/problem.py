"""`problem`: an error of the hub as an HTTP answer (RFC 9457), in the caller's language."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from hub.errors import HubError
from hub.watching.notes import note_refusal

MEDIA_TYPE = "application/problem+json"


def prefers_english(accept_language: str) -> bool:
    """Return whether a caller prefers English; Chinese is the default.

    The first of the two languages that the header names wins, whatever its weight: clients list
    their languages in order of preference.
    """
    if not accept_language:
        return False
    languages = [part.split(";")[0].strip().lower() for part in accept_language.split(",")]
    known = [name[:2] for name in languages if name[:2] in ("zh", "en")]
    return bool(known) and known[0] == "en"


def problem(
    error: HubError, accept_language: str = "", more: Mapping[str, object] | None = None
) -> JSONResponse:
    """Return the answer for an error: its code, a message, what to do, and `more` members."""
    note_refusal(error.code.name)
    english = prefers_english(accept_language)
    body: dict[str, object] = {
        "title": error.code.en if english else error.code.zh,
        "status": error.code.status,
        "code": error.code.name,
        "detail": error.message(english=english),
    }
    if error.hint:
        body["hint"] = error.advice(english=english)
    body.update(more or {})
    headers: Mapping[str, str] = {"Cache-Control": "no-store", **error.headers}
    if error.retry_after_s is not None:
        headers = {**headers, "Retry-After": str(error.retry_after_s)}
    return JSONResponse(
        body, status_code=error.code.status, media_type=MEDIA_TYPE, headers=dict(headers)
    )
