"""`shared`: the table of claims on vouchers of this hub that other hubs are asked about.

A row is PENDING and committed before any other hub is asked, and stays as long as some other hub
may have something of the claim. Whoever changes a row holds it (`FOR UPDATE`): whether a claim may
still take its money is decided while nobody else can change that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from hub.intake.batch import RequestSignature
from hub.intake.write import keep_requests
from hub.policy.vouchers.grants import SharedStanding, SharedState
from hub.store.copying import Connection
from hub.vouchers.between.abroad import given_from_wire, given_to_wire
from hub.vouchers.between.errand_wire import AskedGrant
from hub.vouchers.marks import ClaimName
from hub.vouchers.question import FAST_TRACK, GivenService, VoucherAsking, VoucherWanted
from schema.codes import VoucherEvent
from schema.parties import HUB_PARTY

_COLUMNS = (
    "c.issuer, c.code, c.claim_no, attempt, state, service, source, fen, order_no, c.client_id, "
    "party, request_key, request_body, evidence, given, holds, is_beaten, is_told, begun_at"
)
_BEGIN = b"""
INSERT INTO shared_claim (issuer, code, claim_no, attempt, state, service, source, fen, order_no,
  client_id, party, request_key, request_body, evidence, given, holds, is_beaten, is_told,
  begun_at, asked_at)
VALUES (%s, %s, %s, %s, 'PENDING', %s, %s, %s, %s, %s, %s, %s, %s, %s, NULL, '{}', false, true,
  %s, %s)
ON CONFLICT (issuer, code, claim_no) DO UPDATE SET attempt = EXCLUDED.attempt, state = 'PENDING',
  service = EXCLUDED.service, source = EXCLUDED.source, fen = EXCLUDED.fen,
  order_no = EXCLUDED.order_no, client_id = EXCLUDED.client_id, party = EXCLUDED.party,
  request_key = EXCLUDED.request_key, request_body = EXCLUDED.request_body,
  evidence = EXCLUDED.evidence, given = NULL, holds = '{}', is_beaten = false, is_told = true,
  begun_at = EXCLUDED.begun_at, asked_at = EXCLUDED.asked_at"""
_NAME = "issuer = %s AND code = %s AND claim_no = %s"
_SIGNED = f"""
SELECT {_COLUMNS}, r.base, r.signature, r.key_id, r.role
FROM shared_claim c LEFT JOIN request_evidence r USING (evidence)"""  # noqa: S608 - own names
_OF = f"{_SIGNED} WHERE {_NAME} FOR UPDATE OF c"
_DUE = f"""{_SIGNED}
WHERE (state = 'PENDING' OR NOT is_told) AND asked_at < %s ORDER BY asked_at LIMIT %s"""
_OF_SOURCE = f"""
SELECT {_COLUMNS} FROM shared_claim c WHERE source = %s AND state <> 'FREED' AND given IS NOT NULL
AND (c.issuer, c.code, c.claim_no) > (%s, %s, %s) ORDER BY c.issuer, c.code, c.claim_no LIMIT %s"""  # noqa: S608 - own names


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedClaim:
    """One claim. `source`: the peer that is the home of its service; None: this hub."""

    name: ClaimName
    standing: SharedStanding
    service: str
    source: str | None
    fen: int
    order_no: str | None
    asking: VoucherAsking
    given: GivenService | None = None
    """What the service's home said; None: it has not granted the claim yet."""
    holds: tuple[str, ...] = ()
    is_told: bool = True
    """Whether the service's home knows how the claim stands."""
    begun_at: datetime | None = None

    @property
    def wanted(self) -> VoucherWanted:
        """Return the message that it goes on with."""
        return VoucherWanted(
            issuer=self.name.issuer,
            code=self.name.code,
            event=VoucherEvent.CONSUME,
            claim_no=self.name.claim_no,
            fen=self.fen,
            service=self.service,
            order_no=self.order_no,
            reason=FAST_TRACK if self.asking.is_hub else "",
        )

    def asked(self, holder: str, party: str, client: str) -> AskedGrant:
        """Return what the home of its service is asked; `party`, `client`: for whom."""
        return AskedGrant(
            name=self.name,
            attempt=self.standing.attempt,
            service=self.service,
            order_no=self.order_no,
            fen=self.fen,
            holder=holder,
            party=party,
            client=client,
        )


async def begin(connection: Connection, claim: SharedClaim, now: datetime) -> None:
    """Write down a claim before anybody is asked; in place of an attempt that was given up."""
    asking = claim.asking
    evidence = None if asking.signature is None else asking.signature.hash
    values = (
        *_key(claim.name),
        *(claim.standing.attempt, claim.service, claim.source, claim.fen, claim.order_no),
        *(asking.client, asking.party, asking.key, asking.body_hash, evidence, now, now),
    )
    await connection.execute(_BEGIN, values)
    if asking.signature is not None:
        await keep_requests(connection, [asking.signature], asking.client, now)


async def held(connection: Connection, name: ClaimName) -> SharedClaim | None:
    """Return a claim and hold its row; None where no other hub was ever asked about it."""
    rows = await _rows(connection, _OF, _key(name))
    return _read(rows[0]) if rows else None


async def consumed_abroad(connection: Connection, name: ClaimName) -> SharedClaim | None:
    """Return a claim that was consumed on a service of another hub; None for any other."""
    claim = await held(connection, name)
    if claim is None or claim.source is None:
        return None
    return claim if claim.standing.state is SharedState.CONSUMED else None


