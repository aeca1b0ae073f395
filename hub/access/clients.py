"""`clients`: registered clients and their keys, and how they are looked up.

- A client is registered by the operator; it acts for one party and may push for named sources. A
  suspended client acts no more until it is resumed, a removed one never again; what it once signed
  stays attributable to it.
- A key is ACTIVE, RETIRED (its overlap is over), REVOKED or LOST; only ACTIVE keys authenticate.
  Keys are never deleted: old signatures must stay attributable.
- A key may have a role: what the person who holds it may do for the client. A client one of whose
  keys has or had a role uses roles: only a DECIDER's key decides for it.
- Revoking or losing a key, suspending, changing and removing a client also move the client's epoch
  (`not_before`): every token issued before is refused, whichever key it was fetched with.
- `ClientDirectory` may be at most `CLIENT_CACHE_S` old: what the operator revokes is refused by
  every worker within five seconds, with or without a message between them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import Protocol

from hub.access.cases import CaseGrant
from hub.access.limits import CLIENT_CACHE_ENTRIES, CLIENT_CACHE_S
from hub.clock import Clock
from hub.crypto.keys import VerifyKey
from hub.errors import ErrorCode, RefusedError


@unique
class ClientKind(Enum):
    """What a client is, as the operator registered it."""

    UNIVERSITY = "UNIVERSITY"
    PARTNER = "PARTNER"
    VOUCHER = "VOUCHER"
    CUSTOMS = "CUSTOMS"
    DEPARTMENT = "DEPARTMENT"
    OPERATOR = "OPERATOR"
    PEER = "PEER"
    """Another hub, which may ask on behalf of its own clients (token exchange, RFC 8693)."""
    SANDBOX = "SANDBOX"


@unique
class ClientStatus(Enum):
    """Whether a client may act at all."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REMOVED = "REMOVED"
    """For ever: neither the client nor its id comes back."""


@unique
class KeyRole(Enum):
    """What the person who holds a key may do for the client."""

    PROPOSER = "PROPOSER"
    """States and asks; what binds others is left to somebody else."""
    DECIDER = "DECIDER"
    """Decides as well: states what binds others."""


@unique
class KeyStatus(Enum):
    """The life of a key; every status but ACTIVE is final."""

    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"
    REVOKED = "REVOKED"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class ClientKey:
    """One registered key of a client. `ended_at` in the future ends an overlap by itself."""

    key: VerifyKey
    client_id: str
    status: KeyStatus
    added_at: datetime
    ended_at: datetime | None = None
    agent: str | None = None
    """Who holds the key for the client's party, where it is not the party itself."""
    use: str = "sig"
    role: KeyRole | None = None

    @property
    def kid(self) -> str:
        """Return the RFC 7638 thumbprint."""
        return self.key.kid

    def active(self, now: datetime) -> bool:
        """Return whether the key authenticates at `now`."""
        return self.status is KeyStatus.ACTIVE and (self.ended_at is None or now < self.ended_at)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. `sources`: ids it may push as. `not_before`: its revocation epoch."""

    client_id: str
    party: str
    kind: ClientKind
    name: str
    scopes: tuple[str, ...]
    sources: tuple[str, ...]
    status: ClientStatus
    created_at: datetime
    not_before: datetime | None = None
    keys: tuple[ClientKey, ...] = ()
    cases: tuple[CaseGrant, ...] = ()

    def key(self, kid: str) -> ClientKey | None:
        """Return this client's key with that thumbprint, whatever its status."""
        return next((key for key in self.keys if key.kid == kid), None)

    @property
    def uses_roles(self) -> bool:
        """Whether one of its keys has or had a role."""
        return any(key.role is not None for key in self.keys)

    def may_bind(self, kid: str) -> bool:
        """Tell whether that key decides for the client."""
        role = self.role_of(kid)
        return may_bind(role and role.value, uses_roles=self.uses_roles)

    def role_of(self, kid: str) -> KeyRole | None:
        """Return the role of this client's key with that thumbprint."""
        key = self.key(kid)
        return None if key is None else key.role


def may_bind(role: str | None, *, uses_roles: bool) -> bool:
    """Tell whether a key of that role decides for its client: the one place that is asked."""
    return role == KeyRole.DECIDER.value or not uses_roles


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientChange:
    """What the operator changes of a client; None leaves what stands."""

    party: str | None = None
    kind: ClientKind | None = None
    name: str | None = None
    scopes: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None


