"""`service_statement`: statements that read what the checks of a service ask for beside it.

What there may be several of is bounded: `RELATED_MAX` records of a kind. Of orders the one that
names the service counts before the one that a claim names; of statements of a relation the newest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from hub.policy.vouchers.amount import voucher_year
from hub.store.records import StoredRecords
from hub.store.side_by_side import SharedStatement
from hub.vouchers.limits import RELATED_MAX
from schema.dates import local_date, local_day

ORDER: Final = (
    *("local_id", "user_key", "payer_key", "service_id", "steps", "start_at", "end_at"),
    *("charge", "item_id", "instrument_key", "requested_at"),
)
OFFER: Final = ("code", "audience", "unit", "price", "minimum_charge", "valid_from", "valid_until")
RELATION: Final = ("provider_key", "is_controlled")
_SERVICE: Final = {
    **dict.fromkeys(("item_id", "owner", "instrument_key", "local_id", "offer_code"), "text"),
    "started_at": "timestamptz",
    "ended_at": "timestamptz",
    "entry_id": "bigint",
}
"""What is known of the service itself, by the names of its columns."""
_CLAIM: Final = {
    **dict.fromkeys(("order", "registrar", "holder", "issuer", "code", "claim"), "text"),
    "paid": "text[]",
}
_CALENDAR: Final = {
    **dict.fromkeys(("first_day", "last_day"), "date"),
    **dict.fromkeys(("year_from", "year_until"), "timestamptz"),
}


def days_of(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the days in Shanghai on which a service was given, and the bounds of its year.

    They are values of the statement: PostgreSQL would work them out again for each row it compares.
    None where the service does not say when it began or ended.
    """
    start, end = service["started_at"], service["ended_at"]
    first, last = (None if each is None else local_date(each) for each in (start, end))
    bounds: tuple[datetime | None, ...] = (None, None)
    if end is not None:
        year = voucher_year(end)
        bounds = tuple(local_day(date(each, 1, 1))[0] for each in (year, year + 1))
    return dict(zip(_CALENDAR, (first, last, *bounds), strict=True))


def around_statement(records: StoredRecords) -> SharedStatement:
    """Return the statement; its values: a row of a service, and what follows.

    `order`, `registrar`, `holder`: of the claim; `paid`: states that count for the cap of a year;
    `issuer`, `code`, `claim`: the claim itself, which does not count; and what `days_of` says.
    """
    of = {name: records.tables[name].source.name for name in records.tables}
    others = ", ".join(
        f"{table}.{name} AS {table}_{name}"
        for table, names in (("o", ORDER), ("f", OFFER), ("r", RELATION))
        for name in names
    )
    parts = (
        f"({_registrations(of)}) AS registrations",
        f"({_power(of)}) AS power_days",
        f"EXISTS ({_rival(of)}) AS has_rival",
        # no EXISTS: for several services at once PostgreSQL would read the whole log instead
        "coalesce((SELECT true FROM leaf l WHERE l.entry_id = s.entry_id), false) AS in_log",
        "(SELECT encode(e.commitment, 'hex') FROM entry e WHERE e.entry_id = s.entry_id) "
        "AS commitment",
        f"({_used(of)}) AS used_fen",
        f"(SELECT i.item_id FROM {records.tables['Instrument'].read.name} i "  # noqa: S608 - own names
        "WHERE i.key = s.instrument_key) AS instrument_item",
    )
    service = ", ".join(f"%({name})s AS {name}" for name in _SERVICE)
    return SharedStatement(
        f"SELECT {others}, {', '.join(parts)} FROM (SELECT {service}) s "  # noqa: S608 - own names
        f"LEFT JOIN LATERAL ({_order(of)}) o ON true "
        f"LEFT JOIN LATERAL (SELECT * FROM {of['ServiceOffer']} "
        "WHERE instrument_key = s.instrument_key AND code = s.offer_code AND NOT withdrawn "
        "AND speaks LIMIT 1) f ON true "
        f"LEFT JOIN LATERAL (SELECT * FROM {of['RelationStatement']} "
        "WHERE holder_key = %(holder)s AND provider_key = s.owner AND NOT withdrawn AND speaks "
        "ORDER BY stated_on DESC LIMIT 1) r ON true",
        {**_SERVICE, **_CLAIM, **_CALENDAR},
    )