async def keep_given(
    connection: Connection, name: ClaimName, given: GivenService, holds: Sequence[str]
) -> None:
    """Keep what the home of the service said, and why a person has to look."""
    wire = json.dumps(given_to_wire(given), ensure_ascii=False)
    await connection.execute(
        f"UPDATE shared_claim SET given = %s, holds = %s WHERE {_NAME}".encode(),  # noqa: S608 - own names
        (wire, list(holds), *_key(name)),
    )


async def change(
    connection: Connection, name: ClaimName, state: SharedState, *, is_told: bool
) -> None:
    """Write down how a claim stands, and whether the home of its service knows."""
    await connection.execute(
        f"UPDATE shared_claim SET state = %s, is_told = %s WHERE {_NAME}".encode(),  # noqa: S608 - own names
        (state.value, is_told, *_key(name)),
    )


async def end(connection: Connection, name: ClaimName) -> None:
    """Let a claim go that was released or rejected: the home of its service is told so."""
    await connection.execute(
        b"UPDATE shared_claim SET state = 'FREED', is_told = source IS NULL "
        b"WHERE issuer = %s AND code = %s AND claim_no = %s AND state <> 'FREED'",
        _key(name),
    )


async def beat(connection: Connection, name: ClaimName) -> None:
    """Let a pending claim lose against a smaller one of another hub."""
    await connection.execute(
        f"UPDATE shared_claim SET is_beaten = true WHERE {_NAME}".encode(),  # noqa: S608 - own names
        _key(name),
    )


async def hold_for(connection: Connection, name: ClaimName, reason: str) -> None:
    """Let a person look at a pending claim before it is submitted."""
    await connection.execute(
        f"UPDATE shared_claim SET holds = array_append(array_remove(holds, %s), %s) "  # noqa: S608 - own names
        f"WHERE {_NAME}".encode(),
        (reason, reason, *_key(name)),
    )


async def forget(connection: Connection, name: ClaimName) -> None:
    """Forget a claim of which no other hub has anything."""
    await connection.execute(
        f"DELETE FROM shared_claim WHERE {_NAME}".encode(),  # noqa: S608 - own names
        _key(name),
    )


async def forget_ungranted(connection: Connection, claim: SharedClaim) -> bool:
    """Forget a pending claim that its service's home refused; whether it still waited for it.

    One statement: such a claim has no marks, and nobody else has anything of it.
    """
    cursor = await connection.execute(
        f"DELETE FROM shared_claim WHERE {_NAME} AND attempt = %s "  # noqa: S608 - own names
        "AND state = 'PENDING' AND given IS NULL".encode(),
        (*_key(claim.name), claim.standing.attempt),
    )
    return cursor.rowcount == 1


async def was_told(connection: Connection, claim: SharedClaim) -> None:
    """Note that the home of the service knows how a claim stands; what it has freed is over."""
    values = (*_key(claim.name), claim.standing.attempt, claim.standing.state.value)
    same = f"{_NAME} AND attempt = %s AND state = %s"
    if claim.standing.state is SharedState.FREED:
        statement = f"DELETE FROM shared_claim WHERE {same}"  # noqa: S608 - own names
    else:
        statement = f"UPDATE shared_claim SET is_told = true WHERE {same}"  # noqa: S608 - own names
    await connection.execute(statement.encode(), values)


async def was_asked(connection: Connection, name: ClaimName, now: datetime) -> None:
    """Note that a claim was worked on: others are next."""
    await connection.execute(
        f"UPDATE shared_claim SET asked_at = %s WHERE {_NAME}".encode(),  # noqa: S608 - own names
        (now, *_key(name)),
    )


async def due(connection: Connection, before: datetime, most: int) -> list[SharedClaim]:
    """Return claims that wait for another hub, those first that were worked on longest ago."""
    return [_read(row) for row in await _rows(connection, _DUE, (before, most))]


async def of_source(
    connection: Connection, source: str, after: ClaimName, most: int
) -> list[SharedClaim]:
    """Return claims on services of a peer that are pending or consumed, after a name."""
    values = (source, *_key(after), most)
    return [_read(row) for row in await _rows(connection, _OF_SOURCE, values)]


def _key(name: ClaimName) -> tuple[str, str, str]:
    return name.issuer, name.code, name.claim_no


async def _rows(
    connection: Connection, statement: str, values: Sequence[Any]
) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement.encode(), values)
        return list(await cursor.fetchall())


def _read(row: Mapping[str, Any]) -> SharedClaim:
    signature = None
    if row.get("base") is not None:
        signature = RequestSignature(
            row["base"],
            bytes(row["signature"]),
            row["key_id"],
            row["role"],
            hash=bytes(row["evidence"]),
        )
    return SharedClaim(
        name=ClaimName(row["issuer"], row["code"], row["claim_no"]),
        standing=SharedStanding(row["attempt"], SharedState(row["state"]), row["is_beaten"]),
        service=row["service"],
        source=row["source"],
        fen=row["fen"],
        order_no=row["order_no"],
        asking=VoucherAsking(
            client=row["client_id"],
            party=row["party"],
            key=row["request_key"],
            body_hash=bytes(row["request_body"]),
            signature=signature,
            is_hub=row["party"].startswith(HUB_PARTY),  # no client's party begins like that
        ),
        given=None if row["given"] is None else given_from_wire(row["given"]),
        holds=tuple(row["holds"]),
        is_told=row["is_told"],
        begun_at=row["begun_at"],
    )
