"""`service`: an erasure from the order to its entry in the log.

One transaction, alone: find what is meant, take it away, merge anew what others say, state an
Erasure for each record. The list outside the database has the order before it is committed.

- `bring_up` compares list and database: what a restored backup has brought back is erased again,
  and what only the database knows of is added to the list. It runs before anything is served.
- The order's words may not repeat the text that is erased.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.clock import Clock
from hub.erasure.finding import Found, FoundClaim, Wanted, find
from hub.erasure.limits import PER_STATEMENT, STATEMENT_TIMEOUT
from hub.erasure.register import ErasureLine, ErasureRegister
from hub.erasure.removing import changed_tables, remove, scrub
from hub.erasure.targets import ClaimId, ErasureOrder, Targets
from hub.errors import ErrorCode, HubError
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit_within
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.projection import REBUILD_LOCK
from hub.store.sources import register_source
from schema.parties import OPERATOR
from schema.records import Erasure

_LACKING = """
SELECT (SELECT count(*) FROM entry e JOIN entry_body b USING (entry_id)
    JOIN unnest(%(ids)s::bigint[], %(made)s::bytea[]) t(id, made)
      ON t.id = e.entry_id AND t.made = e.commitment)
  + (SELECT count(*) FROM quarantine q
    JOIN unnest(%(refused)s::bigint[], %(times)s::timestamptz[]) t(id, at)
      ON t.id = q.quarantine_id AND t.at = q.created_at)
  + (SELECT count(*) FROM idempotency i
    JOIN unnest(%(clients)s::text[], %(keys)s::text[]) t(client_id, key) USING (client_id, key)
    WHERE i.body_hash <> '' AND i.created_at <= %(at)s)
  + (SELECT count(*) FROM request_evidence WHERE evidence = ANY(%(evidence)s::bytea[]))
  + (SELECT count(*) FROM run WHERE run_id = ANY(%(runs)s) AND message IS NOT NULL)"""
_UNLISTED = """
SELECT x.number, x.erased_at, e.entry_id, e.commitment
FROM erased_entry x JOIN entry e USING (entry_id) WHERE x.number <> ALL(%s) ORDER BY 2, 3"""


@dataclass(frozen=True, slots=True)
class ErasureResult:
    """What was found, and what the log says of it. `erasures`: keys of the Erasure records."""

    found: Found
    erasures: tuple[str, ...] = ()


class Erasing:
    """Carries out orders on a hub."""

    def __init__(
        self, database: Database, clock: Clock, party: str, register: ErasureRegister
    ) -> None:
        """`party` is the hub's own, which vouches for what its operator states."""
        self._database = database
        self._clock = clock
        self._party = party
        self._register = register

    async def look(self, wanted: Wanted) -> Found:
        """Return what an order would erase."""
        async with self._database.writes.transaction() as connection:
            await _allow_long_statements(connection)
            return await find(connection, self._database.records.registry, wanted)

    async def erase(
        self, wanted: Wanted, *, reason: str, ordered_by: str, performed_by: str
    ) -> ErasureResult:
        """Erase; raise `HubError`, and change nothing, when there is nothing or it may not be."""
        if wanted.text is not None and any(
            wanted.text in each for each in (reason, ordered_by, performed_by)
        ):
            raise HubError(
                ErrorCode.BAD_USER_INPUT,
                message_en="the order's words repeat what is to be erased",
                hint="Nothing was erased. Write the reason without it.",
                hint_zh="没有删除任何内容，请在理由中去掉它。",
            )
        at = self._clock()
        order = ErasureOrder(
            number=f"{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
            reason=reason,
            ordered_by=ordered_by,
            performed_by=performed_by,
            at=at,
        )
        await self._register_operator()
        async with self._database.writes.transaction() as connection:
            await _lock(connection)
            found = await find(connection, self._database.records.registry, wanted)
            if not found.targets:
                raise HubError(
                    ErrorCode.NOT_FOUND,
                    message_en="nothing that has content is meant",
                    hint="Nothing was erased. Try --dry-run with other words.",
                    hint_zh="没有删除任何内容，请换用其他词语并加 --dry-run 试运行。",
                )
            records = list(_erasures(order, found.claims))
            types = await remove(
                connection, self._database.records, found.targets, order.number, order.at
            )
            await self._state(connection, records)
            line = ErasureLine(
                number=order.number,
                at=order.at.isoformat(),
                erasures=tuple(records),
                targets=found.targets,
            )
            self._register.add(line)
        await self.scrub(types)
        return ErasureResult(found, tuple(each["number"] for each in records))

    async def bring_up(self) -> int:
        """Erase again what is listed and is there, and list what only the database knows.

        Return how many orders were carried out again.
        """
        lines = self._register.lines()
        again = [line for line in lines if await self._is_lacking(line)]
        changed: set[str] = set()
        if again:
            await self._register_operator()
        for line in again:
            at = datetime.fromisoformat(line.at)
            async with self._database.writes.transaction() as connection:
                await _lock(connection)
                changed |= await remove(
                    connection, self._database.records, line.targets, line.number, at
                )
                await self._state(connection, await _unstated(connection, line.erasures))
        if again:
            await self.scrub(changed)
        await self._list_unlisted({line.number for line in lines})
        return len(again)

    async def scrub(self, record_types: set[str]) -> None:
        """Rewrite the tables that held what was erased."""
        async with self._database.writes.connection() as connection:
            await connection.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'".encode())
            await connection.execute(b"SET lock_timeout = 0")
            try:
                await scrub(connection, changed_tables(self._database.records, record_types))
            finally:
                await connection.execute(b"RESET statement_timeout")
                await connection.execute(b"RESET lock_timeout")

    async def _is_lacking(self, line: ErasureLine) -> bool:
        """Whether anything that a line lists is still, or again, in the database."""
        targets = line.targets
        values = {
            "ids": list(targets.entries),
            "made": list(targets.entries.values()),
            "refused": list(targets.quarantine),
            "times": list(targets.quarantine.values()),
            "clients": [client for client, _ in sorted(targets.answers)],
            "keys": [key for _, key in sorted(targets.answers)],
            "at": datetime.fromisoformat(line.at),
            "evidence": list(targets.evidence),
            "runs": list(targets.runs),
        }
        ((count,),) = await self._database.writes.fetch_all(_LACKING, values)
        return bool(count)

    async def _list_unlisted(self, listed: set[str]) -> None:
        """Add what the database has erased to a list that does not know of it."""
        entries: defaultdict[tuple[str, datetime], dict[int, bytes]] = defaultdict(dict)
        for number, at, entry_id, commitment in await self._database.writes.fetch_all(
            _UNLISTED, (sorted(listed),)
        ):
            entries[number, at][entry_id] = commitment
        for (number, at), of_order in entries.items():
            self._register.add(
                ErasureLine(
                    number=number,
                    at=at.isoformat(),
                    erasures=(),
                    targets=Targets(entries=of_order),
                )
            )

    async def _register_operator(self) -> None:
        await register_source(
            self._database,
            OPERATOR,
            "运营方 operator",
            mode="PUSH",
            now=self._clock(),
            owners=[OPERATOR],
        )

    async def _state(self, connection: Connection, records: list[dict[str, Any]]) -> None:
        """State the Erasures, in the same transaction."""
        if not records:
            return
        outcomes = await submit_within(
            connection,
            self._database,
            Batch(
                source=OPERATOR,
                party=self._party,
                channel=Channel.PUSH,
                rows=[{"type": Erasure.__name__, "record": each} for each in records],
                evidence=Evidence(assurance=Assurance.HUB_OBSERVED),
                as_of=self._clock(),
            ),
            clock=self._clock,
        )
        for row in outcomes.rows:
            if row.outcome is Outcome.QUARANTINED:
                words = "; ".join(f"{each.path} {each.en}".strip() for each in row.problems)
                raise HubError(
                    ErrorCode.BAD_USER_INPUT,
                    message_en=words,
                    hint="Nothing was erased.",
                    hint_zh="没有删除任何内容。",
                )


