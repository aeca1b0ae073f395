"""`RowProgress`: how far a long submission is, a line for each part, on standard error.

It is quiet where nobody looks: standard error is no terminal, and nobody asked for it.
"""

from __future__ import annotations

import sys
from datetime import datetime

from hub.clock import Clock, system_clock

SECONDS_OF_A_MINUTE = 60


class RowProgress:
    """Counts rows that are done, and says so."""

    def __init__(
        self, total: int | None, *, wanted: bool | None = None, clock: Clock = system_clock
    ) -> None:
        """`total`: of how many rows, where that is known.

        `wanted`: whether to speak; None: where standard error is a terminal.
        """
        self._total = total
        self._done = self._sent = 0
        self._clock = clock
        self._began: datetime = clock()
        self._speaks = sys.stderr.isatty() if wanted is None else wanted

    def say(self, words: str) -> None:
        """Say something that is not about rows."""
        if self._speaks:
            print(words, file=sys.stderr, flush=True)

    def add(self, rows: int, *, is_known: bool) -> None:
        """Count rows of a part; `is_known`: it had been taken before, in no time."""
        self._done += rows
        self._sent += 0 if is_known else rows
        seconds = (self._clock() - self._began).total_seconds()
        line = f"  {self._done:,} 行 rows"
        if self._total is not None:
            share = 100 * self._done // max(self._total, 1)
            line = f"  {self._done:,} / {self._total:,} 行 rows · {share} %"
        if is_known:
            line += " · 此前已提交 in already"
        elif seconds > 0 and self._sent:
            speed = self._sent / seconds
            line += f" · {speed:,.0f} 行/秒 rows/s"
            if self._total is not None:
                line += f" · 剩余约 left about {_shown((self._total - self._done) / speed)}"
        self.say(line)


def _shown(seconds: float) -> str:
    if seconds < SECONDS_OF_A_MINUTE:
        return f"{seconds:.0f} 秒 s"
    return f"{seconds / SECONDS_OF_A_MINUTE:.0f} 分 min"
