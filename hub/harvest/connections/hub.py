"""`HubConnection`: another hub as a source: private_key_jwt and DPoP, with a key of this hub's own.

[hub]
url = "https://hub.zj.example"          # its public address, as it calls itself
client_id = "cl_…"                      # as what this hub is registered there
key_file = "/etc/hub/keys/zhejiang.pem" # P-256, mode 0600: made by `deltahub client new`

A token is bound to the key (RFC 9449) and asked for with an assertion that the key signs (RFC
7523), so no secret leaves this machine. Each proof is for one request. What the other side asks for
once more is given once more: its nonce, a new token, its clock where ours is off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

from connectors.answer_json import read_answer
from connectors.errors import PayloadError, SourceRefusedError, SourceUnavailableError
from connectors.http.session import HttpSession
from connectors.http.transport import open_client
from connectors.limits import Limits
from hub.access import assertion, dpop, requester
from hub.access.envelope import Envelope
from hub.access.signatures import MUTATION, sign_request
from hub.clock import Clock, system_clock
from hub.crypto.keys import SigningKey, key_from_pem
from hub.harvest.connections.connection import from_table, require_private_file
from hub.harvest.connections.finding import SourceFinding
from hub.harvest.connections.http_reach import reach_http

__all__ = ["HUB", "HubConnection", "OnBehalf"]

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
TOKEN_TRIES = 3
"""The first question, one with the nonce that the hub wants, one by the hub's clock."""
SPARE_S = 20
LIFETIME_S_MAX = 3_600
KEY_BYTES_MAX = 16_384
CLOCK_NOTABLE = timedelta(seconds=5)
UNAUTHORIZED = 401
TOO_MANY, SERVER_ERROR_MIN = 429, 500
LOOPBACK = ("http://127.0.0.1", "http://[::1]", "http://localhost")
AGAIN_BY_ITS_CLOCK = frozenset({"DPOP_TIME", "invalid_client", "invalid_dpop_proof"})


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """The client of this hub for which it asks: its id, its party, what it may there (RFC 8693)."""

    subject: str
    party: str
    scopes: tuple[str, ...]


