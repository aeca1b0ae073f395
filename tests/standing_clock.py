"""`StandingClock`: the hour of a test, which passes only when the test says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class StandingClock:
    """A clock that stands until it is told otherwise. `now`: aware."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        """Let time pass; `span` as for `timedelta`."""
        self.now += timedelta(**span)
