"""`bounds`: limits on a parsed document, so that validating and running it takes bounded work.

- Each bound has its own code. A document within them takes validation, compiler and executor about
  as many steps as one with `limits.fields` fields and no fragments, whatever it spreads.
- Cycles of fragments are found before anything follows a spread. After that each fragment is
  measured once, those that it spreads first, so measuring takes as long as the text is.
- Levels are counted through fragments; introspection is left out of them, since its standard
  query is deep and touches no record.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    get_location,
)

from hub.errors import ErrorCode
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import (
    DETAIL_MAX,
    INTROSPECTED_MAX,
    NESTING_MAX,
    VARIABLE_VALUES_MAX,
    QueryLimits,
)

Fragments = Mapping[str, FragmentDefinitionNode]
Spreads = Mapping[str, FragmentSpreadNode]
"""By name of the fragment: a place where it is spread."""


def check_bounds(ast: DocumentNode, limits: QueryLimits) -> int:
    """Refuse a document that exceeds any bound.

    Returns how many types it introspects, `__schema` counting as `INTROSPECTED_MAX`.
    """
    _check_text(ast, limits)
    operations = [each for each in ast.definitions if isinstance(each, OperationDefinitionNode)]
    defined = [each for each in ast.definitions if isinstance(each, FragmentDefinitionNode)]
    # of several with one name, which is invalid, a spread means the last one
    fragments = {each.name.value: each for each in defined}
    sizes = _Sizes(fragments)
    introspected = 0
    for operation in operations:
        size = sizes.of(operation.selection_set)
        introspected = max(introspected, size.introspected)
        if size.levels > limits.depth:
            raise QueryError(
                ErrorCode.TOO_DEEP, f"至多 {limits.depth} 层", f"at most {limits.depth} levels"
            )
        if size.width > limits.root_fields:
            raise QueryError(
                ErrorCode.TOO_MANY_ROOT_FIELDS,
                f"至多 {limits.root_fields} 个顶层字段",
                f"at most {limits.root_fields} root fields",
            )
        if operation.operation is OperationType.MUTATION and size.width > 1:
            # the key that makes a repeated request harmless is of the request, not of the field
            raise QueryError(
                ErrorCode.TOO_MANY_ROOT_FIELDS,
                "一次请求只做一项变更",
                "one change in a request",
            )
        if size.introspected > INTROSPECTED_MAX:
            raise QueryError(
                ErrorCode.TOO_MANY_FIELDS,
                "一份查询只内省一次接口定义",
                "introspect the schema once in a document",
            )
    # what no operation spreads is walked over as well before it is found to be useless
    used = {name for each in (*operations, *defined) for name in _spreads(each.selection_set)}
    useless = [
        each
        for each in defined
        if each.name.value not in used or fragments[each.name.value] is not each
    ]
    _check_expanded([each.selection_set for each in (*operations, *useless)], sizes, limits)
    return introspected


def _check_expanded(roots: Sequence[SelectionSetNode], sizes: _Sizes, limits: QueryLimits) -> None:
    """Refuse selection sets that together exceed a bound once their fragments are expanded."""
    measured = [sizes.of(each) for each in roots]
    if max((size.nesting for size in measured), default=0) > NESTING_MAX:
        raise QueryError(
            ErrorCode.TOO_DEEP,
            f"片段展开后语法至多 {NESTING_MAX} 层",
            f"at most {NESTING_MAX} levels of syntax, fragments expanded",
        )
    if sum(size.nodes for size in measured) > limits.fields:
        raise QueryError(
            ErrorCode.TOO_MANY_FIELDS,
            f"片段展开后至多 {limits.fields} 个字段与值",
            f"at most {limits.fields} fields and values, fragments expanded",
        )
    if sum(sizes.pairs(each) for each in roots) > limits.pairs:
        raise QueryError(
            ErrorCode.TOO_MANY_FIELDS,
            "同一字段或若干片段被反复选取，请去掉重复",
            "the same field or several fragments are selected again and again",
        )


def check_variables(variables: Mapping[str, Any]) -> int:
    """Refuse variables with more than `VARIABLE_VALUES_MAX` values, whatever their types are.

    Returns how many there are.
    """
    count = 0
    waiting: list[Any] = [variables]
    while waiting:
        value = waiting.pop()
        parts = value if type(value) is list else value.values()
        count += len(parts)
        if count > VARIABLE_VALUES_MAX:
            raise QueryError(
                ErrorCode.BAD_USER_INPUT,
                f"变量中至多 {VARIABLE_VALUES_MAX} 个值",
                f"at most {VARIABLE_VALUES_MAX} values in variables",
            )
        # of JSON; the exact type, since asking for a Mapping takes ten times as long
        waiting += [part for part in parts if type(part) is dict or type(part) is list]
    return count


# -- what is counted in the text ---------------------------------------------------------------


@dataclass(slots=True)
class _Counts:
    aliases: int = 0
    directives: int = 0
    fragments: int = 0


def _check_text(ast: DocumentNode, limits: QueryLimits) -> None:
    counts = _Counts()
    _count(ast, counts, NESTING_MAX)
    if counts.aliases > limits.aliases:
        raise QueryError(
            ErrorCode.TOO_MANY_ALIASES,
            f"至多 {limits.aliases} 个别名",
            f"at most {limits.aliases} aliases",
        )
    if counts.directives > limits.directives:
        raise QueryError(
            ErrorCode.TOO_MANY_DIRECTIVES,
            f"至多 {limits.directives} 个指令",
            f"at most {limits.directives} directives",
        )
    if counts.fragments > limits.fragments:
        raise QueryError(
            ErrorCode.TOO_DEEP,
            f"至多 {limits.fragments} 个片段",
            f"at most {limits.fragments} fragments",
        )


def _count(node: Node, counts: _Counts, levels: int) -> None:
    if levels == 0:
        raise QueryError(
            ErrorCode.TOO_DEEP,
            f"语法至多 {NESTING_MAX} 层",
            f"at most {NESTING_MAX} levels of syntax",
        )
    if isinstance(node, FieldNode) and node.alias is not None:
        counts.aliases += 1
    elif isinstance(node, FragmentDefinitionNode):
        counts.fragments += 1
    counts.directives += len(getattr(node, "directives", None) or ())
    for each in _children(node):
        _count(each, counts, levels - 1)


def _children(node: Node) -> Iterator[Node]:
    for key in node.keys:
        value = getattr(node, key, None)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, list | tuple):
            yield from (each for each in value if isinstance(each, Node))


# -- what is counted through fragments ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Size:
    """What a selection set amounts to once its fragments are expanded."""

    levels: int = 0
    """Levels of fields."""
    width: int = 0
    """Fields of its first level."""
    nodes: int = 0
    """Fields, spreads, inline fragments, and values in what they are given."""
    nesting: int = 0
    """Levels of selections of any kind."""
    lists: int = 0
    """Fields that list the types of a schema, where they stand in one."""
    introspected: int = 0
    """Types that are introspected."""


_NOTHING = _Size()


class _Sizes:
    """Measures selection sets; QueryError when fragments spread each other in a circle."""

    def __init__(self, fragments: Fragments) -> None:
        self._fragments = fragments
        self._known: dict[str, _Size] = {}
        for name in _inner_first(fragments):
            if name in fragments:
                self._known[name] = self.of(fragments[name].selection_set)

    def of(self, selection: SelectionSetNode | None) -> _Size:
        """Return the size of a selection set."""
        levels = width = nodes = nesting = lists = introspected = 0
        for node in selection.selections if selection else ():
            below = self._below(node)
            nodes += 1 + _values(node) + below.nodes
            nesting = max(nesting, 1 + below.nesting)
            introspected += below.introspected
            lists += below.lists
            if isinstance(node, FieldNode):
                name = node.name.value
                lists += name == "types"
                is_introspection = name.startswith("__")
                if is_introspection:
                    introspected += _introspected(name, below)
                levels = max(levels, 1 if is_introspection else 1 + below.levels)
                width += 1
            else:
                levels = max(levels, below.levels)
                width += below.width
        return _Size(levels, width, nodes, nesting, lists, introspected)

    def _below(self, node: SelectionNode) -> _Size:
        if isinstance(node, FragmentSpreadNode):
            return self._known.get(node.name.value, _NOTHING)
        return self.of(getattr(node, "selection_set", None))

    def pairs(self, selection: SelectionSetNode) -> int:
        """Return how often validation compares two fields of one key, or two fragments.

        It expands fragments, so it is for selection sets whose size is within its bound.
        """
        total = 0
        merged = [[selection]]
        while merged:
            inside: dict[str, list[SelectionSetNode]] = defaultdict(list)
            alike: Counter[str] = Counter()
            waiting = merged.pop()
            while waiting:
                for node in waiting.pop().selections:
                    if isinstance(node, FieldNode):
                        key = (node.alias or node.name).value
                        alike[key] += 1
                        if node.selection_set is not None:
                            inside[key].append(node.selection_set)
                    else:
                        alike["..."] += isinstance(node, FragmentSpreadNode)
                        waiting += self._content(node)
            total += sum(count * (count - 1) // 2 for count in alike.values())
            merged += inside.values()
        return total

    def _content(self, node: SelectionNode) -> list[SelectionSetNode]:
        """Return the selection set of a fragment, if it is known."""
        holder = (
            self._fragments.get(node.name.value) if isinstance(node, FragmentSpreadNode) else node
        )
        selection = getattr(holder, "selection_set", None)
        return [] if selection is None else [selection]


def _introspected(name: str, below: _Size) -> int:
    """Return how many types a field introspects; a schema's list of types holds all of them."""
    if name == "__schema":
        return INTROSPECTED_MAX * max(1, below.lists)
    return int(name == "__type")


