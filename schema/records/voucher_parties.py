"""Whom a region takes for its vouchers, and how enterprise and provider stand to each other."""

from __future__ import annotations

from datetime import date

from schema.codes import AgreementDataset, Province, VoucherService
from schema.identifiers import check_institution_key
from schema.item import Grade, item, record
from schema.parties import Effect, party_in
from schema.records.bounds import NOT_AHEAD
from schema.records.rules import differ, interval_of
from schema.records.voucher import VOUCHER_PATTERN
from schema.traits import FoundTogether, Listable
from schema.values import KEY_PATTERN
from schema.visibility import by_agreement


@record(
    "服务机构登记",
    key=("registrar_key", "registration_no"),
    prefix="vprov",
    owner=party_in("provider_key"),
    issuer=party_in("registrar_key"),
    effect=Effect.DECISION,
    scope="voucher:read",
    rows=by_agreement(AgreementDataset.VOUCHER),
    traits=(Listable(),),
    checks=(interval_of("validFrom", "validUntil"),),
)
class ProviderRegistration:
    """That a region's department takes an institution's services for its vouchers."""

    registrar_key: str = item(
        "登记单位",
        "Department that registered it",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    registration_no: str = item("登记编号", "Number of the entry", pattern=VOUCHER_PATTERN)
    provider_key: str = item(
        "服务机构",
        "Institution that gives services",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    province: Province | None = item("地区", "Region", grade=Grade.L3, default=None)
    services: tuple[VoucherService, ...] = item(
        "登记服务", "Services it is registered for", grade=Grade.L3, default=()
    )
    valid_from: date | None = item("生效日期", "First day", grade=Grade.L3, default=None)
    valid_until: date | None = item("失效日期", "Last day", grade=Grade.L3, default=None)


@record(
    "关联关系声明",
    key=("holder_key", "provider_key", "stated_on"),
    prefix="vrel",
    owner=party_in("holder_key"),
    scope="voucher:read",
    rows=by_agreement(AgreementDataset.VOUCHER, "provider_key"),
    traits=(FoundTogether(items=(("holder_key", "provider_key"),)), Listable()),
    checks=(differ("holderKey", "providerKey"),),
)
class RelationStatement:
    """Whether an enterprise and a provider control one another, as the enterprise states it."""

    holder_key: str = item(
        "声明单位",
        "Enterprise that states it",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    provider_key: str = item(
        "服务机构",
        "Provider that it speaks of",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    stated_on: date = item(
        "声明日期", "Day of the statement; the newest counts", plausible=(NOT_AHEAD,)
    )
    is_controlled: bool | None = item(
        "存在控制关系", "Whether one controls the other", grade=Grade.L3, default=None
    )
