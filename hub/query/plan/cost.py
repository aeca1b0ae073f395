"""`cost`: the cost of a request, known before it runs.

A tree that mirrors the selection: each object counts 1, a list its `first` times what one member
counts. Only the multipliers depend on values, so the tree belongs to the plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphql.execution.values import VariableValues

from hub.query.plan.arguments import NOTHING, Argument


@dataclass(slots=True)
class Cost:
    """A node of the tree; `times` is a count, or the argument that gives it."""

    own: int = 1
    times: int | Argument = 1
    most: int | None = None
    """Members that a list counts as at most: of few rows, whatever number is allowed."""
    parts: list[Cost] = field(default_factory=list)
    choices: list[Cost] = field(default_factory=list)
    """Alternatives, of which the most expensive one counts."""

    def part(self, own: int = 1, times: int | Argument = 1, most: int | None = None) -> Cost:
        """Add a node below this one."""
        below = Cost(own, times, most)
        self.parts.append(below)
        return below

    def choice(self) -> Cost:
        """Add one of several alternatives."""
        below = Cost(own=0)
        self.choices.append(below)
        return below

    def total(self, values: VariableValues) -> int:
        """Return the cost for the values of a request."""
        dearest = max((choice.total(values) for choice in self.choices), default=0)
        parts = sum(part.total(values) for part in self.parts)
        return self._count(values) * (self.own + parts + dearest)

    def _count(self, values: VariableValues) -> int:
        times = self.times
        if isinstance(times, Argument):
            value = times.read(values)
            times = max(len(value) if isinstance(value, list) else int(value), 0)
        return times if self.most is None else min(times, self.most)

    def settled(self) -> Cost:
        """Return the same cost with every part summed up that does not depend on variables."""
        cost = Cost(self.own, self.times, self.most)
        if isinstance(self.times, Argument) and self.times.is_constant:
            cost.times = self._count(NOTHING)
        for part in map(Cost.settled, self.parts):
            if part.is_settled:
                cost.own += part.total(NOTHING)
            else:
                cost.parts.append(part)
        choices = [choice.settled() for choice in self.choices]
        if all(choice.is_settled for choice in choices):
            cost.own += max((choice.total(NOTHING) for choice in choices), default=0)
        else:
            cost.choices = choices
        return cost

    @property
    def is_settled(self) -> bool:
        """Whether it is the same for every request."""
        return not (self.parts or self.choices or isinstance(self.times, Argument))
