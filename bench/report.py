"""`report`: what was measured, as a page; pure but for the versions it names."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.data import Data
from bench.intake import Taken
from bench.reads import Race, Started
from bench.statements import Alone


@dataclass
class Results:
    """Everything one run found."""

    data: Data
    seconds: float
    rounds: int
    filled_at: float
    engine: Race = field(default_factory=dict)
    shipped: Race = field(default_factory=dict)
    alone: dict[str, Alone] = field(default_factory=dict)
    started: dict[str, Started] = field(default_factory=dict)
    checks: dict[str, float] = field(default_factory=dict)
    intake: dict[str, Taken] = field(default_factory=dict)


def markdown(made: Results) -> str:
    from pprint import pformat

    return pformat(made)
