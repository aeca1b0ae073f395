"""`search`: finds voucher cases: a claim with its voucher, its service and its order.

A case is found by the number of an order or of an invoice, however that is written, by a voucher,
by the number of a record, or by a whole key or identity. A service, an order or a voucher without a
claim is a case too: what is not there is left out. Each kind of record is looked through by one
statement that knows who asks; a case that its asker may see in part is shown in part.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any

from hub.errors import ErrorCode, RefusedError
from hub.policy.vouchers.invoice import digits_of
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.digits import digits_sql
from hub.store.view import names_now
from hub.vouchers.cases.sight import ALIAS, RecordSight, Row, SightedRows
from hub.vouchers.limits import CASE_RECORDS_MAX, CASE_TEXT_MAX, CASES_MAX, INVOICE_DIGITS_MIN
from hub.vouchers.money.ledger import CLAIM, VOUCHER
from schema.traits import FoundByDigits

SERVICE, ORDER = "ServiceRecord", "ServiceOrder"
COLUMNS = {
    SERVICE: ("instrument_key", "local_id"),
    ORDER: ("instrument_key", "local_id", "service_id", "state"),
    VOUCHER: ("issuer_key", "code", "holder_key", "state"),
    CLAIM: (
        *("issuer_key", "code", "claim_no", "provider_key", "service_key", "order_no", "state"),
        *("voucher_fen", "hold_reasons"),
    ),
}
"""What is read of each kind: by what its records are joined."""


@unique
class CaseBy(StrEnum):
    """By what a case is looked for."""

    ORDER = "ORDER"
    INVOICE = "INVOICE"
    VOUCHER = "VOUCHER"
    RECORD = "RECORD"
    """The number of a service record or of a claim."""
    KEY = "KEY"
    """A whole key, or an identity."""


WHERE: Mapping[CaseBy, Mapping[str, tuple[str, ...]]] = {
    CaseBy.ORDER: {ORDER: ("local_id", "reference"), CLAIM: ("order_no",)},
    CaseBy.VOUCHER: {VOUCHER: ("code",), CLAIM: ("code",)},
    CaseBy.RECORD: {SERVICE: ("local_id",), CLAIM: ("claim_no",)},
}
"""Which items are compared with the text."""


@dataclass(frozen=True, slots=True)
class VoucherCaseFound:
    """What belongs together, as far as its asker may see it; rows of the store."""

    claim: Row | None = None
    voucher: Row | None = None
    service: Row | None = None
    order: Row | None = None

    @property
    def records(self) -> dict[str, Row]:
        """Return its records by type."""
        named = {CLAIM: self.claim, VOUCHER: self.voucher, SERVICE: self.service}
        named[ORDER] = self.order
        return {name: row for name, row in named.items() if row is not None}


@dataclass(frozen=True, slots=True)
class CasesFound:
    """The cases that a text finds. `is_whole`: there are no more."""

    cases: tuple[VoucherCaseFound, ...]
    is_whole: bool


async def find_cases(
    database: Database, sight: RecordSight, text: str, by: CaseBy | None = None
) -> CasesFound:
    """Return the cases that a text finds, by one way or by all.

    `RefusedError` BAD_USER_INPUT for no text, too long a one, or an invoice without digits.
    """
    wanted = _wanted(text, by)
    async with database.reads.connection() as connection, connection.transaction():
        looking = _Looking(connection, database, sight)
        found = {kind: await looking.by_text(kind, wanted, by) for kind in COLUMNS}
        is_whole = all(len(rows) <= CASE_RECORDS_MAX for rows in found.values())
        records = _Records({kind: rows[:CASE_RECORDS_MAX] for kind, rows in found.items()})
        await looking.complete(records)
    cases = assembled(
        records.of(CLAIM), records.of(VOUCHER), records.of(SERVICE), records.of(ORDER)
    )
    return CasesFound(tuple(cases[:CASES_MAX]), is_whole and len(cases) <= CASES_MAX)


def assembled(
    claims: Sequence[Row], vouchers: Sequence[Row], services: Sequence[Row], orders: Sequence[Row]
) -> list[VoucherCaseFound]:
    """Return the cases of these records: one for each claim, then what no claim is for. Pure."""
    by_code = {(row["issuer_key"], row["code"]): row for row in vouchers}
    by_key = {row["key"]: row for row in services}
    by_number = {(row["instrument_key"], row["local_id"]): row for row in services}
    cases = []
    for claim in claims:
        service = by_key.get(claim["service_key"])
        order = _order_of(orders, service, claim)
        if service is None and order is not None:  # reserved for: the order tells what came of it
            service = by_number.get((order["instrument_key"], order["service_id"]))
        cases.append(
            VoucherCaseFound(
                claim=claim,
                voucher=by_code.get((claim["issuer_key"], claim["code"])),
                service=service,
                order=order,
            )
        )
    claimed = [each.service["key"] for each in cases if each.service]
    unclaimed = [row for row in services if row["key"] not in claimed]
    cases += [VoucherCaseFound(service=row, order=_order_of(orders, row)) for row in unclaimed]
    ordered = [each.order["key"] for each in cases if each.order]
    cases += [VoucherCaseFound(order=row) for row in orders if row["key"] not in ordered]
    used = [each.voucher["key"] for each in cases if each.voucher]
    cases += [VoucherCaseFound(voucher=row) for row in vouchers if row["key"] not in used]
    return cases


def _order_of(orders: Iterable[Row], service: Row | None, claim: Row | None = None) -> Row | None:
    """Return the order that ended in a service, or else that a claim names at its provider."""
    named = None
    for row in orders:
        if service is not None and _is_of(row, service):
            return row
        number = None if claim is None else claim["order_no"]
        if (
            claim is not None
            and number == row["local_id"]
            and row["owner"] == claim["provider_key"]
        ):
            named = row if service is None or _is_at(row, service) else named
    return named


def _is_at(order: Row, service: Row) -> bool:
    return bool(order["instrument_key"] == service["instrument_key"])


def _is_of(order: Row, service: Row) -> bool:
    return _is_at(order, service) and bool(order["service_id"] == service["local_id"])


def _wanted(text: str, by: CaseBy | None) -> tuple[str, ...]:
    """Return a text in the writings in which it is compared: as given, and in plain characters."""
    given = text.strip()
    if not given or len(given) > CASE_TEXT_MAX or not given.isprintable():
        raise RefusedError(
            ErrorCode.BAD_USER_INPUT,
            hint=f"text: a number or a key, of 1 to {CASE_TEXT_MAX} characters",
            hint_zh=f"text：编号或主键，1 至 {CASE_TEXT_MAX} 个字符",
        )
    if by is CaseBy.INVOICE and len(digits_of(given)) < INVOICE_DIGITS_MIN:
        raise RefusedError(
            ErrorCode.BAD_USER_INPUT,
            hint=f"text: the number of an invoice has {INVOICE_DIGITS_MIN} digits or more",
            hint_zh=f"text：发票号码至少 {INVOICE_DIGITS_MIN} 位数字",
        )
    return tuple(dict.fromkeys((given, unicodedata.normalize("NFKC", given))))


class _Records:
    """Records by kind, each once."""

    def __init__(self, found: dict[str, list[Row]]) -> None:
        self._found = {kind: {row["key"]: row for row in rows} for kind, rows in found.items()}

    def of(self, kind: str) -> list[Row]:
        return list(self._found[kind].values())

    def add(self, kind: str, rows: Iterable[Row]) -> None:
        for row in rows:
            self._found[kind].setdefault(row["key"], row)


class _Looking:
    """Looks through the records of each kind."""

    def __init__(self, connection: Connection, database: Database, sight: RecordSight) -> None:
        self._connection = connection
        self._records = database.records
        self._sight = sight

    def _rows(self, kind: str) -> SightedRows:
        return SightedRows(self._records, kind, self._sight)

    async def _fetch(self, kind: str, rows: SightedRows, *conditions: str) -> list[Row]:
        condition = " OR ".join(each for each in conditions if each)
        if not condition:
            return []
        most = CASE_RECORDS_MAX + 1
        return await rows.fetch(self._connection, COLUMNS[kind], condition, most)

    async def by_text(self, kind: str, wanted: Sequence[str], by: CaseBy | None) -> list[Row]:
        """Return the records of a kind that a text names."""
        rows = self._rows(kind)
        texts = list(wanted)
        items = [
            name
            for way, compared in WHERE.items()
            if by in {None, way}
            for name in compared.get(kind, ())
        ]
        conditions = [
            f"{rows.item(name)} = ANY({rows.bind(texts)})" for name in dict.fromkeys(items)
        ]
        if by in {None, CaseBy.KEY}:
            names = await names_now(self._connection, self._records)
            keys = rows.bind([*texts, *(names.of(kind, each) for each in texts)])
            conditions.append(f"{ALIAS}.key = ANY({keys}) OR {ALIAS}.item_id = ANY({keys})")
        found = await self._fetch(kind, rows, *conditions)
        if by not in {None, CaseBy.INVOICE}:
            return found
        found += await self.by_invoice(kind, digits_of(wanted[0]))
        return list({row["entry_id"]: row for row in found}.values())

    async def by_invoice(self, kind: str, digits: str) -> list[Row]:
        """Return the records of a kind whose number of an invoice has these digits.

        By themselves, for the index of the digits helps no statement that has other ways as well.
        """
        numbered = self._records.registry[kind].trait(FoundByDigits)
        if numbered is None or len(digits) < INVOICE_DIGITS_MIN:
            return []
        rows = self._rows(kind)
        return await self._fetch(kind, rows, of_digits(rows, numbered.item, digits))

    async def complete(self, records: _Records) -> None:
        """Add what belongs to records that were found."""
        records.add(SERVICE, await self._services_of(records.of(ORDER), ()))
        records.add(CLAIM, await self._claims_of(records))
        records.add(SERVICE, await self._services_of((), records.of(CLAIM)))
        records.add(ORDER, await self._orders_of(records))
        records.add(SERVICE, await self._services_of(records.of(ORDER), ()))
        records.add(VOUCHER, await self._vouchers_of(records.of(CLAIM)))

    async def _services_of(self, orders: Sequence[Row], claims: Sequence[Row]) -> list[Row]:
        rows = self._rows(SERVICE)
        ended = [(row["instrument_key"], row["service_id"]) for row in orders if row["service_id"]]
        keys = [row["service_key"] for row in claims if row["service_key"]]
        by_key = f"{ALIAS}.key = ANY({rows.bind(keys)})" if keys else ""
        return await self._fetch(
            SERVICE, rows, _pairs(rows, ("instrument_key", "local_id"), ended), by_key
        )

    async def _claims_of(self, records: _Records) -> list[Row]:
        rows = self._rows(CLAIM)
        keys = [row["key"] for row in records.of(SERVICE)]
        vouchers = [(row["issuer_key"], row["code"]) for row in records.of(VOUCHER)]
        orders = [(row["owner"], row["local_id"]) for row in records.of(ORDER)]
        by_key = f"{rows.item('service_key')} = ANY({rows.bind(keys)})" if keys else ""
        return await self._fetch(
            CLAIM,
            rows,
            by_key,
            _pairs(rows, ("issuer_key", "code"), vouchers),
            _pairs(rows, ("provider_key", "order_no"), orders),
        )

    async def _orders_of(self, records: _Records) -> list[Row]:
        rows = self._rows(ORDER)
        services = [(row["instrument_key"], row["local_id"]) for row in records.of(SERVICE)]
        claims = [
            (row["provider_key"], row["order_no"]) for row in records.of(CLAIM) if row["order_no"]
        ]
        number = rows.item("local_id")
        named = f"({ALIAS}.owner, {number}) IN {_listed(rows, claims)}" if claims else ""
        return await self._fetch(
            ORDER, rows, _pairs(rows, ("instrument_key", "service_id"), services), named
        )

    async def _vouchers_of(self, claims: Sequence[Row]) -> list[Row]:
        rows = self._rows(VOUCHER)
        pairs = [(row["issuer_key"], row["code"]) for row in claims]
        return await self._fetch(VOUCHER, rows, _pairs(rows, ("issuer_key", "code"), pairs))


def of_digits(rows: SightedRows, item: str, digits: str) -> str:
    """Return the condition that an item has these digits and may be read."""
    value = digits_sql(f"{ALIAS}.{item}")
    return f"({value} = {rows.bind(digits, 'text')} AND {rows.may_read(item)})"


def _pairs(rows: SightedRows, items: tuple[str, str], pairs: Sequence[tuple[Any, Any]]) -> str:
    """Return the condition that two items are one of these pairs; empty for no pairs."""
    if not pairs:
        return ""
    first, second = (rows.item(name) for name in items)
    return f"({first}, {second}) IN {_listed(rows, pairs)}"


def _listed(rows: SightedRows, pairs: Sequence[tuple[Any, Any]]) -> str:
    firsts, seconds = (rows.bind([pair[at] for pair in pairs]) for at in (0, 1))
    return f"(SELECT * FROM unnest({firsts}, {seconds}))"  # noqa: S608 - own names