def _values(node: Node) -> int:
    """Return the number of values in the arguments and directives of a selection."""
    inside = (each for each in _children(node) if not isinstance(each, SelectionSetNode))
    return isinstance(node, ValueNode) + sum(map(_values, inside))


# -- fragments that spread each other ----------------------------------------------------------


def _inner_first(fragments: Fragments) -> list[str]:
    """Return the names of fragments, each after those that it spreads."""
    spreads = {name: _spreads(each.selection_set) for name, each in fragments.items()}
    try:
        return list(TopologicalSorter(spreads).static_order())
    except CycleError as error:
        raise _circle(list(reversed(error.args[1])), spreads) from None


def _spreads(selection: SelectionSetNode) -> Spreads:
    by_name: dict[str, FragmentSpreadNode] = {}
    waiting = [selection]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FragmentSpreadNode):
                by_name.setdefault(node.name.value, node)
            elif (below := getattr(node, "selection_set", None)) is not None:
                waiting.append(below)
    return by_name


def _circle(names: Sequence[str], spreads: Mapping[str, Spreads]) -> QueryError:
    """Return the refusal of fragments of which each spreads the next; the last is the first."""
    via = ", ".join(f"'{name}'" for name in names[1:-1])
    zh = f"片段 '{names[0]}' 展开时又用到自身{via and f'（经由 {via}）'}，请去掉循环"
    en = f"Cannot spread fragment '{names[0]}' within itself{via and f' via {via}'}."
    places = [spreads[name][after].loc for name, after in pairwise(names)]
    locations = [get_location(place.source, place.start) for place in places if place]
    return QueryError(
        ErrorCode.GRAPHQL_VALIDATION_FAILED,
        zh[:DETAIL_MAX],
        en[:DETAIL_MAX],
        locations=[(each.line, each.column) for each in locations],
    )
