"""`push`: rows that a caller sends for a source of its own, as a batch; the same at every door.

- The caller was let in by `hub.access.gate` with a signed request; what came with it is evidence.
- A push needs the scope `records:push`; a row that withdraws needs `records:withdraw` as well.
- The endpoint that reads the rows bounds how many come at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.access.gate import Signed
from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.errors import ErrorCode, RefusedError
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Idempotency, RequestSignature

PUSH_SCOPE = Scope.RECORDS_PUSH.value
WITHDRAW_SCOPE = Scope.RECORDS_WITHDRAW.value


class PushScopeError(RefusedError):
    """The caller may not send such rows at all."""

    def __init__(self, scope: str, what: str) -> None:
        super().__init__(
            ErrorCode.SCOPE_MISSING,
            hint=f"{what} needs the scope {scope}.",
            hint_zh=f"需要权限范围 {scope}，请向平台运营方申请。",
        )
        self.scope = scope


@dataclass(frozen=True, kw_only=True, slots=True)
class Push:
    """What somebody sends. `as_of`: when the source knew it; None: now."""

    source: str
    rows: Sequence[Any]
    dry_run: bool = False
    as_of: datetime | None = None


def check_source(caller: Caller, source: str) -> None:
    """Refuse a caller that may not speak for a source, before its rows are read."""
    if PUSH_SCOPE not in caller.scopes:
        raise PushScopeError(PUSH_SCOPE, "A push")
    if source not in caller.sources:
        raise RefusedError(
            ErrorCode.SOURCE_FORBIDDEN,
            hint=f"You may push as: {', '.join(sorted(caller.sources)) or 'no source'}.",
            hint_zh=f"可以代表的来源：{'、'.join(sorted(caller.sources)) or '无'}。",
        )


def batch_of(caller: Caller, signed: Signed, push: Push, now: datetime) -> Batch:
    """Return the batch of a push; RefusedError where the caller may not send it."""
    assert caller.client_id is not None, "who signs has a client"
    assert caller.party is not None, "a client acts for a party"
    check_source(caller, push.source)
    if WITHDRAW_SCOPE not in caller.scopes and any(map(_withdraws, push.rows)):
        raise PushScopeError(WITHDRAW_SCOPE, "A withdrawal")
    return Batch(
        source=push.source,
        party=caller.party,
        client_id=caller.client_id,
        channel=Channel.PUSH,
        rows=push.rows,
        evidence=Evidence(
            assurance=Assurance.REQUEST_SIGNED, request=request_signature(caller, signed)
        ),
        as_of=now if push.as_of is None else min(push.as_of, now),
        idempotency=Idempotency(key=signed.idempotency_key, body_hash=signed.body_hash),
        dry_run=push.dry_run,
        caller=caller,
        said_at=push.as_of,
    )


def request_signature(caller: Caller, signed: Signed) -> RequestSignature:
    """Return a request's signature as evidence, with the role that the key had when it signed."""
    evidence = signed.evidence
    role = caller.client.role_of(evidence.kid) if caller.client is not None else None
    return RequestSignature(
        evidence.base.decode("ascii"), evidence.signature, evidence.kid, role and role.value
    )


def _withdraws(row: Any) -> bool:
    return isinstance(row, dict) and "withdraw" in row
