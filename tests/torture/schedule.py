"""What is killed when: a list that a seed decides and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

PAUSE_S = (0.2, 2.5)
"""Bounds of the pause before a kill."""


class Target(StrEnum):
    """What is killed with SIGKILL."""

    WORKER = "WORKER"  # one process that serves; it may be the one whose sequencer leads
    WORKERS = "WORKERS"  # every process that serves, at once
    SEQUENCER = "SEQUENCER"  # the process that does nothing but sequence
    POSTGRES = "POSTGRES"  # the first process of PostgreSQL, and with it all others
    BACKEND = "BACKEND"  # one connection's process; PostgreSQL then restarts by itself


_WEIGHTS = {
    Target.WORKER: 45,
    Target.WORKERS: 8,
    Target.SEQUENCER: 15,
    Target.POSTGRES: 20,
    Target.BACKEND: 12,
}


@dataclass(frozen=True, slots=True)
class Action:
    """One kill: after which pause, of what, and which one where there are several."""

    pause_s: float
    target: Target
    pick: int


def schedule(seed: int, kills: int) -> list[Action]:
    """Return the kills of a seed; the same seed gives the same list, a longer one begins with it.

    The first five are one of each, so that a short run has them all.
    """
    random = Random(f"kills {seed}")
    first = random.sample(list(Target), len(Target))
    targets, weights = list(_WEIGHTS), list(_WEIGHTS.values())
    made: list[Action] = []
    for number in range(kills):
        pause = random.uniform(*PAUSE_S)
        drawn = random.choices(targets, weights)[0]
        target = first[number] if number < len(first) else drawn
        made.append(Action(pause, target, random.randrange(1 << 16)))
    return made
