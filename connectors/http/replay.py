"""Replay: the same readers over a recorded session; and the recorder that makes one.

A session is JSON: `{"exchanges": [{"method", "path", "query", "holds", "status", "type",
"json"|"text"}]}`. `holds`: texts that the body of the question has, for sources that are asked with
POST; the first exchange that fits answers. Only GET is recorded: credentials are never written,
neither the header of a request nor the body of a token answer. An exchange that was not recorded
is an error that names it, not an empty answer.
"""

import json
from collections.abc import Mapping
from typing import Any

import httpx

__all__ = ["RecordingTransport", "ReplayTransport"]

NOT_RECORDED = 404


def _key(method: str, path: str, query: Mapping[str, str]) -> tuple[str, str, str]:
    return method, path, json.dumps(sorted(query.items()))


class ReplayTransport(httpx.AsyncBaseTransport):
    """Answers from a recorded session."""

    def __init__(self, session: Mapping[str, Any]) -> None:
        """Index the exchanges of a session."""
        self._answers: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
        for one in session["exchanges"]:
            key = _key(one.get("method", "GET"), one["path"], one.get("query", {}))
            self._answers.setdefault(key, []).append(one)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the recorded answer to this question."""
        url = request.url
        said = (await request.aread()).decode()
        alike = self._answers.get(_key(request.method, url.path, dict(url.params)), [])
        fitting = [one for one in alike if all(text in said for text in one.get("holds", ()))]
        one = fitting[0] if fitting else None
        if one is None:
            return httpx.Response(
                NOT_RECORDED, text=f"not recorded: {request.method} {url.raw_path.decode()}"
            )
        body = one["text"] if "text" in one else json.dumps(one["json"], ensure_ascii=False)
        return httpx.Response(
            one.get("status", 200),
            content=body.encode(),
            headers={"content-type": one.get("type", "application/json")},
        )


class RecordingTransport(httpx.AsyncBaseTransport):
    """Passes requests on and keeps what was asked and answered."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        """Record what `inner` answers."""
        self._inner = inner
        self._exchanges: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and keep the exchange, unless it is about credentials."""
        response = await self._inner.handle_async_request(request)
        if request.method != "GET":
            return response
        await response.aread()
        one: dict[str, Any] = {
            "method": request.method,
            "path": request.url.path,
            "query": dict(request.url.params),
            "status": response.status_code,
        }
        try:
            one["json"] = response.json()
        except ValueError:
            one |= {"text": response.text, "type": response.headers.get("content-type", "")}
        self._exchanges.append(one)
        return response

    def session(self) -> dict[str, Any]:
        """Return what was recorded so far."""
        return {"exchanges": list(self._exchanges)}

    async def aclose(self) -> None:
        """Close the wrapped transport."""
        await self._inner.aclose()
