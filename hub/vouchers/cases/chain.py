"""`chain`: the records of a voucher case, from order to claim, as far as somebody may see them.

Each kind is read by one statement, bounded. What no record states, or what its asker may not read,
is missing alike: who may not see a record does not learn that it is there. Whether customs records
would be shown follows from rights alone, so that to say so tells nothing of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from hub.access.visibility import Subject, holds
from hub.customs.sight import APPROVAL, SUPERVISION
from hub.customs.sight import TYPES as OF_CUSTOMS
from hub.policy.bounds import Missing
from hub.policy.law import EVERYWHERE, Law, LawValue, Parameter
from hub.policy.vouchers.checks import CheckCode
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.known_names import KnownName, known_names
from hub.vouchers.cases.search import (
    ORDER,
    SERVICE,
    CaseBy,
    VoucherCaseFound,
    find_cases,
)
from hub.vouchers.cases.sight import ALIAS, RecordSight, Row, SightedRows
from hub.vouchers.limits import CHAIN_OF_KIND_MAX
from hub.vouchers.money.ledger import CLAIM, MOVEMENT, OF_LEDGER, VOUCHER
from schema.codes import SystemPurpose
from schema.dates import local_date

USAGE, POWER, OFFER = "UsageRecord", "PowerDay", "ServiceOffer"
REGISTRATION, RELATION = "ProviderRegistration", "RelationStatement"
INSTRUMENT, BUSINESS = "Instrument", "BusinessStatus"
C = CheckCode
FREED: Final = frozenset({"RELEASED", "REJECTED"})
LAW_OF: Final = ("voucher.", "customs.")
"""Beginnings of the names of parameters that a case is judged by."""


@dataclass(frozen=True, slots=True)
class ChainKind:
    """A kind of record in a chain. `items`: what is read of it; `checks`: what rests on it."""

    items: tuple[str, ...]
    checks: tuple[CheckCode, ...] = ()


KINDS: Final[Mapping[str, ChainKind]] = {
    ORDER: ChainKind(
        (
            *("instrument_key", "local_id", "state", "user_key", "requested_at", "start_at"),
            *("end_at", "hours", "charge", "invoice_no", "payer_key", "usage_id", "result"),
            *("review", "reference", "steps"),
        ),
        (C.CHAIN, C.HOURS, C.INVOICE, C.REVIEW),
    ),
    USAGE: ChainKind(("local_id", "started_at", "ended_at", "hours")),
    POWER: ChainKind(("day", "sensor"), (C.POWER,)),
    SERVICE: ChainKind(
        (
            *("instrument_key", "local_id", "offer_code", "user_key", "started_at", "ended_at"),
            *("hours", "samples_count", "charge", "voucher_fen", "invoice_no", "review"),
        ),
        (C.CHAIN, C.SAME_PERSON, C.USE_DATE, C.OVERLAP, C.HOURS, C.PRICE, C.AMOUNT, C.EXCLUDED),
    ),
    OFFER: ChainKind(("code", "unit", "price", "valid_from", "valid_until"), (C.PRICE,)),
    INSTRUMENT: ChainKind(("customs_status",), (C.CUSTOMS,)),
    SUPERVISION: ChainKind(
        ("declaration_no", "item_no", "customs_key", "released_on", "settled_on"), (C.CUSTOMS,)
    ),
    APPROVAL: ChainKind(
        ("customs_key", "notice_no", "kind", "valid_from", "valid_until"), (C.CUSTOMS,)
    ),
    "CustomsReport": ChainKind(("declaration_no", "item_no", "year"), (C.CUSTOMS,)),
    "DutyPayment": ChainKind(("record_no", "valid_from", "valid_until"), (C.CUSTOMS,)),
    BUSINESS: ChainKind(("registrar_key", "state", "valid_from", "stated_on"), (C.STATUS,)),
    REGISTRATION: ChainKind(
        ("registrar_key", "registration_no", "valid_from", "valid_until"), (C.PROVIDER,)
    ),
    RELATION: ChainKind(("stated_on", "is_controlled"), (C.CONTROLLED,)),
    VOUCHER: ChainKind(
        (
            *("issuer_key", "code", "holder_key", "state", "payer_division", "granted_fen"),
            *("use_from", "use_until", "cash_until"),
        ),
        (C.HOLDER, C.USE_DATE, C.AMOUNT),
    ),
    CLAIM: ChainKind(
        (
            *("issuer_key", "code", "claim_no", "provider_key", "holder_key", "state"),
            *("service_key", "order_no", "charge_fen", "voucher_fen", "own_fen", "settled_fen"),
            *("invoice_code", "invoice_no", "hold_reasons", "planned_until", "changed_at"),
        ),
        (C.CHAIN, C.AMOUNT),
    ),
    MOVEMENT: ChainKind(
        ("number", "event", "at", "claim_no", "claim_state", "moves", "stated_by", "reason")
    ),
}
"""In the order in which a pack has them."""
PARTIES: Final = (
    *("owner", "user_key", "payer_key", "issuer_key", "holder_key", "provider_key"),
    *("registrar_key", "customs_key", "stated_by"),
)
"""Items that name an institution by its key."""


@dataclass(frozen=True, slots=True)
class CaseChain:
    """The records of a case by kind, and the law of the day on which its service ended."""

    rows: Mapping[str, tuple[Row, ...]]
    day: date | None
    """None: no end of the service is known, and with it no law."""
    region: str
    parameters: tuple[tuple[Parameter, LawValue], ...]
    cut: frozenset[str]
    """Kinds of which there are more records than were read."""
    names: Mapping[str, KnownName] = field(default_factory=dict)
    """What the institutions and the instrument are called, by key; as far as that is known."""
    instrument: str | None = None
    """Key of the instrument, where a record names it."""
    is_customs_shown: bool = True
    """Whether its reader would be shown the customs records of the instrument, were there any."""

    def one(self, kind: str) -> Row | None:
        """Return the record of a kind of which a case has one."""
        return next(iter(self.rows[kind]), None)

    def step(self, *states: str) -> Mapping[str, Any] | None:
        """Return the last step of the order into one of these states."""
        order = self.one(ORDER)
        steps = (order["steps"] or ()) if order else ()
        return next((each for each in reversed(steps) if each["state"] in states), None)


async def case_of(database: Database, sight: RecordSight, identity: str) -> VoucherCaseFound | None:
    """Return the case of a claim, a service, an order or a voucher; a live claim comes first."""
    found = await find_cases(database, sight, identity, CaseBy.KEY)
    named = [
        each
        for each in found.cases
        if any(identity in {row["item_id"], row["key"]} for row in each.records.values())
    ]
    return min(named, key=_rank, default=None)


def _rank(case: VoucherCaseFound) -> int:
    if case.claim is None:
        return 2
    return 1 if case.claim["state"] in FREED else 0


async def read_chain(
    database: Database, sight: RecordSight, case: VoucherCaseFound, law: Law
) -> CaseChain:
    """Return the records of a case, read at one moment."""
    async with database.reads.connection() as connection, connection.transaction():
        await connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        rows = await _Around(connection, database, sight, case).read()
        cut = frozenset(kind for kind, found in rows.items() if len(found) > CHAIN_OF_KIND_MAX)
        kept = {kind: tuple(rows[kind][:CHAIN_OF_KIND_MAX]) for kind in KINDS}
        at = _instrument_of(kept)
        names = await known_names(
            connection,
            database.records,
            institutions=_parties(kept, at),
            instruments=() if at is None else (at,),
        )
    return replace(
        _with_law(kept, cut, law),
        names=names,
        instrument=at,
        is_customs_shown=_is_customs_shown(database, sight, kept, at),
    )


def owner_of(instrument: str) -> str:
    """Return the key of the institution that a key of an instrument begins with."""
    return instrument.partition("/")[0]


def _instrument_of(kept: Mapping[str, Sequence[Row]]) -> str | None:
    """Return the key of the instrument: of service or order, or of the service that a claim names.

    The key of a service record is that of its instrument, and its number.
    """
    rows = (*kept[SERVICE], *kept[ORDER])
    stated = next((row["instrument_key"] for row in rows), None)
    claimed = next((row["service_key"] for row in kept[CLAIM]), None)
    return stated or (claimed.rpartition("/")[0] if claimed else None)


def _parties(kept: Mapping[str, tuple[Row, ...]], instrument: str | None) -> set[str]:
    """Return every key of an institution that the records of a case name."""
    rows = [row for found in kept.values() for row in found]
    named = {row.get(name) for row in rows for name in PARTIES}
    named |= {each.get("statedBy") for row in kept[ORDER] for each in row["steps"] or ()}
    named.add(None if instrument is None else owner_of(instrument))
    return {each for each in named if each}


def _is_customs_shown(
    database: Database,
    sight: RecordSight,
    kept: Mapping[str, tuple[Row, ...]],
    instrument: str | None,
) -> bool:
    """Whether the rule of customs records lets their reader see those of an instrument.

    Who supervises one of its items sees that item alone, which the rows show.
    """
    if instrument is None or kept[SUPERVISION]:
        return True
    spec = database.records.registry[SUPERVISION]
    of_owner = Subject(owner=owner_of(instrument), issuer="", wire={})
    return spec.scope in sight.scopes and holds(spec.rows, of_owner, sight.grants)


def _with_law(kept: Mapping[str, tuple[Row, ...]], cut: frozenset[str], law: Law) -> CaseChain:
    service, voucher = (next(iter(kept[kind]), None) for kind in (SERVICE, VOUCHER))
    region = (voucher["payer_division"] if voucher else None) or EVERYWHERE
    ended: datetime | None = service["ended_at"] if service else None
    if ended is None:
        return CaseChain(kept, None, region, (), cut)
    day = local_date(ended)
    told = [
        (parameter, value)
        for parameter, value in law.on(day, region).in_force()
        if parameter.name.startswith(LAW_OF)
    ]
    return CaseChain(kept, day, region, tuple(told), cut)


def lacking_law(chain: CaseChain, law: Law) -> list[str]:
    """Return the parameters of vouchers for which no value is in force on the day."""
    if chain.day is None:
        return []
    on = law.on(chain.day, chain.region)
    names = [name for name in sorted(law.parameters) if name.startswith(LAW_OF[0])]
    return [name for name in names if isinstance(on.value(name), Missing)]


class _Around:
    """Reads the records around a case."""

    def __init__(
        self, connection: Connection, database: Database, sight: RecordSight, case: VoucherCaseFound
    ) -> None:
        self._connection = connection
        self._records = database.records
        self._sight = sight
        self._case = case

    async def read(self) -> dict[str, list[Row]]:
        """Return the rows by kind."""
        found: dict[str, list[Row]] = {kind: [] for kind in KINDS}
        for kind, row in self._case.records.items():
            found[kind] = await self._equal(kind, {"key": row["key"]})
        order, service, voucher, claim = (
            next(iter(found[kind]), None) for kind in (ORDER, SERVICE, VOUCHER, CLAIM)
        )
        if order is not None:
            found[USAGE] = await self._usage(order)
        if service is not None:
            found[POWER] = await self._power(service)
            found[OFFER] = await self._equal(
                OFFER, {"instrument_key": service["instrument_key"], "code": service["offer_code"]}
            )
        found |= await self._customs(_instrument_of(found))
        provider = service["owner"] if service else claim["provider_key"] if claim else None
        granted = voucher or claim  # a provider sees the claim, and not what else the voucher holds
        if provider is not None and granted is not None:
            asked = {"owner": provider, "registrar_key": granted["issuer_key"]}
            found[REGISTRATION] = await self._equal(REGISTRATION, asked)
            asked = {"holder_key": granted["holder_key"], "provider_key": provider}
            found[RELATION] = await self._equal(RELATION, asked)
        if granted is not None:
            found[BUSINESS] = await self._business(granted["holder_key"])
            found[MOVEMENT] = await self._movements(granted, claim)
        return found

    async def _fetch(
        self, kind: str, rows: SightedRows, condition: str, *, is_every: bool = False
    ) -> list[Row]:
        most = CHAIN_OF_KIND_MAX + 1
        items = KINDS[kind].items
        return await rows.fetch(self._connection, items, condition, most, is_every=is_every)

    async def _customs(self, key: str | None) -> dict[str, list[Row]]:
        """Return what sources state of an instrument for customs, each of them: all are weighed."""
        found: dict[str, list[Row]] = {}
        if key is None:
            return found
        for kind in (INSTRUMENT, *OF_CUSTOMS):
            rows = SightedRows(self._records, kind, self._sight)
            named = rows.bind(key, "text")
            condition = (
                f"{ALIAS}.item_id IN ({rows.same_item(named)})"
                if kind == INSTRUMENT
                else f"{ALIAS}.instrument_key = {named}"
            )
            found[kind] = await self._fetch(kind, rows, condition, is_every=True)
        return found

    async def _business(self, holder: str | None) -> list[Row]:
        """Return what registers of businesses say of an enterprise: no other source counts."""
        rows = SightedRows(self._records, BUSINESS, self._sight)
        of = f"{ALIAS}.enterprise_key = {rows.bind(holder, 'text')}"
        register = rows.bind(SystemPurpose.REGISTER.value, "text")
        by = f"SELECT source_id FROM source WHERE purpose = {register}"  # noqa: S608 - own names
        return await self._fetch(
            BUSINESS, rows, f"{of} AND {ALIAS}.source IN ({by})", is_every=True
        )

    async def _equal(self, kind: str, asked: Mapping[str, Any]) -> list[Row]:
        """Return the records of which columns that everybody may read have these values."""
        if None in asked.values():
            return []
        rows = SightedRows(self._records, kind, self._sight)
        compared = [f"{ALIAS}.{name} = {rows.bind(value, 'text')}" for name, value in asked.items()]
        return await self._fetch(kind, rows, " AND ".join(compared))

    async def _usage(self, order: Row) -> list[Row]:
        rows = SightedRows(self._records, USAGE, self._sight)
        at = f"{ALIAS}.instrument_key = {rows.bind(order['instrument_key'], 'text')}"
        number = f"{rows.item('order_id')} = {rows.bind(order['local_id'], 'text')}"
        named = f"{ALIAS}.local_id = {rows.bind(order['usage_id'], 'text')}"
        return await self._fetch(USAGE, rows, f"{at} AND ({number} OR {named})")

    async def _power(self, service: Row) -> list[Row]:
        if service["started_at"] is None or service["ended_at"] is None:
            return []
        rows = SightedRows(self._records, POWER, self._sight)
        at = f"{ALIAS}.instrument_key = {rows.bind(service['instrument_key'], 'text')}"
        first, last = (
            rows.bind(local_date(service[name]), "date") for name in ("started_at", "ended_at")
        )
        return await self._fetch(POWER, rows, f"{at} AND {ALIAS}.day BETWEEN {first} AND {last}")

    async def _movements(self, granted: Row, claim: Row | None) -> list[Row]:
        """Return the movements of the claim, or of a voucher without one, in their order."""
        rows = SightedRows(self._records, MOVEMENT, self._sight)
        of = [
            f"{ALIAS}.{name} = {rows.bind(granted[name], 'text')}"
            for name in ("issuer_key", "code")
        ]
        of.append(OF_LEDGER.format(t=ALIAS))
        if claim is not None:
            of.append(f"{rows.item('claim_no')} = {rows.bind(claim['claim_no'], 'text')}")
        found = await self._fetch(MOVEMENT, rows, " AND ".join(of))
        return sorted(found, key=lambda row: int(row["number"]))


def told_by(kind: str) -> Sequence[str]:
    """Return the checks that rest on a kind of record."""
    return [each.value for each in KINDS[kind].checks]
