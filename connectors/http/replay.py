"""Replay: the same readers over a recorded session; and the recorder that makes one.

A session is JSON: `{"exchanges": [{"method", "path", "query", "status", "type", "json"|"text"}]}`;
where all questions go to one path, "body" is what was asked with.
Credentials are never written: neither the header of a request nor the body of a token answer. An
exchange that was not recorded is an error that names it, not an empty answer.
"""

import json
from collections.abc import Mapping
from typing import Any

import httpx

__all__ = ["RecordingTransport", "ReplayTransport"]

NOT_RECORDED = 404


def _key(method: str, path: str, query: Mapping[str, str], body: Any = None) -> tuple[str, ...]:
    return method, path, json.dumps(sorted(query.items())), json.dumps(body, sort_keys=True)


def _json_of(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


class ReplayTransport(httpx.AsyncBaseTransport):
    """Answers from a recorded session."""

    def __init__(self, session: Mapping[str, Any]) -> None:
        """Index the exchanges of a session."""
        self._answers = {
            _key(one.get("method", "GET"), one["path"], one.get("query", {}), one.get("body")): one
            for one in session["exchanges"]
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the recorded answer to this question."""
        url = request.url
        asked = request.method, url.path, dict(url.params)
        one = self._answers.get(_key(*asked, _json_of(request.content)))
        one = one or self._answers.get(_key(*asked))
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
