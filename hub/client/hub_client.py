"""`hub_client`: the client of a hub for partners' programs, over httpx.

- `async with HubClient(base, client_id, key) as hub: await hub.query(...)`; no threads, no files.
- Discovery, token, nonce and clock difference are handled inside: at most one repeat per call, and
  only where the hub refused before doing anything.
- A push may be repeated safely with its idempotency key: the caller's, or one made per call.
- Answers to signed requests are verified against the hub's published keys.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from hub.access import dpop
from hub.access.components import Message
from hub.access.content_digest import content_digest
from hub.access.envelope import Envelope
from hub.access.errors import SignatureError
from hub.access.explain import SentRequest
from hub.access.signatures import PUSH, sign_request, verify_response
from hub.client.discovery import Discovery, discover
from hub.client.errors import (
    AnswerUnverifiedError,
    CallRefusedError,
    ClientError,
    HubUnreachableError,
)
from hub.client.token import fetch_token, server_clock_difference
from hub.clock import Clock, system_clock
from hub.crypto.keys import SigningKey

TIMEOUT_S = 30.0
PUSH_TIMEOUT_S = 120.0
ANSWER_MAX_BYTES = 64 << 20
RECEIPT_WAIT_S = 10.0
RECEIPT_POLL_S = 0.25
PUSH_MAX_BYTES = 16 << 20
PUSH_MAX_ROWS = 10_000
_TOKEN_SPARE_S = 20
_RETRY_WITH_NEW_TOKEN = frozenset({"TOKEN_EXPIRED", "TOKEN_REVOKED", "TOKEN_INVALID"})
_RETRY_WITH_HUB_CLOCK = frozenset({"DPOP_TIME", "SIG_FUTURE", "SIG_EXPIRED"})
_NDJSON = "application/x-ndjson"
_JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """The hub's answer to a push. `base`: the bytes that it signed, as evidence."""

    status: int
    body: dict[str, Any]
    idempotency_key: str
    base: bytes


@dataclass(slots=True)
class _Token:
    text: str
    good_until: datetime


