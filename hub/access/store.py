"""`store`: registrations of clients and their keys in PostgreSQL (tables `client`, `client_key`).

- One transaction per change; revoking a key and moving the client's epoch is one change.
- A key belongs to one client for ever: its thumbprint is the primary key.
- At most `KEYS_PER_CLIENT` active keys per client, counted under a lock on the client's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.cases import BY_CASE, CaseGrant
from hub.access.clients import (
    Client,
    ClientChange,
    ClientKey,
    ClientKind,
    ClientStatus,
    KeyRole,
    KeyStatus,
    RegistrationError,
    no_such_client,
    no_such_sources,
)
from hub.access.limits import KEYS_PER_CLIENT
from hub.crypto.keys import KeyCache, import_jwk
from hub.store.client_tables import CLIENT, CLIENT_CASE, CLIENT_DOCUMENT, CLIENT_KEY
from hub.store.database import Database
from hub.store.tables import SOURCE

LIST_MAX = 1_000


class DatabaseClientStore:
    """`ClientStore` on the hub's database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys = KeyCache()

    async def get(self, client_id: str) -> Client | None:
        """Return the client with all its keys, or None; see `ClientStore.get`.

        Every active client is asked for every few seconds, so this is one prepared statement.
        """
        rows = await self._database.reads.fetch_all(_CLIENT_AND_KEYS, (client_id,))
        if not rows:
            return None
        keys = [
            _key(dict(zip(_KEY_COLUMNS, row[-len(_KEY_COLUMNS) :], strict=True)), self._keys)
            for row in rows
            if row[-1] is not None
        ]
        client = _client(dict(zip(_CLIENT_COLUMNS, rows[0], strict=False)), keys)
        if BY_CASE.isdisjoint(client.scopes):
            return client
        cases = await self._database.reads.fetch_all(_CASES, (client_id,))
        return replace(client, cases=tuple(_case(*case) for case in cases))

    async def grant_case(self, client_id: str, case: CaseGrant, now: datetime) -> None:
        """Give a scope for a case, in place of a case that the client had for it."""
        if case.scope not in BY_CASE:
            raise RegistrationError(
                f"权限范围 {case.scope} 不按案授予。", f"{case.scope} is not given by case"
            )
        async with self._database.core() as connection:
            await _lock(connection, client_id)
            await connection.execute(
                update(CLIENT)
                .where(
                    CLIENT.c.client_id == client_id,
                    func.array_position(CLIENT.c.scopes, case.scope).is_(None),
                )
                .values(scopes=func.array_append(CLIENT.c.scopes, case.scope))
            )
            row = _case_row(client_id, case, now)
            await connection.execute(
                postgresql.insert(CLIENT_CASE)
                .values(row)
                .on_conflict_do_update(index_elements=["client_id", "scope"], set_=row)
            )

    async def by_kid(self, kid: str) -> Client | None:
        """Return the owner of a key; see `ClientStore.by_kid`."""
        owner = select(CLIENT_KEY.c.client_id).where(CLIENT_KEY.c.kid == kid).scalar_subquery()
        async with self._database.core() as connection:
            clients = await _clients(connection, CLIENT.c.client_id == owner, 1)
        return clients[0] if clients else None

    async def register(self, client: Client) -> None:
        """Add a client with its keys; see `ClientStore.register`."""
        try:
            async with self._database.core() as connection:
                await _need_sources(connection, client.sources)
                await connection.execute(insert(CLIENT).values(_row(client)))
                for key in client.keys:
                    await connection.execute(insert(CLIENT_KEY).values(_key_row(key)))
                for case in client.cases:
                    row = _case_row(client.client_id, case, client.created_at)
                    await connection.execute(insert(CLIENT_CASE).values(row))
        except IntegrityError as error:
            raise RegistrationError(
                "接入方编号或其密钥已登记过；请换一个编号，或生成新密钥。",
                "this client id or one of its keys is registered already; choose another id, "
                "or make a new key",
            ) from error

    async def add_key(
        self, added: ClientKey, *, retire: str | None = None, overlap_s: float = 0
    ) -> None:
        """Add a key beside the old one; see `ClientStore.add_key`."""
        client_id, now = added.client_id, added.added_at
        try:
            async with self._database.core() as connection:
                await _lock(connection, client_id)
                if await _active_keys(connection, client_id, now) >= KEYS_PER_CLIENT:
                    raise RegistrationError(
                        f"一个接入方至多 {KEYS_PER_CLIENT} 把有效密钥，请先停用一把。",
                        f"a client has at most {KEYS_PER_CLIENT} active keys; retire one first",
                    )
                await connection.execute(insert(CLIENT_KEY).values(_key_row(added)))
                if retire is not None:
                    await _end(connection, client_id, retire, now + timedelta(seconds=overlap_s))
        except IntegrityError as error:
            raise RegistrationError(
                "这把密钥已登记过，请生成新的。", "this key is registered already; make a new one"
            ) from error

    async def revoke_key(self, kid: str, status: KeyStatus, now: datetime) -> None:
        """End a key at once; see `ClientStore.revoke_key`."""
        if status is KeyStatus.ACTIVE:
            raise RegistrationError(
                "密钥不能被“吊销”为 ACTIVE，请登记新密钥。",
                "a key cannot be revoked into ACTIVE; register a new key",
            )
        change = (
            update(CLIENT_KEY)
            .where(CLIENT_KEY.c.kid == kid, CLIENT_KEY.c.status == KeyStatus.ACTIVE.value)
            .values(status=status.value, ended_at=now)
            .returning(CLIENT_KEY.c.client_id)
        )
        async with self._database.core() as connection:
            client_id = (await connection.execute(change)).scalar_one_or_none()
            if client_id is None:
                raise RegistrationError(
                    "没有指纹如此的有效密钥；`deltahub client list` 列出全部。",
                    "no active key has this thumbprint; `deltahub client list` shows all",
                )
            if status is not KeyStatus.RETIRED:
                await connection.execute(_epoch(client_id, now))

    async def retire_key(self, client_id: str, kid: str, now: datetime) -> None:
        """End one of several keys; see `ClientStore.retire_key`."""
        change = _active(client_id, now).where(CLIENT_KEY.c.kid == kid)
        async with self._database.core() as connection:
            await _lock(connection, client_id)
            if await _active_keys(connection, client_id, now) == 1:
                raise RegistrationError(
                    "这是唯一的有效密钥，请先添加另一把。",
                    "this is the only active key; add another one first",
                )
            ended = await connection.execute(
                change.values(status=KeyStatus.RETIRED.value, ended_at=now)
            )
            if ended.rowcount != 1:
                raise RegistrationError("不是有效密钥。", "this is no active key of the client")

    async def change(self, client_id: str, change: ClientChange, now: datetime) -> None:
        """Change what stands of a client; see `ClientStore.change`."""
        values = {
            "party": change.party,
            "kind": None if change.kind is None else change.kind.value,
            "name": change.name,
            "scopes": None if change.scopes is None else list(change.scopes),
            "sources": None if change.sources is None else list(change.sources),
        }
        stated = {name: value for name, value in values.items() if value is not None}
        async with self._database.core() as connection:
            await _lock(connection, client_id)
            await _need_sources(connection, change.sources or ())
            one = update(CLIENT).where(CLIENT.c.client_id == client_id)
            await connection.execute(one.values(stated))
            await connection.execute(_epoch(client_id, now))

    async def set_status(self, client_id: str, status: ClientStatus, now: datetime) -> None:
        """Suspend, resume or remove; see `ClientStore.set_status`."""
        async with self._database.core() as connection:
            await _lock(connection, client_id)
            one = update(CLIENT).where(CLIENT.c.client_id == client_id)
            await connection.execute(one.values(status=status.value))
            if status is not ClientStatus.ACTIVE:
                await connection.execute(_epoch(client_id, now))
            if status is ClientStatus.REMOVED:
                ended = _active(client_id, now)
                await connection.execute(ended.values(status=KeyStatus.RETIRED.value, ended_at=now))
                await connection.execute(_documents_of([client_id]))

    async def set_epoch(self, client_id: str, not_before: datetime) -> None:
        """Refuse tokens issued before; an epoch never moves back."""
        async with self._database.core() as connection:
            await connection.execute(_epoch(client_id, not_before))

    async def forget_sandbox(self, most: int) -> None:
        """Delete the oldest sandbox clients; see `ClientStore.forget_sandbox`."""
        oldest = (
            select(CLIENT.c.client_id)
            .where(CLIENT.c.kind == ClientKind.SANDBOX.value)
            .order_by(CLIENT.c.created_at.desc(), CLIENT.c.client_id)
            .offset(most)
            .scalar_subquery()
        )
        async with self._database.core() as connection:
            gone = delete(CLIENT).where(CLIENT.c.client_id.in_(oldest))
            ids = list((await connection.execute(gone.returning(CLIENT.c.client_id))).scalars())
            await connection.execute(delete(CLIENT_KEY).where(CLIENT_KEY.c.client_id.in_(ids)))
            await connection.execute(_documents_of(ids))

    async def list(self, limit: int = 100, after: str = "") -> Sequence[Client]:
        """Return clients in order of their id; see `ClientStore.list`."""
        async with self._database.core() as connection:
            return await _clients(connection, CLIENT.c.client_id > after, min(limit, LIST_MAX))


