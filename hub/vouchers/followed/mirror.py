"""`mirror`: looks whether what other systems say of their vouchers holds together.

It corrects nothing: their systems move their money.

What is judged: the claims of a voucher as they are stated now, every state that was heard of each,
and movements where its system states them (`hub.policy.vouchers.mirroring`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg.rows import dict_row

from hub.policy.bounds import Missing
from hub.policy.vouchers.buckets import Buckets
from hub.policy.vouchers.claim import FREED, S, VoucherClaimStanding, VoucherStanding
from hub.policy.vouchers.corrections import TOLD, VoucherFound
from hub.policy.vouchers.mirroring import StatedClaim, StatedDays, of_claim, of_voucher
from hub.store.copying import Connection
from hub.store.database import Database
from hub.vouchers.followed.differences import differences
from hub.vouchers.followed.findings import VoucherAbout
from hub.vouchers.limits import MIRRORED_CLAIMS_MAX, MOVEMENTS_MAX, REVISIONS_OF_CLAIMS_MAX
from hub.vouchers.money.ledger import CLAIM, MOVEMENT, OF_LEDGER, VOUCHER, granted_of, movement_of
from hub.vouchers.money.movements import GrantedVoucher, MovementError, begun, standing_of
from schema.codes import VoucherClaimState
from schema.codes import VoucherFindingKind as Kind
from schema.dates import local_date

Row = Mapping[str, Any]
MIRRORED: Final = frozenset(Kind) - TOLD
"""Kinds of findings that this module makes; what it finds no longer is closed."""
_IN_REVIEW = frozenset({S.CONSUMED, S.SUBMITTED, S.COUNTY_OK, S.CITY_OK})
_STATES = """
SELECT e.key, b.canon FROM entry e JOIN entry_body b USING (entry_id)
WHERE e.record_type = %s AND e.source = %s AND e.authority = '' AND e.key = ANY(%s)
  AND NOT e.withdrawal ORDER BY e.key, e.revision LIMIT %s"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirrored:
    """What was found about a voucher or one of its claims; `evidence`: entries of the log."""

    about: VoucherAbout
    found: tuple[VoucherFound, ...]
    evidence: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stated:
    """What a system says of one voucher."""

    voucher: Row | None
    claims: Sequence[Row]
    movements: Sequence[Row]
    states: Mapping[str, tuple[S, ...]]
    shared: frozenset[str]
    """Numbers of claims whose service another live claim is for as well."""


async def look_at(database: Database, issuer: str, code: str) -> list[Mirrored]:
    """Say of a voucher, and of each claim on it, what does not fit."""
    async with database.reads.connection() as connection, connection.transaction():
        stated = await _read(database, connection, issuer, code)
    whole = VoucherAbout(issuer=issuer, code=code)
    if stated.voucher is None:
        return [
            Mirrored(
                about=_about(row, None),
                found=(VoucherFound(kind=Kind.NOT_GRANTED, fen=row["voucher_fen"]),),
                evidence=(row["entry_id"],),
            )
            for row in stated.claims
        ]
    granted = granted_of(stated.voucher)
    days = StatedDays(use_until=granted.use_until, cash_until=granted.cash_until)
    claims = [_claim(row, stated) for row in stated.claims]
    evidence = (stated.voucher["entry_id"], *(row["entry_id"] for row in stated.claims))
    found = [*of_voucher(granted.granted_fen, claims), *_of_movements(granted, stated)]
    told = [
        Mirrored(about=replace(whole, holder=granted.holder), found=tuple(found), evidence=evidence)
    ]
    for row, claim in zip(stated.claims, claims, strict=True):
        more = [VoucherFound(kind=Kind.CLAIMED_TWICE)] if claim.claim_no in stated.shared else []
        told.append(
            Mirrored(
                about=_about(row, granted.holder),
                found=(*of_claim(claim, days), *more),
                evidence=(stated.voucher["entry_id"], row["entry_id"]),
            )
        )
    return told


def standing_as_stated(granted: GrantedVoucher, rows: Iterable[Row]) -> VoucherStanding:
    """Return a voucher with its claims as their system states them, money where states put it."""
    claims: dict[str, VoucherClaimStanding] = {}
    places: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        claim = StatedClaim(
            claim_no=row["claim_no"],
            state=VoucherClaimState[row["state"]],
            fen=row["voucher_fen"],
            settled_fen=row["settled_fen"],
            changed_on=None,
        )
        fen = claim.held_fen or 0
        claims[claim.claim_no] = VoucherClaimStanding(
            state=claim.state, fen=fen, holds=tuple(row["hold_reasons"] or ())
        )
        if claim.state not in FREED:
            place = "CONSUMED" if claim.state in _IN_REVIEW else claim.state.value
            places[place.lower()] += fen
    voucher = begun(granted)
    free = max(0, voucher.buckets.granted - sum(places.values()))
    return replace(voucher, buckets=Buckets(free, **places), claims=claims)


