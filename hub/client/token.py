"""`token`: fetching a token: client assertion, DPoP proof, the server's nonce, its clock.

- At most three requests: the first, one with the nonce that the hub asks for, and one with the
  hub's time when the local clock is more than five seconds off.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from hub.access import assertion, dpop
from hub.client.discovery import Discovery
from hub.client.errors import CallRefusedError, HubUnreachableError
from hub.client.network import unreachable
from hub.clock import Clock
from hub.crypto.keys import SigningKey
from schema.strict_json import read_json

_TRIES = 3
_NOTABLE = timedelta(seconds=5)
_CLOCK_ERRORS = frozenset({"invalid_client", "invalid_dpop_proof"})


async def fetch_token(
    http: httpx.AsyncClient,
    hub: Discovery,
    client_id: str,
    key: SigningKey,
    clock: Clock,
    skew: timedelta,
) -> tuple[str, int, timedelta]:
    """Return a token, its lifetime in seconds, and how far the hub's clock is ahead of ours."""
    nonce: str | None = None
    answer = None
    for _ in range(_TRIES):
        answer = await _request_token(http, hub, client_id, key, (clock() + skew, nonce))
        if answer.is_success:
            return _token_of(answer, skew)
        error = _error_of(answer)
        difference = server_clock_difference(answer, clock())
        if error == "use_dpop_nonce" and "dpop-nonce" in answer.headers:
            nonce = answer.headers["dpop-nonce"]
        elif error in _CLOCK_ERRORS and abs(difference - skew) > _NOTABLE:
            skew = difference
            nonce = answer.headers.get("dpop-nonce", nonce)
        else:
            break
    assert answer is not None, "at least one request was made"
    raise CallRefusedError(_error_of(answer), answer.status_code)


def server_clock_difference(answer: httpx.Response, now: datetime) -> timedelta:
    """Return how far the server's Date is ahead of `now`; zero when the answer has no Date."""
    try:
        date = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return timedelta()
    return (date if date.tzinfo else date.replace(tzinfo=UTC)) - now


async def _request_token(
    http: httpx.AsyncClient,
    hub: Discovery,
    client_id: str,
    key: SigningKey,
    when: tuple[datetime, str | None],
) -> httpx.Response:
    now, nonce = when
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": assertion.ASSERTION_TYPE,
        "client_assertion": assertion.make(client_id, hub.issuer, key, now),
        "resource": hub.resource,
    }
    proof = dpop.make(key, "POST", hub.token_endpoint, now, nonce=nonce)
    try:
        return await http.post(hub.token_endpoint, data=form, headers={"DPoP": proof})
    except httpx.HTTPError as error:
        raise unreachable(hub.token_endpoint, error) from error


def _token_of(answer: httpx.Response, skew: timedelta) -> tuple[str, int, timedelta]:
    try:
        body = read_json(answer.content.decode("utf-8"))
        return str(body["access_token"]), int(body["expires_in"]), skew
    except (ValueError, KeyError, TypeError) as error:
        raise HubUnreachableError("the token endpoint's answer cannot be read") from error


def _error_of(answer: httpx.Response) -> str:
    try:
        body = read_json(answer.content.decode("utf-8"))
    except ValueError:
        return f"HTTP_{answer.status_code}"
    if not isinstance(body, dict):
        return f"HTTP_{answer.status_code}"
    return str(body.get("error") or body.get("code") or f"HTTP_{answer.status_code}")