_CLIENT_COLUMNS = [column.name for column in CLIENT.columns]
_KEY_COLUMNS = ("client_id", "status", "added_at", "ended_at", "agent", "role", "jwk")
_CLIENT_AND_KEYS = (
    f"SELECT {', '.join(f'c.{name}' for name in _CLIENT_COLUMNS)},"  # noqa: S608 - own names
    f" {', '.join(f'k.{name}' for name in _KEY_COLUMNS)} FROM client c LEFT JOIN client_key k"
    " USING (client_id) WHERE c.client_id = %s ORDER BY k.added_at, k.kid"
)


_CASES = "SELECT scope, case_no, purpose, until FROM client_case WHERE client_id = %s"


def _case(scope: str, case_no: str, purpose: str, until: datetime) -> CaseGrant:
    return CaseGrant(scope=scope, case_no=case_no, purpose=purpose, until=until)


def _case_row(client_id: str, case: CaseGrant, now: datetime) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "scope": case.scope,
        "case_no": case.case_no,
        "purpose": case.purpose,
        "until": case.until,
        "granted_at": now,
    }


async def _clients(connection: AsyncConnection, condition: Any, limit: int) -> Sequence[Client]:
    wanted = select(CLIENT).where(condition).order_by(CLIENT.c.client_id).limit(limit)
    rows = (await connection.execute(wanted)).mappings().all()
    ids = [row["client_id"] for row in rows]
    keys: dict[str, list[ClientKey]] = {client_id: [] for client_id in ids}
    owned = (
        select(CLIENT_KEY)
        .where(CLIENT_KEY.c.client_id.in_(ids))
        .order_by(CLIENT_KEY.c.added_at, CLIENT_KEY.c.kid)
    )
    for row in (await connection.execute(owned)).mappings():
        keys[row["client_id"]].append(_key(row))
    return [_client(row, keys[row["client_id"]]) for row in rows]


