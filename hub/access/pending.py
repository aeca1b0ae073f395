"""`pending`: registrations that partners asked for, until the operator has decided.

- Nothing in this table authenticates anybody: a client exists when the operator has approved it.
- One request per key. Who holds the key may ask again at any time and learns what became of it.
- Anybody may ask, so what waits is bounded: when there are more than `PENDING_MAX`, the oldest of
  the address that has most waiting goes, so that a flood pushes out itself and nobody else. What
  waits longer than `PENDING_S` goes as well.
- The address is forgotten when the request is decided.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.clients import Client, RegistrationError
from hub.access.limits import PENDING_MAX, PENDING_S
from hub.access.registration import RegistrationRequest
from hub.crypto.keys import import_jwk
from hub.store.client_tables import CLIENT_KEY, REGISTRATION
from hub.store.database import Database

_LOCK = 0x7265676973  # any constant of our own: one request is counted at a time


@unique
class RequestState(Enum):
    """What became of a request."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingRegistration:
    """A request as it stands. `reason`: why it was refused."""

    request_id: str
    request: RegistrationRequest
    state: RequestState
    requested_at: datetime
    address: str | None = None
    reason: str | None = None
    decided_at: datetime | None = None


class Registrations:
    """What partners asked for, in the table `registration`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(
        self, request: RegistrationRequest, address: str, now: datetime
    ) -> PendingRegistration:
        """Note a request whose sender has proved that the key is his; return how it stands.

        The same key again answers what became of it. RegistrationError when the key is a client's.
        """
        async with self._database.core() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            earlier = await _find(connection, REGISTRATION.c.kid == request.key.kid)
            if earlier:
                return earlier[0]
            taken = select(CLIENT_KEY.c.kid).where(CLIENT_KEY.c.kid == request.key.kid)
            if (await connection.execute(taken)).first() is not None:
                raise RegistrationError(
                    "这把密钥已登记过，请用新密钥申请。",
                    "this key is registered already; ask with a new one",
                )
            asked = PendingRegistration(
                request_id=f"reg-{secrets.token_hex(6)}",
                request=request,
                state=RequestState.PENDING,
                requested_at=now,
                address=address,
            )
            await connection.execute(insert(REGISTRATION).values(_row(asked)))
            await _make_room(connection, now)
        return asked

    async def list(self, state: RequestState | None = None) -> Sequence[PendingRegistration]:
        """Return requests in the order in which they came."""
        async with self._database.core() as connection:
            return await _find(connection, *_of_state(state))

    async def get(self, request_id: str) -> PendingRegistration:
        """Return one request; RegistrationError when there is none with this id."""
        async with self._database.core() as connection:
            found = await _find(connection, REGISTRATION.c.request_id == request_id)
        if not found:
            raise RegistrationError(
                f"没有申请 {request_id}；`deltahub client requests` 列出现有的。",
                f"there is no request {request_id}; `deltahub client requests` lists them",
            )
        return found[0]

    async def decide(
        self, request_id: str, state: RequestState, now: datetime, reason: str | None = None
    ) -> None:
        """Note the operator's decision; RegistrationError when another one was taken before."""
        change = (
            update(REGISTRATION)
            .where(
                REGISTRATION.c.request_id == request_id,
                REGISTRATION.c.state == RequestState.PENDING.value,
            )
            .values(state=state.value, reason=reason, decided_at=now, address=None)
        )
        async with self._database.core() as connection:
            if (await connection.execute(change)).rowcount != 1:
                raise RegistrationError(
                    f"申请 {request_id} 已不在等待决定。",
                    f"{request_id} does not wait for a decision any more",
                )


async def approve(
    registrations: Registrations,
    request_id: str,
    register: Callable[[RegistrationRequest], Awaitable[Client]],
    now: datetime,
) -> Client:
    """Register who waits, as `register` does it, and note that; RegistrationError otherwise."""
    asked = await registrations.get(request_id)
    if asked.state is not RequestState.PENDING:
        raise RegistrationError(
            f"申请 {request_id} 已有决定：{asked.state.value}。",
            f"{request_id} does not wait any more: {asked.state.value}",
        )
    client = await register(asked.request)
    await registrations.decide(request_id, RequestState.APPROVED, now)
    return client


def _of_state(state: RequestState | None) -> tuple[Any, ...]:
    return () if state is None else (REGISTRATION.c.state == state.value,)


async def _make_room(connection: AsyncConnection, now: datetime) -> None:
    """Forget what waits too long, and of too many the oldest of the busiest address."""
    waiting = REGISTRATION.c.state == RequestState.PENDING.value
    old = REGISTRATION.c.requested_at < now - timedelta(seconds=PENDING_S)
    await connection.execute(delete(REGISTRATION).where(waiting, old))
    count = (await connection.execute(select(func.count()).where(waiting))).scalar_one()
    if count > PENDING_MAX:
        await connection.execute(text(_OLDEST_OF_BUSIEST))


_OLDEST_OF_BUSIEST = """
DELETE FROM registration WHERE request_id = (
  SELECT request_id FROM registration JOIN (
    SELECT address, count(*) AS waiting FROM registration WHERE state = 'PENDING' GROUP BY address
  ) busy ON busy.address IS NOT DISTINCT FROM registration.address
  WHERE state = 'PENDING' ORDER BY busy.waiting DESC, requested_at, request_id LIMIT 1)"""


async def _find(connection: AsyncConnection, *conditions: Any) -> Sequence[PendingRegistration]:
    wanted = (
        select(REGISTRATION)
        .where(*conditions)
        .order_by(REGISTRATION.c.requested_at, REGISTRATION.c.request_id)
        .limit(PENDING_MAX)
    )
    return [_pending(row) for row in (await connection.execute(wanted)).mappings()]


def _pending(row: Mapping[Any, Any]) -> PendingRegistration:
    return PendingRegistration(
        request_id=row["request_id"],
        request=RegistrationRequest(
            row["client_id"],
            row["name"],
            import_jwk(row["jwk"]),
            tuple(row["scopes"]),
            tuple(row["sources"]),
        ),
        state=RequestState(row["state"]),
        requested_at=row["requested_at"],
        address=row["address"],
        reason=row["reason"],
        decided_at=row["decided_at"],
    )


def _row(pending: PendingRegistration) -> dict[str, Any]:
    request = pending.request
    return {
        "request_id": pending.request_id,
        "client_id": request.client_id,
        "name": request.name,
        "kid": request.key.kid,
        "jwk": request.key.jwk,
        "scopes": list(request.scopes),
        "sources": list(request.sources),
        "state": pending.state.value,
        "address": pending.address,
        "requested_at": pending.requested_at,
    }