class RegistrationError(ValueError):
    """A registration or a change of keys is not possible; says why and what to do.

    In Chinese and in English: a person gets both, a caller over HTTP those of its language.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en

    def refused(self) -> RefusedError:
        """Return it as what is answered over HTTP."""
        return RefusedError(ErrorCode.BAD_USER_INPUT, hint=self.en, hint_zh=self.zh)


def no_such_client(client_id: str) -> RegistrationError:
    """Say that nobody is registered under an id."""
    return RegistrationError(
        f"没有接入方 {client_id}；`deltahub client list` 列出现有的。",
        f"there is no client {client_id}; `deltahub client list` shows those that are there",
    )


def no_such_sources(missing: Sequence[str]) -> RegistrationError:
    """Say that sources which a client is to push as are not registered."""
    return RegistrationError(
        f"没有这些来源：{'、'.join(missing)}；请先用 `deltahub source add` 登记"
        "（--owner 说明它可以代表谁）。",
        f"no such source: {', '.join(missing)}; make it first with `deltahub source add` "
        "(--owner says for whom it may speak)",
    )


class ClientStore(Protocol):
    """Where registrations live. Every change is committed when the call returns."""

    async def get(self, client_id: str) -> Client | None:
        """Return the client with all its keys, or None."""
        ...

    async def by_kid(self, kid: str) -> Client | None:
        """Return the client that owns the key, whatever the key's status, or None."""
        ...

    async def register(self, client: Client) -> None:
        """Add a client with its keys; RegistrationError when id or a key is known already."""
        ...

    async def add_key(
        self, added: ClientKey, *, retire: str | None = None, overlap_s: float = 0
    ) -> None:
        """Add a key; `retire` names the old one, which stays active for `overlap_s` seconds."""
        ...

    async def revoke_key(self, kid: str, status: KeyStatus, now: datetime) -> None:
        """End a key at once as REVOKED, LOST or RETIRED and, unless RETIRED, move the epoch."""
        ...

    async def retire_key(self, client_id: str, kid: str, now: datetime) -> None:
        """End a client's key as RETIRED; RegistrationError when no other one would be active."""
        ...

    async def change(self, client_id: str, change: ClientChange, now: datetime) -> None:
        """Change a client that is not removed; tokens issued before are refused."""
        ...

    async def set_status(self, client_id: str, status: ClientStatus, now: datetime) -> None:
        """Suspend, resume or remove a client; unless resumed, its epoch moves.

        Removing also ends its keys as RETIRED. RegistrationError for a client that was removed.
        """
        ...

    async def set_epoch(self, client_id: str, not_before: datetime) -> None:
        """Refuse every token of the client that was issued before `not_before`."""
        ...

    async def forget_sandbox(self, most: int) -> None:
        """Delete all sandbox clients but the `most` newest; they sign nothing that is kept."""
        ...

    async def list(self, limit: int = 100, after: str = "") -> Sequence[Client]:
        """Return clients in order of their id, after one of them."""
        ...


class ClientDirectory:
    """A worker's cache of clients, never older than `max_age_s` (seconds)."""

    def __init__(
        self,
        store: ClientStore,
        clock: Clock,
        max_age_s: float = CLIENT_CACHE_S,
        entries: int = CLIENT_CACHE_ENTRIES,
    ) -> None:
        self._store = store
        self._clock = clock
        self._max_age_s = max_age_s
        self._entries = entries
        self._known: OrderedDict[str, tuple[float, Client]] = OrderedDict()

    async def get(self, client_id: str) -> Client | None:
        """Return the client as it was at most `max_age_s` ago. Unknown ids are never cached."""
        now = self._clock().timestamp()
        cached = self._known.get(client_id)
        if cached is not None and 0 <= now - cached[0] < self._max_age_s:
            return cached[1]
        client = await self._store.get(client_id)
        if client is None:
            self._known.pop(client_id, None)
            return None
        self._known[client_id] = (now, client)
        self._known.move_to_end(client_id)
        while len(self._known) > self._entries:
            self._known.popitem(last=False)
        return client

    def forget(self, client_id: str) -> None:
        """Drop a client from the cache; called when it has changed."""
        self._known.pop(client_id, None)