def _key(row: Any, cache: KeyCache | None = None) -> ClientKey:
    return ClientKey(
        import_jwk(row["jwk"]) if cache is None else cache.get(row["jwk"]),
        row["client_id"],
        KeyStatus(row["status"]),
        row["added_at"],
        row["ended_at"],
        row["agent"],
        role=None if row["role"] is None else KeyRole(row["role"]),
    )


def _client(row: Any, keys: list[ClientKey]) -> Client:
    return Client(
        client_id=row["client_id"],
        party=row["party"],
        kind=ClientKind(row["kind"]),
        name=row["name"],
        scopes=tuple(row["scopes"]),
        sources=tuple(row["sources"]),
        status=ClientStatus(row["status"]),
        created_at=row["created_at"],
        not_before=row["not_before"],
        keys=tuple(keys),
    )


def _row(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "party": client.party,
        "kind": client.kind.value,
        "name": client.name,
        "scopes": list(client.scopes),
        "sources": list(client.sources),
        "status": client.status.value,
        "not_before": client.not_before or client.created_at,
        "created_at": client.created_at,
    }


def _key_row(key: ClientKey) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "client_id": key.client_id,
        "jwk": key.key.jwk,
        "status": key.status.value,
        "added_at": key.added_at,
        "ended_at": key.ended_at,
        "agent": key.agent,
        "role": None if key.role is None else key.role.value,
    }


