"""The stand-ins that answer over HTTP, each with what a test has to know to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from adapters import Adapter
from adapters._adapter import Context
from hub.harvest.connections import ClientCredentials, StaticToken
from hub.sandbox.anhui import platform
from hub.sandbox.asset_cloud import asset_cloud
from hub.sandbox.ecnu import university
from hub.sandbox.elabftw import FACTS, elabftw
from hub.sandbox.jiangsu import jiangsu
from hub.sandbox.lims_cf import lims_cf
from hub.sandbox.nrii import NationalPlatform
from hub.sandbox.nrii_holdings import INS_CODE, stock
from hub.sandbox.shanghai import city
from hub.sandbox.voucher import (
    COUNTY,
    DEPARTMENT,
    DISTRICT_DEPARTMENT,
    delta_system,
    province_system,
)

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
DAY = date(2026, 11, 24)
PAGE, PAGE_OF_VOUCHERS = 8, 30
SCHOOL, ACCOUNT = {"institutionKey": "moe:10269"}, {"institutionKey": "moe:10335"}


@dataclass(frozen=True)
class Subject:
    """A stand-in, the lists of it that are read, and the source that reads them."""

    make: Callable[[Callable[[], date]], Any]
    auth: Callable[[Any], Any]
    lists: tuple[str, ...]
    """The last is the main one."""
    daily: tuple[str, ...]
    """Lists that are read as well where the day matters."""
    institution: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    page: int = PAGE

    def context(self, adapter: Adapter) -> Context:
        """What a run of its adapter knows."""
        return Context(
            source=adapter.id,
            now=NOW,
            institution=self.institution,
            facts=self.facts,
            lookback=adapter.lookback,
        )


def _bearer(made: Any) -> StaticToken:
    return StaticToken(f"Bearer {made.token}")


def _own(made: Any) -> Any:
    return made.auth


def _national(today: Callable[[], date]) -> NationalPlatform:
    made = NationalPlatform(INS_CODE)
    stock(made, today(), 0.3)
    return made


def _credentials(made: Any) -> ClientCredentials:
    return ClientCredentials(
        source="ecnu",
        token_url="/oauth2/token",
        client_id=made.client_id,
        client_secret=made.client_secret,
    )


def _issuer(department: str) -> dict[str, Any]:
    return {"issuers": {COUNTY: f"uscc:{department}"}}


SUBJECTS = {
    "ecnu": Subject(
        lambda today: university(today, 0.06), _credentials, ("sfbz", "dxyq"), ("yyjl",), SCHOOL
    ),
    "anhui": Subject(
        lambda today: platform(today, 0.006),
        lambda made: StaticToken(made.api_key, header="X-Api-Key"),
        ("units", "equipment"),
        ("occupancy",),
    ),
    "shanghai": Subject(
        lambda today: city(today, 0.025), _bearer, ("units", "instruments"), ("bookings",)
    ),
    "jiangsu": Subject(
        lambda today: jiangsu(today, 0.015), _bearer, ("units", "equipment"), ("bookings",)
    ),
    "asset_cloud": Subject(lambda today: asset_cloud(today, 0.06), _own, ("units", "cards"), ()),
    "lims_cf": Subject(
        lambda today: lims_cf(today, 0.06), lambda _: None, ("equipments",), ("reservs",), SCHOOL
    ),
    "elabftw": Subject(
        lambda today: elabftw(today, 0.06), _own, ("items",), ("events",), SCHOOL, FACTS
    ),
    "nrii": Subject(_national, lambda _: None, ("equipment",), (), ACCOUNT, {"insCode": INS_CODE}),
    "voucher_zhejiang": Subject(
        province_system,
        lambda made: StaticToken(made.token, header=made.header),
        ("vouchers",),
        ("claims",),
        facts=_issuer(DEPARTMENT),
        page=PAGE_OF_VOUCHERS,
    ),
    "voucher_delta": Subject(
        delta_system,
        _bearer,
        ("vouchers",),
        ("claims",),
        facts=_issuer(DISTRICT_DEPARTMENT),
        page=PAGE_OF_VOUCHERS,
    ),
}