def near_statement(records: StoredRecords) -> SharedStatement:
    """Return the statement of other orders of a user on an instrument near a moment, by `days`.

    An order that does not say when it was requested counts from when it was for.
    """
    days = "make_interval(days => %(days)s)"
    near = f"BETWEEN %(at)s - {days} AND %(at)s + {days}"
    return SharedStatement(
        "SELECT requested_at, start_at, charge "  # noqa: S608 - own name
        f"FROM {records.tables['ServiceOrder'].source.name} "
        "WHERE instrument_key = %(instrument)s "
        "AND user_key = %(user)s AND item_id <> %(item)s AND NOT withdrawn AND speaks "
        f"AND state <> ALL(%(ended)s) AND (requested_at {near} "
        f"OR requested_at IS NULL AND start_at {near}) "
        f"ORDER BY requested_at DESC NULLS LAST LIMIT {RELATED_MAX}",
        {
            **dict.fromkeys(("instrument", "user", "item"), "text"),
            "ended": "text[]",
            "at": "timestamptz",
            "days": "int",
        },
    )


def business_statement(records: StoredRecords) -> SharedStatement:
    """Return the statement of what registers of businesses say of an enterprise."""
    return SharedStatement(
        f"SELECT b.* FROM {records.tables['BusinessStatus'].source.name} b "  # noqa: S608 - own names
        "JOIN source s ON s.source_id = b.source AND s.purpose = %(register)s "
        "WHERE b.enterprise_key = %(holder)s AND NOT b.withdrawn "
        f"ORDER BY b.valid_from DESC LIMIT {RELATED_MAX}",
        {"holder": "text", "register": "text"},
    )


def _order(of: Mapping[str, str]) -> str:
    """Select the order; two look-ups, for an instrument has many orders."""
    named = (("service_id", "s.local_id"), ("local_id", "%(order)s"))
    either = " UNION ALL ".join(
        f"(SELECT {rank} AS rank, p.* FROM {of['ServiceOrder']} p "  # noqa: S608 - own names
        f"WHERE p.instrument_key = s.instrument_key AND p.{item} = {value} AND NOT p.withdrawn "
        "AND p.speaks LIMIT 1)"
        for rank, (item, value) in enumerate(named)
    )
    return f"SELECT * FROM ({either}) e ORDER BY e.rank LIMIT 1"  # noqa: S608 - own names


def _registrations(of: Mapping[str, str]) -> str:
    """Select from when until when the provider was registered, day by day pairs."""
    return (
        "SELECT array_agg(ARRAY[p.valid_from, p.valid_until]) FROM (SELECT valid_from, "  # noqa: S608 - own names
        f"valid_until FROM {of['ProviderRegistration']} WHERE owner = s.owner "
        f"AND registrar_key = %(registrar)s AND NOT withdrawn AND speaks LIMIT {RELATED_MAX}) p"
    )


def _power(of: Mapping[str, str]) -> str:
    return (
        f"SELECT jsonb_agg(p.spans) FROM (SELECT spans FROM {of['PowerDay']} "  # noqa: S608 - own names
        "WHERE instrument_key = s.instrument_key AND day BETWEEN %(first_day)s AND %(last_day)s "
        f"AND NOT withdrawn AND speaks LIMIT {RELATED_MAX}) p"
    )


def _rival(of: Mapping[str, str]) -> str:
    """Select records that overlap the service.

    They are looked for by their end, for what is claimed is recent: few ended later. The difference
    is no range of an index, so that nobody reads all that began earlier.
    """
    return (
        f"SELECT FROM {of['ServiceRecord']} t WHERE t.instrument_key = s.instrument_key "
        "AND t.item_id <> s.item_id AND NOT t.withdrawn AND t.speaks "
        "AND t.ended_at > s.started_at AND t.started_at - s.ended_at < interval '0'"
    )


def _used(of: Mapping[str, str]) -> str:
    """Select the fen of the holder's other claims on services that ended in the same year."""
    ended = "coalesce(t.ended_at, (h.given -> 'told' ->> 'ended_at')::timestamptz)"
    return (
        "SELECT coalesce(sum(c.voucher_fen), 0)::bigint "  # noqa: S608 - own names
        f"FROM {of['VoucherClaim']} c LEFT JOIN {of['ServiceRecord']} t "
        "ON t.key = c.service_key AND NOT t.withdrawn AND t.speaks "
        "LEFT JOIN shared_claim h "  # a service of another hub ended when that hub says
        "ON (h.issuer, h.code, h.claim_no) = (c.issuer_key, c.code, c.claim_no) "
        "WHERE c.holder_key = %(holder)s AND NOT c.withdrawn AND c.state = ANY(%(paid)s) "
        f"AND {ended} >= %(year_from)s AND {ended} < %(year_until)s "
        "AND (c.issuer_key, c.code, c.claim_no) <> (%(issuer)s, %(code)s, %(claim)s)"
    )
