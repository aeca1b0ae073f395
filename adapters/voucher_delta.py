"""The delta's voucher platform (通用通兑): four regions' vouchers on each other's services.

The interface is not public. Members of vouchers and claims are those of the real voucher system
that `adapters._voucher` names; envelope, cursor, codes and the list of statements are this
project's reading of a platform on which the home region of an enterprise pays and its provider may
sit in another one.

- `grantEntercode` is the department that granted: the platform carries decisions of many.
- Codes changed with the version of the platform: 2021 numbers them, 2024 writes words. `[facts]
  version` of the source's file says which one answers; the same number never meets two tables.
- A statement on control is the enterprise's own; it is taken where the source may speak for it.
- Personal: contact, phone, the person who states.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from adapters._adapter import Adapter, Collection, Context, Mapped, Yielded
from adapters._nrii import present
from adapters._row import Row
from adapters._voucher import (
    Codes,
    claim_items,
    fen,
    of_version,
    party,
    reached,
    registration,
    services,
)
from connectors.rest import NextLink, PagedJson
from schema.codes import Province, VoucherClaimState, VoucherService, VoucherState

NEWEST = "2024"
VOUCHERS = {
    "2021": Codes(
        status={
            "01": VoucherState.APPLIED,
            "02": VoucherState.GRANTED,
            "03": VoucherState.EXPIRED_USE,
            "04": VoucherState.EXPIRED_CASH,
        },
        reviewed={"00": None, "01": None, "02": VoucherState.REJECTED, "03": None},
        under_review=VoucherState.APPLIED,
        rejected=VoucherState.REJECTED,
    ),
    "2024": Codes(
        status={
            "APPLIED": VoucherState.APPLIED,
            "ISSUED": VoucherState.GRANTED,
            "USE_OVER": VoucherState.EXPIRED_USE,
            "CASH_OVER": VoucherState.EXPIRED_CASH,
        },
        reviewed={"PENDING": None, "PASSED": None, "RETURNED": VoucherState.REJECTED},
        under_review=VoucherState.APPLIED,
        rejected=VoucherState.REJECTED,
    ),
}
CLAIMS = {
    "2021": Codes(
        status={
            "11": VoucherClaimState.RESERVED,
            "12": VoucherClaimState.CONSUMED,
            "13": VoucherClaimState.SUBMITTED,
            "14": VoucherClaimState.SETTLED,
            "15": VoucherClaimState.RELEASED,
            "16": VoucherClaimState.CLAWED_BACK,
        },
        reviewed={
            "00": None,
            "01": None,
            "02": VoucherClaimState.REJECTED,
            "03": VoucherClaimState.COUNTY_OK,
            "05": VoucherClaimState.CITY_OK,
            "06": VoucherClaimState.REJECTED,
        },
        under_review=VoucherClaimState.SUBMITTED,
        rejected=VoucherClaimState.REJECTED,
    ),
    "2024": Codes(
        status={
            "RESERVED": VoucherClaimState.RESERVED,
            "USED": VoucherClaimState.CONSUMED,
            "CLAIMED": VoucherClaimState.SUBMITTED,
            "PAID": VoucherClaimState.SETTLED,
            "CANCELLED": VoucherClaimState.RELEASED,
            "RECOVERED": VoucherClaimState.CLAWED_BACK,
        },
        reviewed={
            "PENDING": None,
            "COUNTY_PASSED": VoucherClaimState.COUNTY_OK,
            "CITY_PASSED": VoucherClaimState.CITY_OK,
            "RETURNED": VoucherClaimState.REJECTED,
        },
        under_review=VoucherClaimState.SUBMITTED,
        rejected=VoucherClaimState.REJECTED,
    ),
}
SERVICES = {service.zh: service for service in VoucherService}
PROVINCES = {each.zh: each for each in Province}
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
            "isControlled": row.flag("controlled", "是", "否"),
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
    id="voucher_delta",
    title_zh="长三角科技创新券通用通兑平台",
    title_en="Innovation-voucher platform of the Yangtze River Delta",
    publisher_zh="长三角科技资源共享服务平台",
    publisher_en="Sharing platform for science and technology resources of the delta",
    collections=(
        Collection(
            name="providers",
            reader=_list("providers", "registerEntercode", "registerCode"),
            map=provider,
            types=("ProviderRegistration",),
            every=timedelta(hours=6),
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
    promised_freshness=timedelta(hours=24),
    every=timedelta(hours=1),
    many_institutions=True,
)