def _documents_of(client_ids: Sequence[str]) -> Any:
    """Return the statement that removes the documents of clients: they end with them."""
    return delete(CLIENT_DOCUMENT).where(CLIENT_DOCUMENT.c.client_id.in_(client_ids))


async def _lock(connection: AsyncConnection, client_id: str) -> None:
    """Lock a client that is registered and not removed, until the transaction ends."""
    wanted = select(CLIENT.c.status).where(CLIENT.c.client_id == client_id).with_for_update()
    status = (await connection.execute(wanted)).scalar_one_or_none()
    if status is None:
        raise no_such_client(client_id)
    if status == ClientStatus.REMOVED.value:
        raise RegistrationError(
            f"{client_id} 已注销；请以新的编号和密钥重新登记。",
            f"{client_id} was removed; register the partner again, under another id and key",
        )


async def _need_sources(connection: AsyncConnection, names: Sequence[str]) -> None:
    """Refuse sources that are not registered; those that are stay so until the transaction ends."""
    wanted = (
        select(SOURCE.c.source_id)
        .where(SOURCE.c.source_id.in_(names))
        .with_for_update(key_share=True)
    )
    known = set((await connection.execute(wanted)).scalars()) if names else set()
    missing = sorted(set(names) - known)
    if missing:
        raise no_such_sources(missing)


def _active(client_id: str, now: datetime) -> Any:
    ended = CLIENT_KEY.c.ended_at
    return update(CLIENT_KEY).where(
        CLIENT_KEY.c.client_id == client_id,
        CLIENT_KEY.c.status == KeyStatus.ACTIVE.value,
        ended.is_(None) | (ended > now),
    )


async def _active_keys(connection: AsyncConnection, client_id: str, now: datetime) -> int:
    ended = CLIENT_KEY.c.ended_at
    counted = select(func.count()).where(
        CLIENT_KEY.c.client_id == client_id,
        CLIENT_KEY.c.status == KeyStatus.ACTIVE.value,
        ended.is_(None) | (ended > now),
    )
    return int((await connection.execute(counted)).scalar_one())


async def _end(connection: AsyncConnection, client_id: str, kid: str, when: datetime) -> None:
    changed = await connection.execute(
        update(CLIENT_KEY)
        .where(
            CLIENT_KEY.c.kid == kid,
            CLIENT_KEY.c.client_id == client_id,
            CLIENT_KEY.c.status == KeyStatus.ACTIVE.value,
        )
        .values(ended_at=when)
    )
    if changed.rowcount != 1:
        raise RegistrationError(
            "要停用的密钥不是该接入方的有效密钥。",
            "the key to retire is not an active key of this client",
        )


def _epoch(client_id: str, not_before: datetime) -> Any:
    return (
        update(CLIENT)
        .where(CLIENT.c.client_id == client_id)
        .values(not_before=func.greatest(CLIENT.c.not_before, not_before))
    )
