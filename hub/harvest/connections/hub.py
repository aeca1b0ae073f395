"""`HubConnection`: another hub as a source: private_key_jwt and DPoP, with a key of this hub's own.

[hub]
url = "https://hub.zj.example"          # its public address, as it calls itself
client_id = "cl_…"                      # as what this hub is registered there
key_file = "/etc/hub/keys/zhejiang.pem" # P-256, mode 0600: made by `deltahub client new`
policy = "/etc/hub/peers/zhejiang.policy"   # whose log is trusted, as for `deltahub verify`
keys = "/etc/hub/peers/zhejiang.keys.json"  # its producers' keys, for records that they signed
homes = ["moe:10335"]                   # institutions that state their records there, not here
# or, where their pushes are handed on: homes = { "moe:10335" = "zju" }, their source there
asks_as = "hub-zhejiang"                # as which client it asks here, where both share claims

A token is bound to the key (RFC 9449) and asked for with an assertion that the key signs (RFC
7523), so no secret leaves this machine. Each proof is for one request. What the other side asks for
once more is given once more: its nonce, a new token, its clock where ours is off. Policy and keys
are read when the file is: after a change of theirs, touch it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

from adapters._proof import Judge
from connectors.answer_json import read_answer
from connectors.errors import PayloadError, SourceRefusedError, SourceUnavailableError
from connectors.http.credentials import SAFE
from connectors.http.session import HttpSession
from connectors.http.transport import open_client
from connectors.limits import Limits
from hub.access import assertion, dpop, requester
from hub.access.envelope import Envelope
from hub.access.signatures import MUTATION, sign_request
from hub.clock import Clock, system_clock
from hub.crypto.keys import SigningKey, key_from_pem
from hub.harvest.connections.connection import (
    SourceConnection,
    from_table,
    require_private_file,
)
from hub.harvest.connections.errand import Errand, ErrandAuth, Principal
from hub.harvest.connections.finding import SourceFinding
from hub.harvest.connections.http_reach import reach_http
from hub.harvest.connections.signed_answers import SignedAnswers
from hub.harvest.connections.trusted_log import TrustedLog, read_trusted

__all__ = ["HUB", "HubConnection"]

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
TOKEN_TRIES = 3
"""The first question, one with the nonce that the hub wants, one by the hub's clock."""
SPARE_S = 20
TOKENS_MAX = 256
"""Callers of this hub for whom a token of the other one is kept."""
LIFETIME_S_MAX = 3_600
KEY_BYTES_MAX = 16_384
CLOCK_NOTABLE = timedelta(seconds=5)
UNAUTHORIZED = 401
TOO_MANY, SERVER_ERROR_MIN = 429, 500
LOOPBACK = ("http://127.0.0.1", "http://[::1]", "http://localhost")
AGAIN_BY_ITS_CLOCK = frozenset({"DPOP_TIME", "invalid_client", "invalid_dpop_proof"})


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
    principal: Principal | None = None
    """For whom it asks; None: for itself."""
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
        extensions = {**request.extensions, SAFE: False}  # an assertion is good for once
        return httpx.Request(
            "POST", endpoint, data=form, headers={"DPoP": proof}, extensions=extensions
        )

    def _grant(self, now: datetime) -> dict[str, str]:
        """Return by what a token is asked for: by who we are, or by what we say of a client."""
        who = self.principal
        if who is None:
            return {"grant_type": "client_credentials"}
        said = requester.make(
            self.client_id,
            self.base,
            self.key,
            now,
            subject=who.subject,
            scopes=who.scopes,
            party=who.party,
            act=who.act,
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
    policy: str = ""
    keys: str = ""
    homes: Sequence[str] | Mapping[str, str] = ()
    asks_as: str = ""
    log: TrustedLog | None = field(default=None, init=False, repr=False, compare=False)
    """Its log as it is pinned; None where no policy is named."""
    _tokens: OrderedDict[tuple[Principal, str], HubToken] = field(
        default_factory=OrderedDict, init=False, repr=False, compare=False
    )
    """Tokens for those for whom was asked last, by them and by the key."""
    _answers: SignedAnswers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be right: `ValueError`."""
        given: Any = self  # a file may hold anything
        for name in ("url", "client_id", "key_file"):
            if not isinstance(getattr(given, name), str) or not getattr(given, name):
                raise ValueError(f"[hub] {name} is a text")
        if not self.url.startswith(("https://", *LOOPBACK)):
            raise ValueError("[hub] url begins with https://")
        require_private_file("hub", "key_file", self.key_file)
        told = given.homes
        told = (*told, *told.values()) if isinstance(told, Mapping) else told
        if not isinstance(told, list | tuple) or not all(
            isinstance(each, str) and each for each in told
        ):
            raise ValueError("[hub] homes lists keys of institutions, or names the source of each")
        if not isinstance(given.asks_as, str):
            raise ValueError("[hub] asks_as is the id of a client")  # noqa: TRY004 - one kind
        object.__setattr__(self, "_answers", SignedAnswers(self.url.rstrip("/")))
        if self.keys and not self.policy:
            raise ValueError("[hub] keys are of no use without policy")
        if self.policy:
            object.__setattr__(self, "log", read_trusted(self.policy, self.keys))

    @property
    def judge(self) -> Judge | None:
        """Judges receipts of its log; None where no policy is named."""
        return None if self.log is None else self.log.judge

    @property
    def origins(self) -> frozenset[str]:
        """Names of its logs: by these it is known on the way of a question."""
        return frozenset() if self.log is None else self.log.origins

    @property
    def place(self) -> str:
        """Its address."""
        return self.url

    @property
    def pushed_as(self) -> Mapping[str, str]:
        """The source there of each institution whose pushes here are handed on."""
        return self.homes if isinstance(self.homes, Mapping) else {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """None: the key never leaves the machine, tokens are of no use without it."""
        return ()

    @asynccontextmanager
    async def session(
        self,
        source: str,
        limits: Limits,
        errand: Errand | None = None,
        behalf: Principal | None = None,
    ) -> AsyncIterator[HttpSession]:
        """Keep a client open for as long as the block runs.

        With an errand a question is asked for somebody, within his time; `behalf` alone: for whom
        something is changed there.
        """
        try:
            key = await asyncio.to_thread(_key, Path(self.key_file))
        except (OSError, ValueError) as error:
            raise SourceRefusedError(source, "[hub] key_file is no private P-256 key") from error
        base = self.url.rstrip("/")
        principal = behalf if errand is None else errand.principal
        token = HubToken(source, base, self.client_id, key, principal=principal)
        if principal is not None:
            token = self._token_for(principal, token)
        auth = token if errand is None else ErrandAuth(source, errand, token, key, system_clock)

        async def check(response: httpx.Response, raw: bytes) -> None:
            await self._answers.check(source, limits, response, raw)

        async with open_client(f"{base}/", limits=limits, auth=auth) as client:
            yield HttpSession(source, client, limits, check=check)

    def on_errand(self, errand: Errand) -> SourceConnection:
        """Return the same connection as it is used for one question of somebody."""
        return _HubOnErrand(self, errand)

    def _token_for(self, principal: Principal, new: HubToken) -> HubToken:
        """Return the token that is kept for somebody, or keep a new one."""
        name = principal, new.key.kid
        token = self._tokens.setdefault(name, new)
        self._tokens.move_to_end(name)
        if len(self._tokens) > TOKENS_MAX:
            self._tokens.popitem(last=False)
        return token

    def reach(self, source: str, limits: Limits, clock: Clock) -> AsyncIterator[SourceFinding]:
        """Look at name, certificate and clock."""
        del source
        return reach_http(self.url, None, limits, clock)


@dataclass(frozen=True)
class _HubOnErrand:
    """A hub that is asked for somebody."""

    hub: HubConnection
    errand: Errand

    @property
    def place(self) -> str:
        """Its address."""
        return self.hub.place

    @property
    def secrets(self) -> tuple[str, ...]:
        """None."""
        return self.hub.secrets

    def session(self, source: str, limits: Limits) -> AbstractAsyncContextManager[HttpSession]:
        """Reach it with a token of that somebody, in signed requests."""
        return self.hub.session(source, limits, self.errand)


def _key(file: Path) -> SigningKey:
    with file.open("rb") as opened:
        return key_from_pem(opened.read(KEY_BYTES_MAX))


class _Hub:
    members = frozenset({"hub"})

    def read(self, source: str, content: Mapping[str, Any]) -> HubConnection:
        del source
        return from_table(HubConnection, "hub", content.get("hub"))


HUB = _Hub()
