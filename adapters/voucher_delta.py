"""The delta's voucher platform (通用通兑): four regions' vouchers on each other's services.

The interface is not public; `basis` of `voucher_delta.toml` says on what this is modelled. On such
a platform the home region of an enterprise pays, and its provider may sit in another one.

- `grantEntercode` is the department that granted: the platform carries decisions of many.
- Codes changed with the version of the platform: 2021 numbers them, 2024 writes words. `[facts]
  version` of the source's file says which one answers; the same number never meets two tables.
- A statement on control is the enterprise's own; it is taken where the source may speak for it.
- Personal: contact, phone, the person who states.
"""

from __future__ import annotations

from collections.abc import Iterable

from adapters._adapter import Adapter, Collection, Context, Mapped, Yielded
from adapters._metadata_files import metadata_of
from adapters._nrii import present
from adapters._row import Row
from adapters._voucher import (
    claim_codes,
    claim_items,
    fen,
    of_version,
    party,
    reached,
    registration,
    services,
    voucher_codes,
)
from connectors.rest import NextLink, PagedJson
from schema.codes import Province, VoucherService, VoucherState

METADATA = metadata_of("voucher_delta")
NEWEST = "2024"
VOUCHERS = voucher_codes(METADATA.codes, "2021", NEWEST)
CLAIMS = claim_codes(METADATA.codes, "2021", NEWEST)
SERVICES = METADATA.codes.words("services", VoucherService)
CONTROLLED = METADATA.codes.flag("controlled")
PROVINCES = METADATA.codes.words("provinces", Province)
UNGRANTED = (VoucherState.APPLIED, VoucherState.REJECTED)
PEOPLE = ("contact", "phone")


def voucher(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one voucher, in the state that its history reached."""
    row.drop(*PEOPLE)
    row.ignore("innovateId", "applyUnitName", "applicationTime")
    now = reached(row, of_version(row, context, VOUCHERS, NEWEST), context)
    applied, granted = fen(row, "appliMoney"), fen(row, "grantMoney")
    yield Mapped(
        "Voucher",
        present(
            issuerKey=party(row, "grantEntercode"),
            code=row.text("innovateCode"),
            holderKey=party(row, "appliEntercode"),
            state=now.state.value,
            payerDivision=row.optional_text("payAdcode"),
            grantedFen=None if now.state in UNGRANTED else _granted(granted, applied),
            useFrom=row.optional_day("usestartDate"),
            useUntil=row.optional_day("usecutoffDate"),
            cashUntil=row.optional_day("cashcutoffDate"),
            services=services(row, "servicetypeName", SERVICES),
            ruleSet=row.optional_text("ruleName"),
            changedAt=now.at,
        ),
    )


def _granted(granted: int | None, applied: int | None) -> int | None:
    return applied if granted is None else granted


def claim(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one claim; where a review has spoken, it says how far the claim is."""
    row.drop(*PEOPLE)
    row.ignore("contractName", "contractAttachment", "serviceEnterName")
    now = reached(row, of_version(row, context, CLAIMS, NEWEST), context)
    yield Mapped(
        "VoucherClaim",
        present(
            issuerKey=party(row, "grantEntercode"),
            serviceKey=row.optional_text("serviceRecordKey"),
            **claim_items(row, now),
        ),
    )


def provider(row: Row, _: Context) -> Iterable[Yielded]:
    """Map one provider that a region registered; one that was struck off is withdrawn."""
    row.drop(*PEOPLE)
    row.ignore("serviceEnterName")
    yield registration(
        row,
        party(row, "registerEntercode"),
        row.code("fpRovince", PROVINCES),
        services(row, "servicetypeName", SERVICES),
        is_valid=row.flag("enabled", "true", "false"),
    )


def statement(row: Row, _: Context) -> Iterable[Yielded]:
    """Map what an enterprise states on its relation to a provider; 未声明 says nothing."""
    row.drop("statedBy")
    yield Mapped(
        "RelationStatement",
        {
            "holderKey": party(row, "appliEntercode"),
            "providerKey": party(row, "serviceEntercode"),
            "statedOn": row.optional_day("stateDate") or row.text("stateDate"),
            "isControlled": row.flag("controlled", *CONTROLLED),
        },
    )


def _list(name: str, *key: str) -> PagedJson:
    return PagedJson(
        path=f"ytd/v2/{name}",
        paging=NextLink(at="next", size="limit", rows=200),
        items_at="list",
        total_at="total",
        key=key,
    )


ADAPTER = Adapter(
    metadata=METADATA,
    collections=(
        Collection(
            name="providers",
            reader=_list("providers", "registerEntercode", "registerCode"),
            map=provider,
            types=("ProviderRegistration",),
            complete=True,
        ),
        Collection(
            name="vouchers",
            reader=_list("vouchers", "grantEntercode", "innovateCode"),
            map=voucher,
            types=("Voucher",),
        ),
        Collection(
            name="claims",
            reader=_list("claims", "grantEntercode", "innovateCode", "cashCode"),
            map=claim,
            types=("VoucherClaim",),
        ),
        Collection(
            name="statements",
            reader=_list("statements", "appliEntercode", "serviceEntercode", "stateDate"),
            map=statement,
            types=("RelationStatement",),
        ),
    ),
)
