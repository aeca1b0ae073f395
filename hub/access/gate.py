"""`gate`: authenticates and authorises a request, in one order for every door.

A door is an entry point for requests: GraphQL, batches, receipts. It states what it requires:

    return await gate.through(access, request, DOOR, work, read)

1. Envelope: method, address and headers as received; each header of `envelope.ONCE` at most once.
2. Token and DPoP proof; the client is active, its key has not ended; the proof is used up. Then
   the request is counted (`hub.access.rates`).
3. A caller without a token is refused unless the door takes anonymous callers; then the scope.
4. The door's check of the headers, before a byte of the body is read; then the body, bounded.
5. Signature, digest of the body, one use of the nonce. A signature that is sent is always verified,
   whatever the method and even where none is required; an invalid one is refused.

- Each step is cheaper than the next or protects it from strangers. The first failure is the answer.
- A refusal before step 5 is answered unsigned; every answer after it is signed, whatever it says,
  if the request was.
- What depends on the content of the body (a scope for a field, a source for a row) is checked after
  the gate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hub.access.envelope import Envelope
from hub.access.errors import AccessError, Reason, TokenError
from hub.access.limits import DIGEST_OFF_LOOP_BYTES
from hub.access.rates import ADDRESS, CLIENT, STANDING
from hub.access.resource import Caller
from hub.access.service import Access
from hub.access.signatures import Operation, SignatureEvidence
from hub.errors import ErrorCode, HubError, RateLimitedError, RefusedError
from hub.problem import problem
from hub.watching.notes import note_client, note_refusal

Read = Callable[[Request], Awaitable[bytes]]
"""Reads a body, and never more of it than the door takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """What a kind of request must bring."""

    operation: Operation
    """What its signature covers."""
    is_signed: bool = False
    """Whether it must be signed."""
    takes_anonymous: bool = False
    """Whether a caller without a token is admitted, if the operator allows anonymous reads."""
    scope: str | None = None
    """The scope that every caller needs."""
    check: Callable[[Envelope], None] | None = None
    """Raises for headers that the door does not accept."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request was signed with."""

    evidence: SignatureEvidence
    body_hash: bytes
    """SHA-256 of address and body: an idempotency key may be used again with the same only."""
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """An admitted request: who calls, with which rights, what they sent and signed."""

    envelope: Envelope
    caller: Caller
    body: bytes
    signed: Signed | None


async def admit(access: Access, request: Request, door: Door, read: Read | None = None) -> Admitted:
    """Admit a request, or raise AccessError or RefusedError of the first step that fails.

    Without `read` the door takes no body: a signature must be over an empty one.
    """
    envelope = access.envelope(request.scope)
    caller = await access.authenticate(envelope)
    note_client(caller.client_id or "anonymous")
    if caller.client_id is None:
        access.rates.count(request.scope, ADDRESS)
    else:
        access.rates.count(request.scope, CLIENT, caller.client_id)
    _check_rights(caller, door)
    if door.check is not None:
        door.check(envelope)
    body = b"" if read is None else await read(request)
    headers = envelope.headers
    if not (door.is_signed or "signature" in headers or "signature-input" in headers):
        return Admitted(envelope, caller, body, None)
    evidence = await access.check_signature(envelope, body, caller, door.operation)
    hashed = await _hash(envelope.target_uri, body)
    key = headers.get("idempotency-key", "").strip('"')
    return Admitted(envelope, caller, body, Signed(evidence, hashed, key))


async def _hash(target: str, body: bytes) -> bytes:
    def hashed() -> bytes:
        made = sha256(target.encode() + b"\n")
        made.update(body)
        return made.digest()

    big = len(body) > DIGEST_OFF_LOOP_BYTES
    return await asyncio.to_thread(hashed) if big else hashed()


def _check_rights(caller: Caller, door: Door) -> None:
    if caller.anonymous and not door.takes_anonymous:
        raise TokenError(Reason.TOKEN_MISSING)
    if door.scope is not None and door.scope not in caller.scopes:
        raise RefusedError(
            ErrorCode.SCOPE_MISSING,
            hint=f"This needs the scope {door.scope}.",
            hint_zh=f"需要权限范围 {door.scope}，请向平台运营方申请。",
        )


def refused(access: Access, error: AccessError, request: Request, door: Door) -> Response:
    """Return the answer to a request that `admit` refused with an AccessError."""
    note_refusal(error.reason.name)
    if STANDING not in request.scope:  # nobody in particular: it counts for the address
        try:
            access.rates.count(request.scope, ADDRESS)
        except RateLimitedError as limited:
            return problem(limited, request.headers.get("accept-language", ""))
    try:
        envelope = access.envelope(request.scope)
    except AccessError:
        envelope = None
    language = request.headers.get("accept-language", "")
    return access.refusal(error, envelope, door.operation, language=language)


Work = Callable[[Admitted], Awaitable[Response]]
"""Answers an admitted request; an error of the hub that comes out becomes its answer."""


async def through(
    access: Access, request: Request, door: Door, work: Work, read: Read | None = None
) -> Response:
    """Let a request in, have it answered, and sign the answer; every failure is an answer too."""
    language = request.headers.get("accept-language", "")
    try:
        admitted = await admit(access, request, door, read)
    except AccessError as error:
        return refused(access, error, request, door)
    except HubError as error:
        return problem(error, language)
    except ClientDisconnect:
        return Response(status_code=400)
    try:
        answer = await work(admitted)
    except HubError as error:
        answer = problem(error, language)
    return answered(access, admitted, answer)


def answered(access: Access, admitted: Admitted, response: Response) -> Response:
    """Return the answer to send: signed if the request was signed."""
    return response if admitted.signed is None else access.sign(admitted.envelope, response)
