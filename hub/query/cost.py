"""`cost`: what a request may take, known before it runs.

A tree that mirrors the selection: each object counts 1, a list its `first` times what one member
counts. Only the multipliers depend on values, so the tree belongs to the plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.query.arguments import Argument
from hub.query.binding import Env


@dataclass(slots=True)
class Cost:
    """A node of the tree; `times` is a count, or the argument that gives it."""

    own: int = 1
    times: int | Argument = 1
    parts: list[Cost] = field(default_factory=list)
    choices: list[Cost] = field(default_factory=list)
    """One of these comes true; the dearest counts."""

    def part(self, own: int = 1, times: int | Argument = 1) -> Cost:
        """Add a node below this one."""
        made = Cost(own, times)
        self.parts.append(made)
        return made

    def choice(self) -> Cost:
        """Add one of several things of which one comes true."""
        made = Cost(own=0)
        self.choices.append(made)
        return made

    def total(self, env: Env) -> int:
        """Return the cost for the values of a request."""
        if isinstance(self.times, Argument):
            value = self.times.read(env.values)
            times = len(value) if isinstance(value, list) else value
        else:
            times = self.times
        parts = sum(part.total(env) for part in self.parts)
        dearest = max((choice.total(env) for choice in self.choices), default=0)
        return max(int(times), 0) * (self.own + parts + dearest)