def _erasures(order: ErasureOrder, claims: Iterable[FoundClaim]) -> Iterator[dict[str, Any]]:
    """Give the Erasure records of an order: for each record one, or several where it names much."""
    of_item: defaultdict[ClaimId, list[FoundClaim]] = defaultdict(list)
    for each in claims:
        claim = each.claim
        of_item[ClaimId(claim.record_type, "", claim.authority, claim.key, claim.owner)].append(
            each
        )
    number = 0
    for item, found in sorted(of_item.items()):
        lists = {
            "sources": sorted({each.claim.source for each in found}),
            "commitments": [made.hex() for each in found for made in each.entries.values()],
            "toldKeys": sorted(set().union(*(each.told for each in found))),
        }
        parts = {name: _parts(values) for name, values in lists.items()}
        for at in range(max(len(each) for each in parts.values())):
            number += 1
            yield {
                "number": f"{order.number}-{number}",
                "ownerKey": item.owner,
                "recordType": item.record_type,
                "recordKey": item.key,
                **({"recordAuthority": item.authority} if item.authority else {}),
                **order.facts(),
                **{name: each[at] for name, each in parts.items() if at < len(each)},
            }


def _parts(values: list[str]) -> list[list[str]]:
    return [values[at : at + PER_STATEMENT] for at in range(0, len(values), PER_STATEMENT)]


async def _unstated(
    connection: Connection, records: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    cursor = await connection.execute(
        b"SELECT key FROM entry WHERE record_type = %s AND key = ANY(%s)",
        (Erasure.__name__, [each["number"] for each in records]),
    )
    known = {key for (key,) in await cursor.fetchall()}
    return [each for each in records if each["number"] not in known]


async def _lock(connection: Connection) -> None:
    await _allow_long_statements(connection)
    await connection.execute(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})".encode())


async def _allow_long_statements(connection: Connection) -> None:
    await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'".encode())
    await connection.execute(b"SET LOCAL idle_in_transaction_session_timeout = 0")
