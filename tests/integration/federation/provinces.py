"""The stand-ins of three provinces as sources that a hub asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

from adapters import discover
from connectors.http.credentials import StaticToken
from connectors.limits import Limits
from hub.clock import Clock
from hub.harvest.connections import HttpConnection
from hub.harvest.source import HarvestSource
from hub.sandbox.anhui import platform
from hub.sandbox.faults import Switchboard
from hub.sandbox.jiangsu import jiangsu
from hub.sandbox.serve import serving
from hub.sandbox.shanghai import city
from hub.sandbox.world import SandboxInstrument, World
from schema.dates import local_date

MAKERS: dict[str, Callable[[Callable[[], date], float], Any]] = {
    "shanghai": city,
    "jiangsu": jiangsu,
    "anhui": platform,
}
DIVISIONS = {"shanghai": "31", "jiangsu": "32", "anhui": "3"}
"""How the divisions of the units begin that a platform has; that of Anhui mirrors the others."""


@asynccontextmanager
async def province(
    name: str, time: Clock, scale: float
) -> AsyncIterator[tuple[HarvestSource, Switchboard]]:
    """Serve the stand-in of a province; yield it as a source, and its faults."""
    made = MAKERS[name](lambda: local_date(time()), scale)
    auth = (
        StaticToken(made.api_key, "X-Api-Key")
        if name == "anhui"
        else StaticToken(f"Bearer {made.token}")
    )
    async with serving(made.app) as url:
        yield (
            HarvestSource(
                id=name,
                adapter=discover()[name],
                connection=HttpConnection(base_url=url, auth=auth),
                owners=None,
                authority=f"platform:{name}/booking",
                limits=Limits(attempts_max=1),
            ),
            made.switchboard,
        )
        made.switchboard.set({})


def stock_of(name: str, time: Clock, scale: float) -> list[SandboxInstrument]:
    """The instruments of a province on the day."""
    stock = World(local_date(time()), scale).platform
    return [one for one in stock if one.owner.division.startswith(DIVISIONS[name])]


def key_of(one: SandboxInstrument) -> str:
    """The key of an instrument: its unit under its best identifier, and its number."""
    owner = one.owner
    if owner.uscc:
        return f"uscc:{owner.uscc}/{one.number}"
    scheme, value = ("moe", owner.school_code) if owner.school_code else ("ror", owner.ror)
    return f"{scheme}:{value}/{one.number}"
