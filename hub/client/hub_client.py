"""`hub_client`: the client of a hub for partners' programs, over httpx.

- `async with HubClient(base, client_id, key) as hub: await hub.query(...)`; no threads, no files.
- Discovery, token, nonce and clock difference are handled inside: at most one repeat per call, and
  only where the hub refused before doing anything.
- A push may be repeated safely with its idempotency key: the caller's, or one made per call.
- Answers to signed requests are verified against the hub's published keys.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from hub.access import dpop
from hub.access.components import Message
from hub.access.content_digest import content_digest
from hub.access.envelope import Envelope
from hub.access.errors import Reason, SignatureError
from hub.access.explain import SentRequest
from hub.access.registration import proof_of_possession
from hub.access.signatures import PUSH, sign_request, verify_response
from hub.client.answers import FetchedReceipt, PushAnswer
from hub.client.discovery import Discovery, discover
from hub.client.errors import AnswerUnverifiedError, ClientError
from hub.client.network import unreachable
from hub.client.token import fetch_token, server_clock_difference
from hub.client.wire import object_of, read_whole, refused, to_json, to_ndjson
from hub.clock import Clock, system_clock
from hub.crypto.keys import SigningKey

TIMEOUT_S = 30.0
PUSH_TIMEOUT_S = 120.0
RECEIPT_WAIT_S = 10.0
RECEIPT_POLL_S = 0.25
_TOKEN_SPARE_S = 20
_RETRY_WITH_NEW_TOKEN = frozenset({"TOKEN_EXPIRED", "TOKEN_REVOKED", "TOKEN_INVALID"})
_RETRY_WITH_HUB_CLOCK = frozenset({"DPOP_TIME", "SIG_FUTURE", "SIG_EXPIRED"})
_NDJSON = "application/x-ndjson"
_DOCUMENTS = "/clients/self/documents"
_JSON_TYPE = "application/json"


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
        try:
            self._http = httpx.AsyncClient(
                base_url=self.base,
                transport=transport,
                timeout=TIMEOUT_S,
                follow_redirects=False,
                headers={"accept-encoding": "identity"},
            )
        except httpx.InvalidURL as error:
            raise unreachable(self.base, error) from error
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
        body = to_json({name: value for name, value in request.items() if value is not None})
        headers = {
            "content-type": "application/json",
            "accept": "application/graphql-response+json, application/json;q=0.9",
            "accept-language": language,
        }
        answer = await self._call("POST", "/graphql", headers, body)
        result = object_of(answer)
        # With graphql-response+json a refused document is an error status with `errors` inside.
        if answer.is_error and "errors" not in result:
            raise refused(answer)
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
        body = to_ndjson(rows)
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
            raise refused(answer, sent)
        base = await self._verified(answer, sent)
        return PushAnswer(answer.status_code, object_of(answer), key, base)

    async def quarantine(
        self, *, source: str, after: str | None = None, first: int = 100
    ) -> dict[str, Any]:
        """Return rows of one's own that wait, each with its reasons; `after` goes on after one."""
        query = {"source": source, "first": str(first), **({"after": after} if after else {})}
        accept = {"accept": "application/json"}
        asked = str(httpx.QueryParams(query))
        answer = await self._call("GET", "/quarantine", accept, b"", asked)
        if answer.is_error:
            raise refused(answer)
        return object_of(answer)

    async def receipt(self, entry_id: str, *, wait_s: float = RECEIPT_WAIT_S) -> str:
        """Return the receipt of an entry as `tlog-proof` text, for `deltahub verify`.

        The log signs about once a second: waits up to `wait_s` seconds for it, then raises
        ClientError RECEIPT_PENDING.
        """
        return (await self.receipt_today(entry_id, wait_s=wait_s)).text

    async def receipt_today(
        self, entry_id: str, *, wait_s: float = RECEIPT_WAIT_S
    ) -> FetchedReceipt:
        """Return a receipt like `receipt`, and whether its source still says so."""
        path = f"/receipts/{quote(entry_id, safe='')}"
        waited = 0.0
        while True:
            answer = await self._call("GET", path, {"accept": "text/plain"}, b"")
            if answer.is_error:
                raise refused(answer)
            if answer.status_code != httpx.codes.ACCEPTED:
                headers = answer.headers
                standing = headers.get("hub-record-standing", "")
                return FetchedReceipt(answer.text, standing, headers.get("hub-record-successor"))
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
            raise refused(answer)
        return answer.content

    async def audit(self, after: str = "0") -> dict[str, Any]:
        """Return the audit's rows about this client's party and its records, after one of them."""
        return await self._look(f"/audit?after={quote(after, safe='')}")

    async def policy(self) -> str:
        """Return the policy file of the hub's log; pin it once, at registration."""
        answer = await self._call("GET", "/log/policy", {"accept": "text/plain"}, b"")
        if answer.is_error:
            raise refused(answer)
        return answer.text

    async def relay(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> httpx.Response:
        """Send any request, POST and DELETE signed; return the answer as it came, whatever it says.

        `target`: path and query. The answer to a signed request is verified; one without a
        signature is accepted only where it is a refusal.
        """
        path, _, query = target.partition("?")
        if method not in {"POST", "DELETE"}:
            return await self._call(method, path, dict(headers), body, query)
        digest = {"content-digest": content_digest(body)}
        key = {"idempotency-key": secrets.token_urlsafe(18)}
        answer, sent = await self._signed(path, query, {**key, **headers, **digest}, body, method)
        if not answer.is_error or "signature" in answer.headers:
            await self._verified(answer, sent)
        return answer

    async def registration(self) -> dict[str, Any]:
        """Return what is registered of this client: party, scopes, sources, keys."""
        return await self._look("/clients/self")

    async def _look(self, path: str) -> dict[str, Any]:
        answer = await self._call("GET", path, {"accept": _JSON_TYPE}, b"")
        if answer.is_error:
            raise refused(answer)
        return object_of(answer)

    async def add_key(
        self, new: SigningKey, *, replaces: str | None = None, agent: str | None = None
    ) -> dict[str, Any]:
        """Register another key, in a request that the present one signs; return what stands then.

        `replaces`: a key that ends after the overlap. `agent`: whose key it is, if not the party's.
        """
        issuer = (await self.discover()).issuer
        document = {
            "jwk": dict(new.public.jwk),
            "proof": proof_of_possession(self.client_id, issuer, new, self._now()),
            "replaces": replaces,
            "agent": agent,
        }
        stated = {name: part for name, part in document.items() if part is not None}
        return await self._change_keys("POST", "/clients/self/keys", to_json(stated))

    async def rotate(self, new: SigningKey) -> dict[str, Any]:
        """Register a new key and use it from now on; the old one is good for the overlap."""
        registered = await self.add_key(new, replaces=self.key.kid)
        self.key = new
        self._token = None
        return registered

    async def retire_key(self, kid: str) -> dict[str, Any]:
        """End one of this client's keys at once; return what stands then."""
        return await self._change_keys("DELETE", f"/clients/self/keys/{quote(kid, safe='')}", b"")

    async def documents(self) -> list[dict[str, Any]]:
        """Return the documents that this client has registered for itself."""
        return list((await self._look(_DOCUMENTS))["documents"])

    async def register_document(self, text: str, name: str | None = None) -> dict[str, Any]:
        """Register a document, which this client may then run by its id."""
        return await self._change_keys("POST", _DOCUMENTS, to_json({"text": text, "name": name}))

    async def remove_document(self, document_id: str) -> None:
        """Remove a document of this client."""
        await self._change_keys("DELETE", f"{_DOCUMENTS}/{quote(document_id, safe='')}", b"")

    async def _change_keys(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        headers = {
            "content-type": _JSON_TYPE,
            "content-digest": content_digest(body),
            "idempotency-key": secrets.token_urlsafe(18),
        }
        answer, sent = await self._signed(path, "", headers, body, method)
        if answer.is_error:
            raise refused(answer, sent)
        await self._verified(answer, sent)
        return object_of(answer)

    def _now(self) -> datetime:
        return self._clock() + self._skew

    async def _call(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: str = ""
    ) -> httpx.Response:
        """Send with token and proof; once more if the token has ended or the clock was wrong."""
        answer = await self._send(
            method, path, query, await self._with_proof(method, path, headers), body
        )
        if self._worth_repeating(answer):
            again = await self._with_proof(method, path, headers)
            answer = await self._send(method, path, query, again, body)
        return answer

    async def _signed(
        self, path: str, query: str, headers: dict[str, str], body: bytes, method: str = "POST"
    ) -> tuple[httpx.Response, SentRequest]:
        target = self.base + path
        unsigned = Envelope(method, path, target, f"{target}?{query}" if query else target, headers)
        sent = await self._sign(unsigned, body)
        answer = await self._send(method, path, query, dict(sent.headers), body)
        if self._worth_repeating(answer):
            sent = await self._sign(unsigned, body)
            answer = await self._send(method, path, query, dict(sent.headers), body)
        return answer, sent

    async def _sign(self, unsigned: Envelope, body: bytes) -> SentRequest:
        method = unsigned.method
        proven = await self._with_proof(method, unsigned.path, dict(unsigned.headers))
        envelope = replace(unsigned, headers=proven)
        signed, base = sign_request(envelope, self.key, PUSH, self._now())
        every = {**proven, **signed}
        return SentRequest(method, envelope.target_uri, every, body, base.decode("ascii"))

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
                return await read_whole(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self.base, error) from error

    def _worth_repeating(self, answer: httpx.Response) -> bool:
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            return False
        code = object_of(answer).get("code")
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
        for again in (False, True):
            if again:  # the hub may have another key since its keys were read
                self._discovery = None
            keys = (await self.discover()).keys
            try:
                return verify_response(message, answer.content, keys)
            except SignatureError as error:
                if again or error.reason is not Reason.SIG_KEY_UNKNOWN:
                    raise AnswerUnverifiedError(error.reason) from error
        raise AssertionError("the second turn returns or raises")
