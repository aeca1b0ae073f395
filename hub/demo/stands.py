"""`stands`: the other stand-in systems of the demo, each a source of its own protocol.

They are read after the story, beside the running hub: a register of assets, a laboratory system and
a notebook of one university (the same one that has its own interface: its instruments have several
claims), a national platform, two voucher systems, a customs office that leaves messages in a
folder. They are small, so that the hub has heard of all of them within seconds. Meters need a
broker and NEMO is a real system: neither is here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from adapters import discover
from hub.demo import records
from hub.harvest.connections import HttpConnection, SourceConnection, StaticToken
from hub.harvest.connections.files import FolderConnection
from hub.harvest.source import HarvestSource
from hub.sandbox.asset_cloud import UNIT, asset_cloud
from hub.sandbox.customs import APPLICANT, OFFICE
from hub.sandbox.customs_office import CustomsOffice
from hub.sandbox.elabftw import FACTS, elabftw
from hub.sandbox.lims_cf import lims_cf
from hub.sandbox.nrii import NationalPlatform
from hub.sandbox.nrii_holdings import INS_CODE, stock
from hub.sandbox.serve import serving
from hub.sandbox.voucher import (
    COUNTY,
    DEPARTMENT,
    DISTRICT_DEPARTMENT,
    ENTERPRISES,
    VoucherSystem,
    delta_system,
    province_system,
)

SCALE = 0.1
"""Share of their world: some fifty instruments of a university."""
CUSTOMS_SCALE = 0.3
"""Of so many some are under supervision."""
SCHOOL = "moe:10269"
INSTITUTION = {
    "institutionKey": SCHOOL,
    "name": {"zh": "华东师范大学", "en": "East China Normal University"},
    "kind": "UNIVERSITY",
    "divisionCode": "310107",
}
CUSTOMS = records.demo_party("330000", 3)
SANDBOX = ("（沙箱）", " (sandbox)")


@dataclass(frozen=True)
class Stand:
    """A running stand-in: the source that reads it, and the address of its switches."""

    source: HarvestSource
    switches: str


@asynccontextmanager
async def stands(today: Callable[[], date], drop: Path) -> AsyncIterator[tuple[Stand, ...]]:
    """Serve all of them as long as the block runs; customs leaves its messages in `drop`."""
    async with AsyncExitStack() as stack:

        async def up(app: Starlette) -> str:
            return await stack.enter_async_context(serving(app))

        assets, lims = asset_cloud(today, SCALE), lims_cf(today, SCALE)
        notebook = elabftw(today, SCALE)
        national = NationalPlatform(INS_CODE)
        stock(national, today(), CUSTOMS_SCALE)
        province, delta = province_system(today), delta_system(today)
        office = CustomsOffice(drop, today, CUSTOMS_SCALE)
        keeping = asyncio.create_task(office.keep(), name="customs office")
        stack.callback(keeping.cancel)
        made = (
            _assets(await up(assets.app), assets.auth),
            _of_the_school("lims_cf", await up(lims.app), None),
            _of_the_school("elabftw", await up(notebook.app), notebook.auth, facts=FACTS),
            _national(await up(national.app)),
            _vouchers("voucher_zhejiang", DEPARTMENT, await up(province.app), province),
            _vouchers("voucher_delta", DISTRICT_DEPARTMENT, await up(delta.app), delta),
        )
        yield (
            *(Stand(source, f"{source.connection.place}/_faults") for source in made),
            Stand(_customs(drop), f"{await up(office.app)}/_faults"),
        )


def _source(
    name: str, connection: SourceConnection, owners: tuple[str, ...], **more: Any
) -> HarvestSource:
    adapter = discover()[name]
    return HarvestSource(
        id=name,
        adapter=adapter,
        connection=connection,
        owners=owners,
        title_zh=adapter.title_zh + SANDBOX[0],
        title_en=adapter.title_en + SANDBOX[1],
        **more,
    )


def _of_the_school(name: str, url: str, auth: httpx.Auth | None, **more: Any) -> HarvestSource:
    connection = HttpConnection(base_url=url, auth=auth)
    more |= {"institution": INSTITUTION, "division_code": "310000"}
    return _source(name, connection, (SCHOOL,), **more)


def _assets(url: str, auth: httpx.Auth) -> HarvestSource:
    connection = HttpConnection(base_url=url, auth=auth)
    return _source("asset_cloud", connection, (f"uscc:{UNIT}",), division_code="310000")


def _national(url: str) -> HarvestSource:
    return _source(
        "nrii",
        HttpConnection(base_url=url),
        (records.UNIVERSITY,),
        institution={"institutionKey": records.UNIVERSITY},
        facts={"insCode": INS_CODE},
    )


def _vouchers(name: str, department: str, url: str, system: VoucherSystem) -> HarvestSource:
    issuer = f"uscc:{department}"
    prefix = "Bearer " if system.header == "Authorization" else ""
    auth = StaticToken(prefix + system.token, header=system.header)
    return _source(
        name,
        HttpConnection(base_url=url, auth=auth),
        (issuer, *(f"uscc:{each}" for each in ENTERPRISES)),
        authority=f"{issuer}/vouchers",
        facts={"issuers": {COUNTY: issuer}},
    )


def _customs(drop: Path) -> HarvestSource:
    return _source(
        "customs_relief",
        FolderConnection(path=str(drop.absolute())),
        (CUSTOMS, f"uscc:{APPLICANT}"),
        authority=f"{CUSTOMS}/relief",
        facts={"customs_offices": {OFFICE: CUSTOMS}},
    )