@dataclass(repr=False)
class HubToken(httpx.Auth):
    """Sends each request with a token bound to the key and a proof made for it.

    One with an idempotency key may change something there: it is signed as well (RFC 9421).
    """

    source: str
    base: str
    client_id: str
    key: SigningKey
    clock: Clock = system_clock
    behalf: OnBehalf | None = None
    _token: str = field(default="", init=False)
    _until: datetime = field(default=datetime.min.replace(tzinfo=UTC), init=False)
    _nonce: str = field(default="", init=False)
    _skew: timedelta = field(default=timedelta(), init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send with a token, and once more where the hub refused before doing anything."""
        for is_last in (False, True):
            async with self._lock:
                for _ in range(TOKEN_TRIES):
                    if self._now() < self._until:
                        break
                    answer = yield self._token_request(request)
                    await answer.aread()
                    self._take(answer)
            self._prove(request)
            if "idempotency-key" in request.headers:
                self._sign(request)
            response = yield request
            if response.status_code != UNAUTHORIZED or is_last:
                return
            await response.aread()
            self._set_clock(response)
            self._until = datetime.min.replace(tzinfo=UTC)

    def _now(self) -> datetime:
        return self.clock() + self._skew

    def _prove(self, request: httpx.Request) -> None:
        if not self._token:
            raise SourceRefusedError(self.source, "the hub gives no token, however it is asked")
        target = str(request.url.copy_with(query=None, fragment=None))
        proof = dpop.make(self.key, request.method, target, self._now(), token=self._token)
        request.headers["Authorization"] = f"DPoP {self._token}"
        request.headers["DPoP"] = proof

    def _sign(self, request: httpx.Request) -> None:
        target = str(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        envelope = Envelope(request.method, request.url.path, target, target, headers)
        signed, _ = sign_request(envelope, self.key, MUTATION, self._now())
        request.headers.update(signed)

    def _token_request(self, request: httpx.Request) -> httpx.Request:
        endpoint = f"{self.base}{TOKEN_PATH}"
        now = self._now()
        form = {
            **self._grant(now),
            "client_assertion_type": assertion.ASSERTION_TYPE,
            "client_assertion": assertion.make(self.client_id, self.base, self.key, now),
            "resource": self.base,
        }
        proof = dpop.make(self.key, "POST", endpoint, now, nonce=self._nonce or None)
        return httpx.Request(
            "POST", endpoint, data=form, headers={"DPoP": proof}, extensions=request.extensions
        )

    def _grant(self, now: datetime) -> dict[str, str]:
        """Return what is asked for: a token of this hub's own, or one for a client of it."""
        if self.behalf is None:
            return {"grant_type": "client_credentials"}
        said = requester.make(
            self.client_id,
            self.base,
            self.key,
            now,
            subject=self.behalf.subject,
            scopes=self.behalf.scopes,
            party=self.behalf.party,
        )
        return {
            "grant_type": requester.EXCHANGE,
            "subject_token": said,
            "subject_token_type": requester.JWT,
        }

    def _take(self, answer: httpx.Response) -> None:
        """Keep the token of an answer, or what the next question for one needs."""
        self._nonce = answer.headers.get("dpop-nonce", "")
        if answer.status_code >= SERVER_ERROR_MIN or answer.status_code == TOO_MANY:
            says = f"the token endpoint answers status {answer.status_code}"
            raise SourceUnavailableError(self.source, says)
        told = _object(answer)
        if not answer.is_success:
            error = str(told.get("error", ""))[:60]
            if error != "use_dpop_nonce" and not (
                error in AGAIN_BY_ITS_CLOCK and self._set_clock(answer)
            ):
                says = f"the hub refuses client {self.client_id!r}: {error or answer.status_code}"
                raise SourceRefusedError(self.source, says)
            return
        token, seconds = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not token.isascii() or type(seconds) is not int:
            raise PayloadError(self.source, "the token endpoint gave no token")
        self._token = token
        lifetime = min(max(seconds - SPARE_S, 1), LIFETIME_S_MAX)
        self._until = self._now() + timedelta(seconds=lifetime)

    def _set_clock(self, answer: httpx.Response) -> bool:
        """Take over the hub's time where ours is off; return whether that changed anything."""
        try:
            date = parsedate_to_datetime(answer.headers.get("date", ""))
        except ValueError:
            return False
        skew = (date if date.tzinfo else date.replace(tzinfo=UTC)) - self.clock()
        if abs(skew - self._skew) <= CLOCK_NOTABLE:
            return False
        self._skew = skew
        return True


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        value = read_answer(answer.content.decode("utf-8"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True, kw_only=True)
class HubConnection:
    """Where another hub is, and as whom this one comes."""

    url: str
    client_id: str
    key_file: str

    def __post_init__(self) -> None:
        """Refuse what cannot be right: `ValueError`."""
        given: Any = self  # a file may hold anything
        for name in ("url", "client_id", "key_file"):
            if not isinstance(getattr(given, name), str) or not getattr(given, name):
                raise ValueError(f"[hub] {name} is a text")
        if not self.url.startswith(("https://", *LOOPBACK)):
            raise ValueError("[hub] url begins with https://")
        require_private_file("hub", "key_file", self.key_file)

    @property
    def place(self) -> str:
        """Its address."""
        return self.url

    @property
    def secrets(self) -> tuple[str, ...]:
        """None: the key never leaves the machine, tokens are of no use without it."""
        return ()

    @asynccontextmanager
    async def session(
        self, source: str, limits: Limits, behalf: OnBehalf | None = None
    ) -> AsyncIterator[HttpSession]:
        """Keep a client open for as long as the block runs; `behalf`: for whom is asked."""
        try:
            key = await asyncio.to_thread(_key, Path(self.key_file))
        except (OSError, ValueError) as error:
            raise SourceRefusedError(source, "[hub] key_file is no private P-256 key") from error
        base = self.url.rstrip("/")
        auth = HubToken(source, base, self.client_id, key, behalf=behalf)
        async with open_client(f"{base}/", limits=limits, auth=auth) as client:
            yield HttpSession(source, client, limits)

    def reach(self, source: str, limits: Limits, clock: Clock) -> AsyncIterator[SourceFinding]:
        """Look at name, certificate and clock."""
        del source
        return reach_http(self.url, None, limits, clock)


def _key(file: Path) -> SigningKey:
    with file.open("rb") as opened:
        return key_from_pem(opened.read(KEY_BYTES_MAX))


class _Hub:
    members = frozenset({"hub"})

    def read(self, source: str, content: Mapping[str, Any]) -> HubConnection:
        del source
        return from_table(HubConnection, "hub", content.get("hub"))


HUB = _Hub()
