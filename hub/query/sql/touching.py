"""`touching`: which instruments a root field shows the calendar of, and how fresh it must be.

What is asked live is the calendar of an instrument. A root field that finds instruments and looks
at their calendar (availability, bookings, coverage, a filter by free time) touches those of its
page. They are found by the field's own statement with `key` as all that it selects, so nobody
causes a question about an instrument that he could not read. Fields that reach a calendar in
another way (through an institution, in a list of bookings) read the store.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from graphql import FieldNode, GraphQLField, NameNode, SelectionSetNode
from graphql.execution.values import VariableValues

from hub.query.plan.arguments import Sample, argument_of
from hub.query.plan.freshness import DEADLINE_S, Freshness, deadline_of, duration_s
from hub.query.plan.selection import Selected
from hub.query.sql.compiled import Compiled
from hub.query.sql.model import ByKey, Connected, Interface
from schema.traits import Bookable


@dataclass(frozen=True, slots=True)
class WantedFreshness:
    """How old what a field reads may be, and how long sources are waited for."""

    max_staleness_s: float
    deadline_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Touch:
    """A root field that can say how fresh its answer must be."""

    node: FieldNode
    field: GraphQLField
    key: str
    """Its response key."""
    keys: Compiled | None
    """The statement for the keys of its instruments; None: it touches no calendar by itself."""
    moves: bool
    """Whether which instruments it finds depends on their calendars."""
    is_look_up: bool = False
    """Whether it finds one by its key: those of a request are found by one statement."""

    def wanted(self, values: VariableValues, asked: Freshness | None) -> WantedFreshness | None:
        """Return what a request wants of it; None: what the store has. `QueryError` out of bounds.

        The field speaks before the request as a whole; a deadline alone wants nothing.
        """
        staleness = self._seconds("maxStaleness", values, duration_s)
        if staleness is None and asked is not None:
            staleness = asked.max_staleness_s
        if staleness is None:
            return None
        names = {each.name.value for each in self.node.arguments or ()}
        deadline = self._seconds("deadline", values, deadline_of) if "deadline" in names else None
        if deadline is None and asked is not None:
            deadline = asked.deadline_s
        return WantedFreshness(staleness, DEADLINE_S if deadline is None else deadline)

    def _seconds(
        self, name: str, values: VariableValues, read: Callable[[str], float]
    ) -> float | None:
        argument = argument_of(self.node, self.field, name, Sample(values))
        value = None if argument is None else argument.read(values)
        return None if value is None else read(value)

    def found(self, body: bytes) -> list[str]:
        """Return the keys in the answer of `keys`."""
        value = json.loads(body)[self.key]
        rows = value["nodes"] if value is not None and "nodes" in value else [value]
        return [row["key"] for row in rows if row is not None]


def touches(
    interface: Interface,
    selected: Selected,
    compiled: Compiled,
    compile_alone: Callable[[Selected], Compiled],
) -> tuple[tuple[Touch, ...], Compiled | None]:
    """Return the fields of the root that can say how fresh their answers must be.

    Where several look up one, a statement for the keys of all of them goes with it: it answers as
    those of the fields do. `compile_alone` makes a statement of its own of some fields of the root.
    """
    root = interface.schema.query_type
    assert root is not None
    found = []
    looked_up: Selected = {}
    for key, nodes in selected.items():
        name = nodes[0].name.value
        read = interface.model.fields["Query"].get(name)
        if not isinstance(read, ByKey | Connected):
            continue
        keys = None
        spec = interface.model.registry[read.record]
        if key in compiled.touched and spec.trait(Bookable) is not None:
            of_keys = [_of_keys(nodes[0], many=isinstance(read, Connected))]
            keys = compile_alone({key: of_keys})
            if isinstance(read, ByKey):
                looked_up[key] = of_keys
        is_moving = key in compiled.moving
        touch = Touch(nodes[0], root.fields[name], key, keys, is_moving, key in looked_up)
        found.append(touch)
    return tuple(found), compile_alone(looked_up) if len(looked_up) > 1 else None


def _of_keys(node: FieldNode, *, many: bool) -> FieldNode:
    """Return the same field with the keys of its records as all that it selects."""
    inner = _selection("key")
    return FieldNode(
        alias=node.alias,
        name=node.name,
        arguments=node.arguments,
        selection_set=_selection("nodes", inner) if many else inner,
    )


def _selection(name: str, inner: SelectionSetNode | None = None) -> SelectionSetNode:
    return SelectionSetNode(selections=(FieldNode(name=NameNode(value=name), selection_set=inner),))
