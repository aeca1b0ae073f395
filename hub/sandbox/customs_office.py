"""`customs_office`: a customs office that goes on leaving messages in a folder, with switches.

It leaves the message of each day, and another one whenever its switches are set: what is wrong with
that one is what they say (`hub.sandbox.customs` writes both). A folder has no answers, so it cannot
be slow, refuse or count; `dead` takes the folder away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from hub.sandbox.customs import leave, message
from hub.sandbox.faults import STALE_DAYS, Switchboard

__all__ = ["CustomsOffice"]

LOOK_S = 600.0
"""How often it looks whether another day has begun."""
MESSAGE_FAULTS = {
    "cut": "cut",
    "html": "html",
    "spoiled": "lost-zero",
    "lying": "rounded",
    "schema": "new-element",
}
"""Faults of a message by the switch that gives them."""


class CustomsOffice:
    """Leaves messages in a folder; `app` has the switches."""

    def __init__(self, folder: Path, today: Callable[[], date], scale: float) -> None:
        self.switchboard = Switchboard(
            known={"dead", "stale", "repeated", *MESSAGE_FAULTS}, changed=self.leave_one
        )
        self.app = Starlette(
            routes=[Route("/_faults", self.switchboard.endpoint, methods=["GET", "POST"])]
        )
        self._folder = folder
        self._today = today
        self._scale = scale
        self._numbers = count(1)

    def leave_one(self) -> None:
        """Leave a message with what is switched on now."""
        faults = self.switchboard.faults
        away = self._folder.with_name(f"{self._folder.name}.away")
        if faults.dead:
            if self._folder.exists():
                self._folder.rename(away)
            return
        if away.exists():
            away.rename(self._folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        day = self._today() - timedelta(days=STALE_DAYS if faults.stale else 0)
        wrong = next((MESSAGE_FAULTS[each] for each in MESSAGE_FAULTS if getattr(faults, each)), "")
        content = message(day, self._scale, wrong)
        for _ in range(2 if faults.repeated else 1):
            leave(self._folder, self._free_name(day), content)

    async def keep(self) -> None:
        """Leave the message of each day, until cancelled."""
        left: date | None = None
        while True:
            if left != self._today():
                left = self._today()
                self.leave_one()
            await asyncio.sleep(LOOK_S)

    def _free_name(self, day: date) -> str:
        names = (f"relief-{day:%Y%m%d}-{number}.xml" for number in self._numbers)
        return next(name for name in names if not (self._folder / name).exists())
