"""`nrii_ledger`: which objects were sent to the national platform, and what it answered to each.

An object is named by what was sent (its digest), and of a record the last one counts: the same is
not sent twice, a revision that changes what is sent is another, and one that goes back to an older
state is sent again. A line is written before the object leaves, so one that was cut off has no
answer: whether it arrived is not known, and a person decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from hub.errors import ErrorCode, RefusedError
from hub.store.database import Database

__all__ = ["NriiLedger", "SentObject"]

_SENT = """
SELECT type, key, digest, code FROM nrii_report
WHERE platform = %s AND type = %s AND key = ANY(%s) ORDER BY sent_at
"""
_BEGIN = """
INSERT INTO nrii_report (platform, type, key, digest, revision, sent_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (platform, type, key, digest)
DO UPDATE SET revision = EXCLUDED.revision, sent_at = EXCLUDED.sent_at,
  answered_at = NULL, code = NULL
"""
_ANSWERED = """
UPDATE nrii_report SET code = %s, answered_at = %s
WHERE platform = %s AND type = %s AND key = %s AND digest = %s
"""
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('nrii_report ' || %s, 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('nrii_report ' || %s, 0))"
_FORGET = """
DELETE FROM nrii_report WHERE platform = %s AND type = %s AND key = %s AND digest = %s
"""


@dataclass(frozen=True, slots=True)
class SentObject:
    """What is known of one object that was sent."""

    type: str
    key: str
    digest: bytes
    code: str | None
    """None: it was sent, and nobody knows what became of it."""


class NriiLedger:
    """The ledger of one account."""

    def __init__(self, database: Database, platform: str) -> None:
        self._database = database
        self._platform = platform

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Let nobody else report to this account meanwhile; `RefusedError` where somebody does."""
        async with self._database.writes.connection() as connection:
            cursor = await connection.execute(_LOCK.encode(), (self._platform,))
            (is_free,) = await cursor.fetchone() or (False,)
            if not is_free:
                raise RefusedError(
                    ErrorCode.CONFLICT,
                    hint=f"Another report to {self._platform} is going on; wait for its end.",
                    hint_zh=f"正在向 {self._platform} 报送，请等待其结束。",
                )
            try:
                yield
            finally:
                await connection.execute(_UNLOCK.encode(), (self._platform,))

    async def sent(self, kind: str, keys: Iterable[str]) -> list[SentObject]:
        """Return what was sent of some records as objects of a type, the newest last."""
        rows = await self._database.writes.fetch_all(_SENT, (self._platform, kind, list(keys)))
        return [SentObject(row[0], row[1], bytes(row[2]), row[3]) for row in rows]

    async def begin(self, kind: str, key: str, digest: bytes, revision: int, now: datetime) -> None:
        """Write down that an object is about to leave."""
        await self._run(_BEGIN, (self._platform, kind, key, digest, revision, now))

    async def answered(self, kind: str, key: str, digest: bytes, code: str, now: datetime) -> None:
        """Write down what the platform answered."""
        await self._run(_ANSWERED, (code, now, self._platform, kind, key, digest))

    async def forget(self, kind: str, key: str, digest: bytes) -> None:
        """Strike out an object that cannot have arrived."""
        await self._run(_FORGET, (self._platform, kind, key, digest))

    async def _run(self, statement: str, values: tuple[object, ...]) -> None:
        async with self._database.writes.transaction() as connection:
            await connection.execute(statement.encode(), values)
