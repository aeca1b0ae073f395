"""`findings`: what the hub finds about vouchers, as records that a person looks at.

A finding is stated once and stays as it is until it says something else; what holds no longer is
stated as closed. The entries of the log that it rests on are named by number and commitment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row

from hub.clock import Clock
from hub.intake.linking import state_as_operator
from hub.policy.vouchers.corrections import VoucherFound
from hub.store.copying import Connection
from hub.store.database import Database
from hub.vouchers.limits import EVIDENCE_MAX, FINDINGS_TOLD
from schema.codes import VoucherFindingKind, VoucherFindingState
from schema.dates import format_instant
from schema.parties import OPERATOR

FINDING: Final = "VoucherFinding"
_ENTRIES = """
SELECT entry_id, record_type, commitment, accepted_at FROM entry
WHERE entry_id = ANY(%s) ORDER BY entry_id DESC LIMIT %s"""


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherAbout:
    """What a finding is about. `claim_no` None: the whole voucher."""

    issuer: str
    code: str
    claim_no: str | None = None
    holder: str | None = None
    provider: str | None = None

    def number(self, kind: VoucherFindingKind) -> str:
        """Return the number of a finding of a kind."""
        return kind.value if self.claim_no is None else f"{kind.value}.{self.claim_no}"


class VoucherFindings:
    """States findings in the name of the operator. `party`: the hub's own."""

    def __init__(self, database: Database, clock: Clock, party: str) -> None:
        self._database, self._clock, self._party = database, clock, party

    async def tell(
        self,
        about: VoucherAbout,
        found: Sequence[VoucherFound],
        evidence: Iterable[int],
        *,
        of: Collection[VoucherFindingKind],
    ) -> int:
        """State what was found, and close what is open `of` these kinds and was not found again.

        `evidence`: entries of the log. Returns how many findings changed.
        """
        stands = await self._standing(about, of)
        made = {about.number(each.kind): each for each in found}
        changed = [
            each for number, each in made.items() if _says(stands.get(number)) != _wanted(each)
        ]
        over = [
            row
            for number, row in stands.items()
            if number not in made and row["state"] == VoucherFindingState.OPEN.value
        ]
        if not changed and not over:
            return 0
        named, since = await self._named(evidence)
        rows = [_row(about, each, named, since) for each in changed]
        rows += [_closed(about, row, named, since) for row in over]
        await state_as_operator(self._database, self._clock, self._party, rows)
        return len(rows)

    async def is_open(self, about: VoucherAbout, kind: VoucherFindingKind) -> bool:
        """Whether a finding of a kind stands open."""
        return await self.are_open(about, (kind,))

    async def are_open(self, about: VoucherAbout, kinds: Collection[VoucherFindingKind]) -> bool:
        """Whether a finding of any of these kinds stands open."""
        rows = (await self._standing(about, kinds)).values()
        return any(row["state"] == VoucherFindingState.OPEN.value for row in rows)

    async def open_of(self, kind: VoucherFindingKind) -> list[tuple[str, str, str]]:
        """Return issuer, code and number of the claims of which a finding of a kind is open."""
        table = self._database.records.tables[FINDING].source.name
        return await self._database.writes.fetch_all(
            f"SELECT issuer_key, code, claim_no FROM {table} "  # noqa: S608 - own name
            "WHERE source = %s AND kind = %s AND state = %s AND NOT withdrawn "
            f"AND claim_no IS NOT NULL ORDER BY key LIMIT {FINDINGS_TOLD}",
            (OPERATOR, kind.value, VoucherFindingState.OPEN.value),
        )

    async def _standing(
        self, about: VoucherAbout, kinds: Collection[VoucherFindingKind]
    ) -> dict[str, Mapping[str, Any]]:
        table = self._database.records.tables[FINDING].source.name
        keys = [f"{about.issuer}/{about.code}/{about.number(kind)}" for kind in kinds]
        async with (
            self._database.writes.connection() as connection,  # what was stated a moment ago
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(
                f"SELECT number, kind, state, fen, detail FROM {table} "  # noqa: S608 - own name
                "WHERE source = %s AND key = ANY(%s) AND NOT withdrawn".encode(),
                (OPERATOR, keys),
            )
            return {row["number"]: row for row in await cursor.fetchall()}

    async def _named(self, evidence: Iterable[int]) -> tuple[list[dict[str, Any]], datetime]:
        entries = list(evidence)
        rows = await self._database.reads.fetch_all(_ENTRIES, (entries, EVIDENCE_MAX))
        named = [
            {"recordType": record_type, "entry": str(entry), "commitment": bytes(commitment).hex()}
            for entry, record_type, commitment, _ in rows
        ]
        return named, max((row[3] for row in rows), default=self._clock())


async def open_findings(database: Database) -> list[Mapping[str, Any]]:
    """Return this hub's findings that are open, those of large amounts first; `FINDINGS_TOLD`."""
    table = database.records.tables[FINDING].source.name
    async with (
        database.reads.connection() as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        await cursor.execute(
            f"SELECT key, kind, fen, detail, since, evidence FROM {table} "  # noqa: S608 - own name
            "WHERE source = %s AND NOT withdrawn AND state = %s "
            f"ORDER BY fen DESC NULLS LAST, key LIMIT {FINDINGS_TOLD}".encode(),
            (OPERATOR, VoucherFindingState.OPEN.value),
        )
        return list(await cursor.fetchall())


async def open_by_kind(database: Database, connection: Connection) -> dict[str, int]:
    """Return how many of this hub's findings are open, by kind."""
    table = database.records.tables[FINDING].source.name
    cursor = await connection.execute(
        f"SELECT kind, count(*) FROM {table} "  # noqa: S608 - own name
        "WHERE source = %s AND NOT withdrawn AND state = %s GROUP BY kind ORDER BY kind".encode(),
        (OPERATOR, VoucherFindingState.OPEN.value),
    )
    return dict(await cursor.fetchall())


def _says(row: Mapping[str, Any] | None) -> tuple[Any, ...] | None:
    return None if row is None else (row["state"], row["fen"], row["detail"])


def _wanted(found: VoucherFound) -> tuple[Any, ...]:
    return (VoucherFindingState.OPEN.value, found.fen, found.detail)


def _row(
    about: VoucherAbout, found: VoucherFound, evidence: list[dict[str, Any]], since: datetime
) -> dict[str, Any]:
    record = {
        "issuerKey": about.issuer,
        "code": about.code,
        "number": about.number(found.kind),
        "kind": found.kind.value,
        "state": VoucherFindingState.OPEN.value,
        "claimNo": about.claim_no,
        "holderKey": about.holder,
        "providerKey": about.provider,
        "fen": found.fen,
        "detail": found.detail,
        "evidence": evidence,
        "since": format_instant(since),
    }
    present = {name: value for name, value in record.items() if value is not None}
    return {"type": FINDING, "record": present}


def _closed(
    about: VoucherAbout, row: Mapping[str, Any], evidence: list[dict[str, Any]], since: datetime
) -> dict[str, Any]:
    found = VoucherFound(kind=VoucherFindingKind[row["kind"]], fen=row["fen"], detail=row["detail"])
    made = _row(about, found, evidence, since)
    return {**made, "record": {**made["record"], "state": VoucherFindingState.CLOSED.value}}
