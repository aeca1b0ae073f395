"""`cost_directives`: what a query costs here, as directives by which gateways reckon it beforehand.

They are printed from the model and the limits that the cost of a plan is made of
(`hub.query.plan.cost`), so that a gateway refuses about what the hub would refuse. Where the hub's
count depends on what a directive cannot see (members of a list that counts as few, an order by
price), the directive says the most.

Apollo Federation 2.9, `@cost` and `@listSize`; IBM GraphQL cost specification.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLSchema

from hub.customs.limits import DECISION_COST, LIST_COST
from hub.orders.limits import BOOKING_COST
from hub.query.plan.limits import (
    AVAILABILITY_COST,
    AVAILABLE_FILTER_COST,
    CLAIMS_COST,
    FACET_COST,
    FACET_VALUES,
    LIST_COSTED,
    NODES_MAX,
    PAGE_DEFAULT,
    PRICE_ORDER_COST,
)
from hub.query.sql.model import (
    ByIdentity,
    Chosen,
    Claims,
    Computed,
    Connected,
    Inside,
    Listed,
    Model,
    Sources,
    Stored,
    Windows,
)
from hub.vouchers.limits import PEER_ERRAND_COST

__all__ = ["CostDirectives", "cost_directives"]


@dataclass(frozen=True, slots=True)
class CostDirectives:
    """Directives as text, by the name of what carries them."""

    types: dict[str, str] = field(default_factory=dict)
    fields: dict[tuple[str, str], str] = field(default_factory=dict)
    """Also those of input objects."""
    arguments: dict[tuple[str, str, str], str] = field(default_factory=dict)


_EXECUTED: Mapping[tuple[str, str], int] = {
    ("Query", "useDecision"): DECISION_COST,
    ("Query", "customsReportsDue"): LIST_COST,
    ("Mutation", "requestBooking"): BOOKING_COST,
    ("Mutation", "cancelBooking"): BOOKING_COST,
    ("Mutation", "claimErrand"): PEER_ERRAND_COST,
}
"""Fields that are not compiled and charge for themselves."""


def cost_directives(schema: GraphQLSchema, model: Model) -> CostDirectives:
    """Return the directives of an interface."""
    made = CostDirectives(types={"PageInfo": weight(0)})
    for kind, fields in model.fields.items():
        for name, each in fields.items():
            text = _DIRECTIVES.get(type(each), _nothing)(each)
            if text:
                made.fields[kind, name] = text
    for spec in model.registry:  # a row of a page is one object, however it is reached
        made.types[f"{spec.name}Edge"] = weight(0)
        made.fields[f"{spec.name}Connection", "sources"] = size(PAGE_DEFAULT)
        made.fields[f"{spec.name}Connection", "facets"] = size(FACET_VALUES, "first")
        made.arguments[f"{spec.name}Connection", "facets", "by"] = weight(FACET_COST)
        made.fields[f"{spec.name}Filter", "availableFor"] = weight(AVAILABLE_FILTER_COST)
        made.arguments["Query", _pages(model, spec.name), "priceFor"] = weight(PRICE_ORDER_COST)
    made.fields.update({place: weight(cost) for place, cost in _EXECUTED.items()})
    return _there(made, schema)


def weight(cost: int) -> str:
    """Return the directive of something that costs so much by itself."""
    return f"@cost(weight: {cost})"


def size(assumed: int, *slicing: str, of: tuple[str, ...] = ()) -> str:
    """Return the directive of a list of so many members, or as many as an argument says.

    `of`: the fields of the value that are the list, where the value itself is none.
    """
    parts = [f"assumedSize: {assumed}"]
    if slicing:
        parts.append(f"slicingArguments: [{_texts(slicing)}]")
    if of:
        parts.append(f"sizedFields: [{_texts(of)}]")
    return f"@listSize({', '.join(parts)}, requireOneSlicingArgument: false)"


def _texts(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _nothing(_: Any) -> str:
    return ""


def _values(each: Stored | Inside) -> str:
    return size(1) if each.item.many and each.item.value is not None else ""


_DIRECTIVES: Mapping[type, Callable[[Any], str]] = {
    Connected: lambda _: size(PAGE_DEFAULT, "first", "last", of=("nodes", "edges")),
    Listed: lambda _: size(LIST_COSTED),
    Claims: lambda _: size(CLAIMS_COST),
    Chosen: lambda _: size(1),
    Windows: lambda _: f"{size(1)} {weight(0)}",
    Computed: lambda each: weight(AVAILABILITY_COST) if each.how == "availability" else "",
    Sources: lambda _: size(PAGE_DEFAULT),
    ByIdentity: lambda each: size(NODES_MAX) if each.many else "",
    Stored: _values,
    Inside: _values,
}


def _pages(model: Model, record: str) -> str:
    """Return the root field of the pages of a record type; empty where it has none."""
    found = (
        name
        for name, each in model.fields["Query"].items()
        if isinstance(each, Connected) and each.record == record
    )
    return next(found, "")


def _there(made: CostDirectives, schema: GraphQLSchema) -> CostDirectives:
    """Leave out what an interface does not have."""

    def has(kind: str, name: str = "", argument: str = "") -> bool:
        found = schema.type_map.get(kind)
        member = getattr(found, "fields", {}).get(name)
        inner = getattr(member, "args", {}).get(argument)
        return (inner if argument else member if name else found) is not None

    return CostDirectives(
        {kind: text for kind, text in made.types.items() if has(kind)},
        {place: text for place, text in made.fields.items() if has(*place)},
        {place: text for place, text in made.arguments.items() if has(*place)},
    )
