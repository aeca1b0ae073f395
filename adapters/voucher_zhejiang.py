"""Zhejiang's innovation-voucher system: vouchers, claims on them, providers.

Modelled: `basis` of `voucher_zhejiang.toml` says what is known and what is this project's reading.

- `fkCountydistrict` is the county that pays: a division code. Its science bureau grants and
  decides; `[facts.issuers]` of the source's file says who that is: `"331083" = "uscc:…"`. A
  county that is not named there is refused: nobody else's decisions are taken for its own.
- `appliMoney` is what was applied for. It was granted only once the voucher was.
- The review of a voucher is about its application, that of a claim about its settlement.
- A voucher and a claim end by a state, not by leaving a list; a provider ends by leaving it.
- `[facts] version` names the version of the codes; 2018 is the only one so far.
- Personal: contact, phone, email. Names, contract and attachment stay with the source.
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
from connectors.rest import PagedJson, PageNumber
from schema.codes import Province, VoucherService, VoucherState

METADATA = metadata_of("voucher_zhejiang")
NEWEST = "2018"
VOUCHERS = voucher_codes(METADATA.codes, NEWEST)
CLAIMS = claim_codes(METADATA.codes, NEWEST)
SERVICES = METADATA.codes.words("services", VoucherService)
REGISTERED = METADATA.codes.flag("registered")
PROVINCES = METADATA.codes.words("provinces", Province)
UNGRANTED = (VoucherState.APPLIED, VoucherState.REJECTED)
PEOPLE = ("contact", "phone", "email")
OF_VOUCHERS = ("innovateId", "applyUnitName", "entname", "enttype", "applicationTime", "remark")
OF_CLAIMS = (
    "cashId",
    "contractName",
    "contractAttachment",
    "serviceEnterName",
    "entname",
    "remark",
)


def voucher(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one voucher, in the state that its history reached."""
    row.drop(*PEOPLE)
    row.ignore(*OF_VOUCHERS)
    row.ignore("fpRovince", "fkcity")
    codes = of_version(row, context, VOUCHERS, NEWEST)
    now = reached(row, codes, context)
    applied = fen(row, "appliMoney")
    yield Mapped(
        "Voucher",
        present(
            issuerKey=_issuer(row, context),
            code=row.text("innovateCode"),
            holderKey=party(row, "appliEntercode"),
            state=now.state.value,
            payerDivision=row.optional_text("fkCountydistrict"),
            grantedFen=None if now.state in UNGRANTED else applied,
            useUntil=row.optional_day("usecutoffDate"),
            cashUntil=row.optional_day("cashcutoffDate"),
            services=services(row, "servicetypeCode", SERVICES),
            ruleSet=row.optional_text("ruleName"),
            changedAt=now.at,
        ),
    )


def claim(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one claim; where a review has spoken, it says how far the claim is."""
    row.drop(*PEOPLE)
    row.ignore(*OF_CLAIMS)
    now = reached(row, of_version(row, context, CLAIMS, NEWEST), context)
    items = claim_items(row, now)
    instrument, record = row.optional_text("innerId"), row.optional_text("recordInnerId")
    service = f"{items['providerKey']}/{instrument}/{record}" if instrument and record else None
    yield Mapped(
        "VoucherClaim",
        present(issuerKey=_issuer(row, context), serviceKey=service, **items),
    )


def provider(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one provider that a county registered; one that was struck off is withdrawn."""
    row.drop(*PEOPLE)
    row.ignore("serviceEnterName", "fkCountydistrict")
    yield registration(
        row,
        _issuer(row, context),
        row.code("fpRovince", PROVINCES),
        services(row, "servicetypeCode", SERVICES),
        is_valid=row.flag("enabled", *REGISTERED),
    )


def _issuer(row: Row, context: Context) -> str:
    """Return the department of the county that pays, as the operator named it."""
    county = row.text("fkCountydistrict")
    issuer = context.facts.get("issuers", {}).get(county)
    if county and issuer is None:
        zh = "该区县的发放单位不在来源文件的 [facts.issuers] 中"
        en = "is not in [facts.issuers] of the source's file; add the department of this county"
        row.fault("fkCountydistrict", "ISSUER_UNKNOWN", zh, en)
    return issuer or ""


def _list(name: str, key: str) -> PagedJson:
    return PagedJson(
        path=f"innovate/api/{name}",
        paging=PageNumber(page="pageNum", size="pageSize", rows=200),
        items_at="data.records",
        total_at="data.total",
        key=(key,),
    )


def _collections() -> tuple[Collection, ...]:
    return (
        Collection(
            name="providers",
            reader=_list("providers", "registerCode"),
            map=provider,
            types=("ProviderRegistration",),
            complete=True,
        ),
        Collection(
            name="vouchers",
            reader=_list("vouchers", "innovateId"),
            map=voucher,
            types=("Voucher",),
        ),
        Collection(
            name="claims",
            reader=_list("claims", "cashId"),
            map=claim,
            types=("VoucherClaim",),
        ),
    )


ADAPTER = Adapter(metadata=METADATA, collections=_collections())
