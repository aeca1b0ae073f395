"""`fingerprinting`: marks of claims as hubs compare them, and what a hub is told that asks.

A mark (F1, F2) is compared as HMAC-SHA-256 of its digest under each key in use. The answer is hit
or no hit, of this hub's own claims; what a claim is about is never told. The year of each key under
which every mark has its fingerprint stands in `claim_key`: a question under another key is not
answered, for "no hit" would be a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import ErrorCode, HubError
from hub.policy.vouchers.fingerprints import Hit, keyed
from hub.policy.vouchers.grants import is_in_the_way
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.locks import CLAIM_KEYS
from hub.vouchers.between import shared
from hub.vouchers.between.fingerprint_keys import ClaimKeys, key_print
from hub.vouchers.limits import MARKS_MAX
from hub.vouchers.marks import ClaimName, Mark

COMPARED = ("F1", "F2")
_ALONE = b"SELECT pg_advisory_xact_lock(%s)"
_TOGETHER = b"SELECT pg_advisory_xact_lock_shared(%s)"
_YEARS = "SELECT year, print FROM claim_key"
_INSERT = b"""
INSERT INTO claim_fingerprint (year, kind, fingerprint, issuer, code, claim_no)
SELECT %s, %s, %s, %s, %s, %s ON CONFLICT DO NOTHING"""
_DROP = b"DELETE FROM claim_fingerprint WHERE issuer = %s AND code = %s AND claim_no = %s"
_OWN_MARKS = b"""
SELECT m.kind, m.mark, m.issuer, m.code, m.claim_no FROM voucher_mark m
WHERE m.kind = ANY(%s) AND NOT EXISTS (
  SELECT FROM service_grant g
  WHERE (g.issuer, g.code, g.claim_no) = (m.issuer, m.code, m.claim_no))"""
_MET = b"""
SELECT DISTINCT f.kind, f.issuer, f.code, f.claim_no FROM claim_fingerprint f
JOIN unnest(%s::int[], %s::text[], %s::text[]) AS a (year, kind, fingerprint)
  USING (year, kind, fingerprint)
ORDER BY f.issuer, f.code, f.claim_no, f.kind LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A mark under the key of a year."""

    year: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class ClaimFingerprints:
    """Keeps and compares fingerprints. `origin`: the name of this hub's log."""

    database: Database
    keys: ClaimKeys
    origin: str

    def of(self, marks: Iterable[Mark]) -> list[Fingerprint]:
        """Return the fingerprints of marks that peers are asked about, under every key in use."""
        return [
            Fingerprint(year, kind, keyed(kind, (digest.hex(),), key))
            for kind, digest in marks
            if kind in COMPARED
            for year, key in self.keys.now().items()
        ]

    async def keep(
        self, connection: Connection, claim: ClaimName, marks: Iterable[Mark]
    ) -> list[Fingerprint]:
        """Keep the fingerprints of a claim of this hub, in the transaction that keeps its marks."""
        await connection.execute(_TOGETHER, (CLAIM_KEYS,))
        cursor = await connection.execute(_YEARS.encode())
        if dict(await cursor.fetchall()) != self._prints():
            raise HubError(
                ErrorCode.OVERLOADED,
                message_en="The keys of claims have just changed",
                hint="Send the same again.",
                hint_zh="请原样重发。",
            )
        made = self.of(marks)
        for each in made:
            await connection.execute(
                _INSERT,
                (each.year, each.kind, each.value, claim.issuer, claim.code, claim.claim_no),
            )
        return made

    async def keep_anew(
        self, connection: Connection, claim: ClaimName, marks: Iterable[Mark]
    ) -> None:
        """Keep the fingerprints of a claim whose service was corrected in place of its former."""
        await connection.execute(_DROP, (claim.issuer, claim.code, claim.claim_no))
        await self.keep(connection, claim, marks)

    async def bring_up(self) -> None:
        """Make the fingerprints under keys that are new in the file, and drop those of old ones."""
        rows = await self.database.writes.fetch_all(_YEARS)
        if dict(rows) == self._prints():
            return
        async with self.database.writes.transaction() as connection:
            await connection.execute(_ALONE, (CLAIM_KEYS,))
            cursor = await connection.execute(_YEARS.encode())
            known, prints = dict(await cursor.fetchall()), self._prints()
            for year in (each for each in known if known[each] != prints.get(each)):
                await connection.execute(b"DELETE FROM claim_fingerprint WHERE year = %s", (year,))
                await connection.execute(b"DELETE FROM claim_key WHERE year = %s", (year,))
            for year in (each for each in prints if prints[each] != known.get(each)):
                await self._make(connection, year, self.keys.now()[year])
                await connection.execute(
                    b"INSERT INTO claim_key (year, print) VALUES (%s, %s)", (year, prints[year])
                )

    async def answer(
        self, asker: tuple[str, str], asked: Sequence[Fingerprint]
    ) -> dict[str, Any] | None:
        """Return which kinds are hit; None where the keys of both hubs have none in common.

        `asker`: (origin, claim) of the claim that asks. A pending claim of this hub that is greater
        is beaten, in the transaction that answers.
        """
        await self.bring_up()
        known = {year for year, _ in await self.database.writes.fetch_all(_YEARS)}
        kinds = {each.kind for each in asked}
        answered = [each for each in asked if each.year in known and each.kind in COMPARED]
        if {each.kind for each in answered} != kinds:
            return None
        values = (
            [each.year for each in answered],
            [each.kind for each in answered],
            [each.value for each in answered],
            MARKS_MAX,
        )
        hits: set[str] = set()
        async with self.database.writes.transaction() as connection:
            cursor = await connection.execute(_MET, values)
            for kind, *names in await cursor.fetchall():
                name = ClaimName(*names)
                if name.text == asker[1]:
                    continue
                stands = await shared.held(connection, name)
                own = (self.origin, name.text)
                if is_in_the_way(stands.standing if stands else None, own, asker):
                    hits.add(kind)
                elif kind == "F2":
                    await shared.beat(connection, name)
                else:
                    await shared.hold_for(connection, name, Hit.SAME_SERVICE.value)
        return {"hits": sorted(hits)}

    def _prints(self) -> Mapping[int, str]:
        return {year: key_print(key) for year, key in self.keys.now().items()}

    async def _make(self, connection: Connection, year: int, key: bytes) -> None:
        cursor = await connection.execute(_OWN_MARKS, (list(COMPARED),))
        made = [
            (year, kind, keyed(kind, (bytes(digest).hex(),), key), *name)
            async for kind, digest, *name in cursor
        ]
        async with connection.cursor() as writing:
            await writing.executemany(_INSERT, made)