def _about(row: Row, holder: str | None) -> VoucherAbout:
    return VoucherAbout(
        issuer=row["issuer_key"],
        code=row["code"],
        claim_no=row["claim_no"],
        holder=row["holder_key"] or holder,
        provider=row["provider_key"],
    )


def _claim(row: Row, stated: _Stated) -> StatedClaim:
    changed = row["changed_at"]
    return StatedClaim(
        claim_no=row["claim_no"],
        state=VoucherClaimState[row["state"]],
        fen=row["voucher_fen"],
        settled_fen=row["settled_fen"],
        changed_on=None if changed is None else local_date(changed),
        states=stated.states.get(row["key"], ()),
    )


def _of_movements(granted: GrantedVoucher, stated: _Stated) -> list[VoucherFound]:
    """Say whether movements, where there are any, follow each other and leave the claims."""
    if not stated.movements or isinstance(granted.granted_fen, Missing):
        return []
    movements = sorted(map(movement_of, stated.movements), key=lambda each: each.number)
    try:
        standing = standing_of(granted, movements)
    except MovementError as error:
        return [
            VoucherFound(kind=Kind.MOVEMENT_NOT_FOLLOWING, detail=f"{error.number} {error.code}")
        ]
    claims = {row["claim_no"]: row for row in stated.claims}
    differing = [each.code for each in differences("", standing, claims)]
    if not differing:
        return []
    return [VoucherFound(kind=Kind.CLAIM_DIFFERS, detail=" ".join(sorted(set(differing))))]


async def _read(database: Database, connection: Connection, issuer: str, code: str) -> _Stated:
    names = {each: database.records.tables[each].source.name for each in (VOUCHER, CLAIM, MOVEMENT)}

    async def rows(statement: str, parameters: Sequence[Any], limit: int) -> list[Row]:
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(f"{statement} LIMIT {limit}".encode(), parameters)
            return list(await cursor.fetchall())

    voucher = await rows(
        f"SELECT * FROM {names[VOUCHER]} WHERE code = %s AND key = %s AND NOT withdrawn AND speaks",  # noqa: S608 - own name
        (code, f"{issuer}/{code}"),
        1,
    )
    theirs = (
        "x.issuer_key = %s AND x.code = %s AND NOT x.withdrawn AND x.speaks "
        f"AND NOT ({OF_LEDGER.format(t='x')})"
    )
    claims = await rows(
        f"SELECT x.* FROM {names[CLAIM]} x WHERE {theirs} ORDER BY x.key",  # noqa: S608 - own name
        (issuer, code),
        MIRRORED_CLAIMS_MAX,
    )
    movements = await rows(
        f"SELECT x.* FROM {names[MOVEMENT]} x WHERE {theirs}",  # noqa: S608 - own name
        (issuer, code),
        MOVEMENTS_MAX,
    )
    live = [
        row["service_key"]
        for row in claims
        if row["service_key"] and VoucherClaimState[row["state"]] not in FREED
    ]
    shared = await rows(
        f"SELECT y.service_key, y.issuer_key, y.code, y.claim_no FROM {names[CLAIM]} y "  # noqa: S608 - own name
        "WHERE y.service_key = ANY(%s) AND y.state <> ALL(%s) AND NOT y.withdrawn "
        f"AND (y.speaks OR {OF_LEDGER.format(t='y')}) ORDER BY y.key",
        (live, [each.value for each in FREED]),
        2 * MIRRORED_CLAIMS_MAX,
    )
    return _Stated(
        voucher=voucher[0] if voucher else None,
        claims=claims,
        movements=movements,
        states=await _states(connection, claims),
        shared=_shared(claims, shared),
    )


def _shared(claims: Sequence[Row], others: Sequence[Row]) -> frozenset[str]:
    """Return the claims whose service is another live claim's as well."""
    of_service: defaultdict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for row in others:
        of_service[row["service_key"]].add((row["issuer_key"], row["code"], row["claim_no"]))
    return frozenset(
        row["claim_no"]
        for row in claims
        if VoucherClaimState[row["state"]] not in FREED
        and len(of_service[row["service_key"] or ""]) > 1
    )


async def _states(connection: Connection, claims: Sequence[Row]) -> dict[str, tuple[S, ...]]:
    """Return every state that was heard of claims, by key."""
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for row in claims:
        keys[row["source"]].append(row["key"])
    states: defaultdict[str, list[S]] = defaultdict(list)
    for source, wanted in keys.items():
        cursor = await connection.execute(
            _STATES.encode(), (CLAIM, source, wanted, REVISIONS_OF_CLAIMS_MAX)
        )
        for key, canon in await cursor.fetchall():
            states[key].append(VoucherClaimState[json.loads(canon)["state"]])
    return {key: tuple(each) for key, each in states.items()}
