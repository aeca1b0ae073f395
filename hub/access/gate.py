"""`gate`: who comes in by a door, with which rights and what evidence: one order for all doors.

    came_in = await gate.admit(access, request, DOOR, read)

1. Envelope: method, address and headers as received; a header that proves comes once.
2. Token and DPoP proof; the client is active, its key has not ended; the proof is used up.
3. Nobody without a token passes a door that does not let them; then the door's scope.
4. What the door asks of the headers, before a byte of the body is read; then the body, bounded.
5. Signature, digest of the body, one use of the nonce. A signature that is sent is always verified,
   also where none is asked for and whatever the method: one that does not hold is refused.

- Each step is cheaper than the next or keeps strangers from it; the first that fails answers.
- What is refused before step 5 is answered unsigned; `answered` signs every answer after it.
- A door states what it asks for and decides none of this; what depends on the content of the body
  (a scope for a field, a source for a row) comes after the gate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from hub.access.envelope import Envelope
from hub.access.errors import AccessError, Reason, TokenError
from hub.access.resource import Caller
from hub.access.service import Access
from hub.access.signatures import Operation, SignatureEvidence
from hub.errors import ErrorCode, RefusedError

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
    """Whether somebody without a token may come in, where the operator allows that at all."""
    scope: str | None = None
    """Without which nobody comes in."""
    check: Callable[[Envelope], None] | None = None
    """Refuses by the headers what the door cannot read."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request was signed with."""

    evidence: SignatureEvidence
    body_hash: bytes
    """Of the address and the body: what one use of an idempotency key stands for."""
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that came in: who calls, with which rights, what they sent and signed."""

    envelope: Envelope
    caller: Caller
    body: bytes
    signed: Signed | None


async def admit(access: Access, request: Request, door: Door, read: Read | None = None) -> Admitted:
    """Let a request in; AccessError or RefusedError where it may not, by the first step that fails.

    Without `read` the door takes no body: a signature must be over an empty one.
    """
    envelope = access.envelope(request.scope)
    caller = await access.authenticate(envelope)
    _check_rights(caller, door)
    if door.check is not None:
        door.check(envelope)
    body = b"" if read is None else await read(request)
    headers = envelope.headers
    if not (door.is_signed or "signature" in headers or "signature-input" in headers):
        return Admitted(envelope, caller, body, None)
    evidence = await access.check_signature(envelope, body, caller, door.operation)
    hashed = sha256(envelope.target_uri.encode() + b"\n" + body).digest()
    key = headers.get("idempotency-key", "").strip('"')
    return Admitted(envelope, caller, body, Signed(evidence, hashed, key))


def _check_rights(caller: Caller, door: Door) -> None:
    if caller.anonymous and not door.takes_anonymous:
        raise TokenError(Reason.TOKEN_MISSING)
    if door.scope is not None and door.scope not in caller.scopes:
        raise RefusedError(ErrorCode.SCOPE_MISSING, hint=f"This needs the scope {door.scope}.")


def refused(access: Access, error: AccessError, request: Request, door: Door) -> Response:
    """Return the answer to a request that the gate did not let in."""
    try:
        envelope = access.envelope(request.scope)
    except AccessError:
        envelope = None
    return access.refusal(error, envelope, door.operation)


def answered(access: Access, admitted: Admitted, response: Response) -> Response:
    """Return an answer as it goes out: signed where the request was."""
    return response if admitted.signed is None else access.sign(admitted.envelope, response)