class HubClient:
    """One registered client of one hub.

    `base`: the hub's public address. `key`: the registered private key. `clock` and `transport` are
    for tests.
    """

    def __init__(
        self,
        base: str,
        client_id: str,
        key: SigningKey,
        *,
        clock: Clock = system_clock,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base = base.rstrip("/")
        self.client_id = client_id
        self.key = key
        self._clock = clock
        self._skew = timedelta()
        self._http = httpx.AsyncClient(
            base_url=self.base,
            transport=transport,
            timeout=TIMEOUT_S,
            follow_redirects=False,
            headers={"accept-encoding": "identity"},
        )
        self._discovery: Discovery | None = None
        self._token: _Token | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def discover(self) -> Discovery:
        """Read the hub's metadata and keys once; HubUnreachableError when it is no hub."""
        if self._discovery is None:
            self._discovery = await discover(self._http, self.base)
        return self._discovery

    async def token(self) -> str:
        """Return a token that is good for some time still, fetching one when needed."""
        now = self._now()
        if self._token is None or now >= self._token.good_until:
            discovery = await self.discover()
            text, seconds, self._skew = await fetch_token(
                self._http, discovery, self.client_id, self.key, self._clock, self._skew
            )
            self._token = _Token(text, self._now() + timedelta(seconds=seconds - _TOKEN_SPARE_S))
        return self._token.text

    async def query(
        self,
        document: str | None = None,
        variables: Mapping[str, Any] | None = None,
        *,
        document_id: str | None = None,
        operation: str | None = None,
        language: str = "en",
    ) -> dict[str, Any]:
        """Run one GraphQL request and return the whole answer with `data`, `errors`, `extensions`.

        Pass either the text of a document or the id of a registered one.
        """
        request = {
            "query": document,
            "documentId": document_id,
            "operationName": operation,
            "variables": dict(variables) if variables else None,
        }
        body = _json({name: value for name, value in request.items() if value is not None})
        headers = {
            "content-type": "application/json",
            "accept": "application/graphql-response+json, application/json;q=0.9",
            "accept-language": language,
        }
        answer = await self._call("POST", "/graphql", headers, body)
        result = _object(answer)
        # With graphql-response+json a refused document is an error status with `errors` inside.
        if answer.is_error and "errors" not in result:
            raise _refused(answer)
        return result

    async def push(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        source: str,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> PushAnswer:
        """Push rows `{"type", "record" | "withdraw", "jws"?}` of one source as one signed batch.

        When in doubt repeat with the same `idempotency_key`: the hub answers as it did before.
        """
        body = _ndjson(rows)
        query = str(
            httpx.QueryParams({"source": source, **({"dryRun": "true"} if dry_run else {})})
        )
        key = idempotency_key or secrets.token_urlsafe(18)
        headers = {
            "content-type": _NDJSON,
            "content-digest": content_digest(body),
            "idempotency-key": key,
        }
        answer, sent = await self._signed("/batches", query, headers, body)
        if answer.is_error:
            raise _refused(answer, sent)
        base = await self._verified(answer, sent)
        return PushAnswer(answer.status_code, _object(answer), key, base)

    async def receipt(self, entry_id: str, *, wait_s: float = RECEIPT_WAIT_S) -> str:
        """Return the receipt of an entry as `tlog-proof` text, for `deltahub verify`.

        The log signs about once a second: waits up to `wait_s` seconds for it, then raises
        ClientError RECEIPT_PENDING.
        """
        path = f"/receipts/{quote(entry_id, safe='')}"
        waited = 0.0
        while True:
            answer = await self._call("GET", path, {"accept": "text/plain"}, b"")
            if answer.is_error:
                raise _refused(answer)
            if answer.status_code != httpx.codes.ACCEPTED:
                return answer.text
            if waited >= wait_s:
                raise ClientError(
                    "RECEIPT_PENDING", "the log has not signed yet", "ask again in a moment"
                )
            await asyncio.sleep(RECEIPT_POLL_S)
            waited += RECEIPT_POLL_S

    async def record(self, entry_id: str) -> bytes:
        """Return the canonical bytes of an entry: what its receipt proves."""
        answer = await self._call(
            "GET", f"/records/{quote(entry_id, safe='')}", {"accept": _JSON_TYPE}, b""
        )
        if answer.is_error:
            raise _refused(answer)
        return answer.content

    async def audit(self, after: str = "0") -> dict[str, Any]:
        """Return the audit's rows about this client's party and its records, after one of them."""
        path = f"/audit?after={quote(after, safe='')}"
        answer = await self._call("GET", path, {"accept": _JSON_TYPE}, b"")
        if answer.is_error:
            raise _refused(answer)
        return _object(answer)

    async def policy(self) -> str:
        """Return the policy file of the hub's log; pin it once, at registration."""
        answer = await self._call("GET", "/log/policy", {"accept": "text/plain"}, b"")
        if answer.is_error:
            raise _refused(answer)
        return answer.text

    def _now(self) -> datetime:
        return self._clock() + self._skew

    async def _call(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        """Send with token and proof; once more if the token has ended or the clock was wrong."""
        answer = await self._send(
            method, path, "", await self._with_proof(method, path, headers), body
        )
        if self._worth_repeating(answer):
            again = await self._with_proof(method, path, headers)
            answer = await self._send(method, path, "", again, body)
        return answer

    async def _signed(
        self, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> tuple[httpx.Response, SentRequest]:
        sent = await self._sign(path, query, headers, body)
        answer = await self._send("POST", path, query, dict(sent.headers), body)
        if self._worth_repeating(answer):
            sent = await self._sign(path, query, headers, body)
            answer = await self._send("POST", path, query, dict(sent.headers), body)
        return answer, sent

    async def _sign(
        self, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> SentRequest:
        proven = await self._with_proof("POST", path, headers)
        target = self.base + path
        envelope = Envelope("POST", path, target, f"{target}?{query}" if query else target, proven)
        signed, base = sign_request(envelope, self.key, PUSH, self._now())
        every = {**proven, **signed}
        return SentRequest("POST", envelope.target_uri, every, body, base.decode("ascii"))

    async def _with_proof(self, method: str, path: str, headers: dict[str, str]) -> dict[str, str]:
        token = await self.token()
        target = self.base + path.partition("?")[0]
        proof = dpop.make(self.key, method, target, self._now(), token=token)
        return {**headers, "authorization": f"DPoP {token}", "dpop": proof}

    async def _send(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        target = f"{path}?{query}" if query else path
        timeout = PUSH_TIMEOUT_S if query else TIMEOUT_S
        try:
            async with self._http.stream(
                method, target, headers=headers, content=body, timeout=timeout
            ) as answer:
                return await _read_whole(answer)
        except httpx.HTTPError as error:
            raise HubUnreachableError(f"{self.base}: {type(error).__name__}") from error

    def _worth_repeating(self, answer: httpx.Response) -> bool:
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            return False
        code = _object(answer).get("code")
        if code in _RETRY_WITH_NEW_TOKEN:
            self._token = None
            return True
        if code in _RETRY_WITH_HUB_CLOCK:
            self._skew = server_clock_difference(answer, self._clock())
            return True
        return False

    async def _verified(self, answer: httpx.Response, sent: SentRequest) -> bytes:
        request = Message(sent.method, sent.target_uri, headers=sent.headers)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        message = Message(status=answer.status_code, headers=headers, request=request)
        keys = (await self.discover()).keys
        try:
            return verify_response(message, answer.content, keys)
        except SignatureError as error:
            raise AnswerUnverifiedError(error.reason) from error


async def _read_whole(answer: httpx.Response) -> httpx.Response:
    """Read up to `ANSWER_MAX_BYTES` of an answer, not decoded: the digest is over these bytes."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise HubUnreachableError("something between here and the hub compresses its answers")
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.aiter_bytes():
        size += len(chunk)
        if size > ANSWER_MAX_BYTES:
            raise HubUnreachableError(f"the answer is longer than {ANSWER_MAX_BYTES} bytes")
        chunks.append(chunk)
    headers = [line for line in answer.headers.multi_items() if line[0] != "transfer-encoding"]
    return httpx.Response(
        answer.status_code, headers=headers, content=b"".join(chunks), request=answer.request
    )


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _ndjson(rows: Iterable[Mapping[str, Any]]) -> bytes:
    lines = [_json(row) for row in rows]
    body = b"".join(line + b"\n" for line in lines)
    if not lines or len(lines) > PUSH_MAX_ROWS or len(body) > PUSH_MAX_BYTES:
        raise ValueError(
            f"a batch has 1 to {PUSH_MAX_ROWS} rows and at most {PUSH_MAX_BYTES} bytes; "
            f"this one has {len(lines)} rows and {len(body)} bytes: split it"
        )
    return body


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _refused(answer: httpx.Response, sent: SentRequest | None = None) -> CallRefusedError:
    problem = _object(answer)
    code = str(problem.get("code") or problem.get("error") or f"HTTP_{answer.status_code}")
    message = str(problem.get("detail") or problem.get("title") or problem.get("message") or "")
    return CallRefusedError(
        code,
        answer.status_code,
        message,
        sent=sent,
        server_date=answer.headers.get("date", ""),
        problem=problem,
    )
