"""Three provinces with a hub each: Shanghai asks Zhejiang, Zhejiang asks Jiangsu, Jiangsu Shanghai.

Each has a university of its own, which pushes. A fourth university tells all three of its
instrument `E1`; Jiangsu alone can ask it about bookings. A platform of Shanghai (`south`) speaks
for the universities of all three; what is at home elsewhere is handed on there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hub.access.clients import ClientKind
from hub.sandbox.serve import serving
from tests.databases import Spares, opened
from tests.integration.federation.campus import UNIVERSITY, Campus
from tests.integration.federation.two_hubs import (
    FUDAN,
    OWNERS,
    PEER_SCOPES,
    ZJU,
    Province,
    hubs_of,
    institution,
    instrument,
    put,
    registered,
    seed_shanghai,
    seed_zhejiang,
    written,
)
from tests.running_hub import free_port

NJU = "moe:10284"
OWNERS |= {"nju": [NJU], "south": [FUDAN, ZJU, NJU], "univ": [UNIVERSITY]}
E1 = f"{UNIVERSITY}/E1"
PUSHING = ("records:push", "records:withdraw", "receipt:read", "catalogue:read", "graphql:adhoc")
READING = ("catalogue:read", "graphql:adhoc")
HANDED_ON = {"zhejiang": (ZJU, "zju"), "jiangsu": (NJU, "nju")}
"""Whose rows Shanghai hands on, and to which source."""
ASKS = {
    "shanghai": ("zhejiang", "jiangsu"),
    "zhejiang": ("jiangsu",),
    "jiangsu": ("shanghai",),
}


@dataclass
class Delta:
    """The three, and the port of the university that Jiangsu asks."""

    shanghai: Province
    zhejiang: Province
    jiangsu: Province
    campus_port: int

    @property
    def all(self) -> tuple[Province, ...]:
        return self.shanghai, self.zhejiang, self.jiangsu

    @asynccontextmanager
    async def connected(self, *, away: str = "") -> AsyncIterator[Campus]:
        """Lay the lines to all but `away`, and open the university, as long as the block runs."""
        campus = Campus()
        campus.bookings = []
        async with AsyncExitStack() as stack:
            for province in self.all:
                if province.name != away:
                    await stack.enter_async_context(province.line.laid())
            await stack.enter_async_context(serving(campus.app, self.campus_port))
            yield campus
            campus.switchboard.set({})


async def seed_jiangsu(url: str) -> None:
    async with opened(url) as database:
        await put(database, "nju", [institution(NJU, "南京大学", "320106")])
        await put(database, "nju", [instrument(NJU, "J1")])


async def _with_e1(url: str, seed: Any) -> None:
    await seed(url)
    async with opened(url) as database:
        await put(database, "univ", [institution(UNIVERSITY, "华东师范大学", "310107")])
        await put(database, "univ", [instrument(UNIVERSITY, "E1")])


@contextmanager
def three_provinces(spares: Spares, folder: Path) -> Iterator[Delta]:
    """Run three hubs that ask each other in a ring."""
    seeds = {
        "shanghai": lambda url: _with_e1(url, seed_shanghai),
        "zhejiang": lambda url: _with_e1(url, seed_zhejiang),
        "jiangsu": lambda url: _with_e1(url, seed_jiangsu),
    }
    with hubs_of(spares, folder, seeds) as made:
        delta = Delta(**made, campus_port=free_port())
        asyncio.run(_acquaint(delta))
        yield delta


async def _acquaint(delta: Delta) -> None:
    hubs = {each.name: each for each in delta.all}
    for name, asked in ASKS.items():
        for there in asked:
            await _peers(hubs[name], hubs[there])
    written(
        delta.jiangsu.sources / "campus.toml",
        f'adapter = "ecnu"\nbase_url = "http://127.0.0.1:{delta.campus_port}/"\n'
        f'owners = ["{UNIVERSITY}"]\ndivision_code = "310000"\n[token]\nvalue = "x"\n',
    )
    shanghai = delta.shanghai
    await registered(shanghai, "reader", ClientKind.PARTNER, READING)
    await shanghai.knows("south")
    await registered(shanghai, "platform", ClientKind.PARTNER, PUSHING, source="south")


async def _peers(here: Province, there: Province) -> None:
    """Register one hub at another one, and write down there how it is asked."""
    owner, source = HANDED_ON.get(there.name, ("", "")) if here.name == "shanghai" else ("", "")
    scopes = (*PEER_SCOPES, *(("records:push", "records:withdraw") if owner else ()))
    await registered(there, f"hub-{here.name}", ClientKind.PEER, scopes, source=source)
    policy = here.folder / f"{there.name}.policy"
    policy.write_bytes(httpx.get(f"{there.base}/log/policy", timeout=10).content)
    key = there.keys[f"hub-{here.name}"]
    text = (
        f'adapter = "peer_hub"\nowners = "any"\nkind = "PEER"\n'
        f'authority = "hub:{there.name}/records"\n'
        f'[hub]\nurl = "{there.public}"\nclient_id = "hub-{here.name}"\n'
        f'key_file = "{key}"\npolicy = "{policy}"\n'
    )
    if owner:
        text += f'homes = {{ "{owner}" = "{source}" }}\n'
    if (here.name, there.name) == ("shanghai", "jiangsu"):
        # Shanghai knows the fourth university's instrument through Zhejiang alone.
        text += f'[facts]\nhome_of = ["{UNIVERSITY}"]\n'
    written(here.sources / f"{there.name}.toml", text)
