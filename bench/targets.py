"""`targets`: what the project must reach (`ratio`, `share`, `rate`, `limit`), and how a figure stands.

A figure that is missed is reported as missed; its cause stands in `bench/README.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

OVER_POSTGRAPHILE = {"W1": 3.5, "W2": 4.0, "W3": 5.0}
"""Requests a second, engine alone, over PostGraphile without its token check."""
OVER_STRAWBERRY = {"W1": 50.0, "W2": 50.0, "W3": 40.0}
"""Requests a second, engine alone, over stock Strawberry with SQLAlchemy."""
OF_PGBENCH = {"W1": 0.85, "W3": 0.85}
"""Requests a second, engine alone, of what the same statement gives through pgbench."""
CHECKS_US = 150.0
"""Processor time of all checks of a request together."""
ROWS_PER_S = {"request-signed": 8_000.0, "producer-signed": 4_000.0}
"""Rows a second, from the first byte sent to the last receipt."""
GROWTH = 1.3
"""Cost of one page of a table ten times as large."""

STATE_S = 5.0
"""Age of the oldest reading when the present state of its meter stands."""
UNCHANGED_ENTRIES = 0
"""Entries that a source writes which is read again unchanged."""
JOIN_OVER_HIVE = {"EACH": 1.5, "SECOND": 5.0}
"""Answers joined live of three systems a second, over Hive Gateway that asks them for each answer."""
LATE_MS = 50.0
"""By how much an answer comes after the deadline where a system is silent."""
HEALTHY_KEPT = 0.95
"""Share of its rate that a question about healthy systems keeps beside others about silent ones."""
STALL_MS = 50.0
"""Longest that one hostile request holds up the event loop."""
VICTIM_MS = 200.0
"""Wait that one answer of a hundred exceeds while others storm the hub."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure beside its target."""

    figure: float
    target: float
    more_is_better: bool = True

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        if self.more_is_better:
            return self.figure >= self.target
        return self.figure <= self.target

    def __str__(self) -> str:
        return "met" if self.is_met else "MISSED"
