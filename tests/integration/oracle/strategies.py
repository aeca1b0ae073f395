"""`strategies`: documents, variables and callers, drawn from the published interface and a world.

- Whatever the interface shows may be asked, but what other tests answer for (`LEFT_OUT`).
- Values in filters come from the world, so that they hit, miss by a little, or tie.
- Documents are valid: fields with arguments have an alias of their own, fragments never spread
  themselves. What a draw shrinks to is the first of its choices.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import graphql as g
from hypothesis import strategies as st

from tests.integration.oracle.interpreter import HUB_FIELDS, published
from tests.integration.oracle.meaning import Row
from tests.integration.oracle.worlds import CLASSES, DIVISIONS, OUTSIDER

LEFT_OUT = frozenset(
    {"availability", "priceEstimate", "search", "sources", "revisionId", "receipt", "availableFor"}
)
"""Fields and arguments that other tests are about."""
SCOPES = ("asset:read", "service:read", "customs:read", "voucher:read", "person:read")
FIELDS_MAX = 60
"""Fields of one document."""
DEPTH_MAX = 7
"""Relations that follow each other."""
SIZES = (2, 1, 3, 0, 5, 20, 100)


@dataclass(frozen=True, repr=False)
class Known:
    """What of a world may be asked for: its rows, and identities of what was withdrawn."""

    rows: Mapping[str, Sequence[Row]]
    gone: Sequence[str]


@dataclass(frozen=True)
class Question:
    """A document with its variables. `cursors`: variables that may hold one, and which to take."""

    text: str
    variables: Mapping[str, Any]
    cursors: Mapping[str, int]


@st.composite
def callers(draw: st.DrawFn, parties: Sequence[str]) -> tuple[str | None, frozenset[str]]:
    """Draw a party and the scopes of its token."""
    party = draw(st.sampled_from([*parties, None]))
    scopes = set(draw(st.one_of(st.just(SCOPES), st.lists(st.sampled_from(SCOPES), unique=True))))
    if draw(_rarely(15)):
        scopes.add("operator:policy")
    if not draw(_rarely(25)):
        scopes.add("catalogue:read")
    return party, frozenset({"graphql:adhoc", *scopes})


@st.composite
def questions(draw: st.DrawFn, known: Known) -> Question:
    """Draw a document about the rows of a world."""
    drawing = _Document(draw, known.rows, known.gone)
    body = drawing.root()
    return drawing.finished(body)


@st.composite
def listings(draw: st.DrawFn, rows: Mapping[str, Sequence[Row]]) -> tuple[str, dict[str, Any], str]:
    """Draw one connection of the root with filter and order, its page left to variables.

    Returns the text, the variables of filter and order, and the name of the field.
    """
    drawing = _Document(draw, known.rows, ())
    root = published().query_type
    assert root is not None
    name = draw(st.sampled_from([n for n, f in root.fields.items() if _is_connection(f)]))
    kind = g.get_named_type(root.fields[name].type).name.removesuffix("Connection")
    given = drawing.narrowing(kind, root.fields[name])
    declared, variables = drawing.declared()
    page = "$first: Int, $after: String, $last: Int, $before: String"
    text = (
        f"query ({', '.join([page, *declared])}) {{ {name}(first: $first, after: $after,"
        f" last: $last, before: $before{''.join(f', {each}' for each in given)}) {{ totalCount"
        " edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor"
        " endCursor } } }"
    )
    return text, variables, name


def _rarely(one_in: int) -> st.SearchStrategy[bool]:
    return st.integers(0, one_in - 1).map(lambda n: n == one_in - 1)


def _is_connection(declared: g.GraphQLField) -> bool:
    return g.get_named_type(declared.type).name.endswith("Connection")


@dataclass
class _Document:
    """A document that is being written."""

    draw: st.DrawFn
    rows: Mapping[str, Sequence[Row]]
    gone: Sequence[str]
    variables: dict[str, tuple[str, Any, bool]] = field(default_factory=dict)
    """Declaration, value, and whether a value is sent."""
    fragments: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, type, body."""
    cursors: dict[str, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    count: int = 0
    left: int = FIELDS_MAX

    # -- the whole --------------------------------------------------------------------------------

    def declared(self) -> tuple[list[str], dict[str, Any]]:
        """Return the declarations of variables, and the values to send."""
        sent = {name: value for name, (_, value, is_sent) in self.variables.items() if is_sent}
        return [each for each, _, _ in self.variables.values()], sent

    def finished(self, body: str) -> Question:
        """Put the document together."""
        declared, variables = self.declared()
        head = f"query ({', '.join(declared)}) " if declared else ""
        tail = "".join(f"\nfragment {n} on {kind} {inner}" for n, kind, inner in self.fragments)
        return Question(f"{head}{body}{tail}", variables, self.cursors)

    def root(self) -> str:
        root = published().query_type
        assert root is not None
        names = [n for n in root.fields if n not in LEFT_OUT and n not in HUB_FIELDS]
        chosen = self.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
        if self.draw(_rarely(8)):
            chosen.append(self.draw(st.sampled_from(["__typename", "me"])))
        parts = [self._field(root, name, DEPTH_MAX) for name in chosen]
        return f"{{ {' '.join(parts)} }}"

    def _new(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    # -- selections -------------------------------------------------------------------------------

    def _selection(self, kind: g.GraphQLNamedType, depth: int, *, apart: bool = False) -> str:
        """Write a selection set; `apart`: under keys that no other selection has."""
        if isinstance(kind, g.GraphQLInterfaceType):
            return self._of_interface(depth)
        assert isinstance(kind, g.GraphQLObjectType)
        names = [name for name in kind.fields if name not in LEFT_OUT]
        if kind.name == "Me":
            names = ["party", "scopes"]
        if depth <= 0 or self.left <= 0:
            names = [n for n in names if _is_shallow(kind.fields[n])]
        wide = [n for n in names if not _is_shallow(kind.fields[n])]
        one = st.sampled_from([*names, "__typename"])
        chosen = self.draw(
            st.lists(st.one_of(one, st.sampled_from(wide)) if wide else one, min_size=1, max_size=5)
        )
        parts = [self._field(kind, name, depth, apart=apart) for name in chosen]
        if not apart and self.draw(_rarely(6)):
            at = self.draw(st.integers(0, len(parts)))
            parts.insert(at, self._fragment(kind, depth - 1))
        return f"{{ {' '.join(parts)} }}"

    def _of_interface(self, depth: int) -> str:
        kinds = [kind.name for kind in published().get_possible_types(_node())]
        parts = [self.draw(st.sampled_from(["id", "__typename"]))]
        for name in self.draw(st.lists(st.sampled_from(kinds), max_size=3)):
            inner = self._selection(published().type_map[name], depth - 2, apart=True)
            parts.append(f"... on {name}{self._directive()} {inner}")
        if self.draw(_rarely(5)):
            parts.append("... on Node { id }")
        return f"{{ {' '.join(parts)} }}"

    def _fragment(self, kind: g.GraphQLObjectType, depth: int) -> str:
        known = [name for name, on, _ in self.fragments if on == kind.name]
        way = self.draw(st.integers(0, 3))
        if way == 0 and known:
            return f"...{self.draw(st.sampled_from(known))}{self._directive()}"
        if way == 1 and kind.interfaces:
            return f"... on Node{self._directive()} {{ id }}"
        inner = self._selection(kind, depth)
        if way == 2:
            on = self.draw(st.sampled_from(["", f" on {kind.name}"]))
            return f"...{on}{self._directive()} {inner}"
        name = self._new("F")
        self.fragments.append((name, kind.name, inner))
        return f"...{name}{self._directive()}"

    def _directive(self) -> str:
        if not self.draw(_rarely(12)):
            return ""
        name = self.draw(st.sampled_from(["include", "skip"]))
        return f" @{name}(if: {self._written(_boolean(), self.draw(st.booleans()), 2)})"

    def _field(
        self, kind: g.GraphQLObjectType, name: str, depth: int, *, apart: bool = False
    ) -> str:
        self.left -= 1
        if name == "__typename":
            return name
        declared = kind.fields[name]
        given = self._arguments(name, declared)
        alias = ""
        if apart or (declared.args and name in self.used) or self.draw(_rarely(8)):
            alias = f"{self._new('a')}: "
        elif declared.args:
            self.used.add(name)
        named = g.get_named_type(declared.type)
        inner = ""
        if not g.is_leaf_type(named):
            deeper = 0 if _is_shallow(declared) else 1
            inner = f" {self._selection(named, depth - deeper)}"
        arguments = f"({', '.join(given)})" if given else ""
        return f"{alias}{name}{arguments}{self._directive()}{inner}"

    # -- arguments --------------------------------------------------------------------------------

    def _arguments(self, name: str, declared: g.GraphQLField) -> list[str]:
        if _is_connection(declared):
            record = g.get_named_type(declared.type).name.removesuffix("Connection")
            return [*self._size(declared), *self.narrowing(record, declared)]
        if "first" in declared.args:  # a plain list
            if self.draw(st.booleans()):
                return []
            size = self.draw(st.sampled_from(SIZES))
            return [f"first: {self._written(declared.args['first'].type, size, 4)}"]
        if "id" in declared.args:
            return [f"id: {self._written(declared.args['id'].type, self._identity(), 3)}"]
        if "ids" in declared.args:
            ids = [self._identity() for _ in range(self.draw(st.integers(0, 4)))]
            return [f"ids: {self._written(declared.args['ids'].type, ids, 3)}"]
        if "by" in declared.args:
            by = self._by(name.capitalize())
            return [f"by: {self._written(declared.args['by'].type, by, 4)}"]
        return []

    def _size(self, declared: g.GraphQLField) -> list[str]:
        way = self.draw(st.sampled_from(["", "first", "last"]))
        found = []
        if way:
            size = self.draw(st.sampled_from(SIZES))
            found.append(f"{way}: {self._written(declared.args[way].type, size, 4)}")
        for name in ("after", "before"):
            if self.draw(_rarely(4)):
                variable = self._new("c")
                self.variables[variable] = (f"${variable}: String", None, False)
                self.cursors[variable] = self.draw(st.integers(0, 50))
                found.append(f"{name}: ${variable}")
        return found

    def narrowing(self, kind: str, declared: g.GraphQLField) -> list[str]:
        """Draw filter and order of a connection."""
        found = []
        if self.draw(st.booleans()):
            argument = declared.args["filter"]
            found.append(f"filter: {self._written(argument.type, self._filter(kind), 5)}")
        if "orderBy" in declared.args and self.draw(st.booleans()):
            argument = declared.args["orderBy"]
            names = list(g.get_named_type(argument.type).values)  # type: ignore[union-attr]
            chosen: Any = self.draw(
                st.lists(
                    st.sampled_from(names), max_size=3, unique_by=lambda n: n.rpartition("_")[0]
                )
            )
            if len(chosen) == 1 and self.draw(st.booleans()):
                (chosen,) = chosen
            found.append(f"orderBy: {self._written(argument.type, chosen, 5)}")
        return found

    def _identity(self) -> str:
        known = [row.id for rows in self.rows.values() for row in rows]
        odd = [*self.gone, "instr_none", "x_'\"\\", "", "svc_", "inst"]
        if known and not self.draw(_rarely(5)):
            return self.draw(st.sampled_from(known))
        return self.draw(st.sampled_from(odd))

    def _by(self, kind: str) -> dict[str, Any]:
        rows = self.rows[kind]
        ways = ["key", "id", *(["number"] if kind == "Instrument" else [])]
        way = self.draw(st.sampled_from(ways))
        row = self.draw(st.sampled_from(rows)) if rows else None
        if row is None or self.draw(_rarely(6)):
            return {"key": "moe:10001/none"}
        if way == "number":
            return {"number": {"source": row.source, "localNo": row.wire["localNo"]}}
        return {way: getattr(row, way)}

    # -- filters ----------------------------------------------------------------------------------

    def _filter(self, kind: str) -> dict[str, Any]:
        declared: Any = published().type_map[f"{kind}Filter"]
        names = [name for name in declared.fields if name not in LEFT_OUT]
        chosen = self.draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
        made = {}
        for name in chosen:
            condition = g.get_named_type(declared.fields[name].type)
            made[name] = None if self.draw(_rarely(15)) else self._said(kind, name, condition)
        return made

    def _said(self, kind: str, name: str, condition: g.GraphQLNamedType) -> Any:
        drawn: dict[str, Callable[[], Any]] = {
            "TextFilter": lambda: self._text(self._values(kind, name)),
            "InstantFilter": lambda: self._bounds(("gte", "lt"), self._instant, kind, name),
            "MoneyFilter": lambda: self._money(kind, name),
            "ClassFilter": self._classes,
            "DivisionFilter": self._division,
            "DateTime": lambda: self._instant(kind, name),
            "Province": lambda: self._codes(condition),
        }
        if condition.name in drawn:
            return drawn[condition.name]()
        codes = g.get_named_type(condition.fields["eq"].type)  # type: ignore[union-attr]
        if self.draw(st.booleans()):
            return {"eq": self.draw(st.sampled_from(list(codes.values)))}  # type: ignore[union-attr]
        return {"in": self._codes(codes)}

    def _codes(self, codes: Any) -> list[str]:
        return self.draw(st.lists(st.sampled_from(list(codes.values)), max_size=4))

    def _values(self, kind: str, name: str) -> list[Any]:
        return [row.wire[name] for row in self.rows[kind] if name in row.wire]

    def _text(self, known: Sequence[str]) -> dict[str, Any]:
        one = st.sampled_from([*known[:12], *known[-3:], OUTSIDER, "no'thing", ""])
        made: dict[str, Any] = {}
        for name in self.draw(st.lists(st.sampled_from(["eq", "in", "startsWith"]), max_size=2)):
            if name == "in":
                made[name] = self.draw(st.lists(one, max_size=3))
            else:
                value = self.draw(one)
                cut = self.draw(st.integers(0, len(value))) if name == "startsWith" else len(value)
                made[name] = value[:cut]
        return made

    def _bounds(
        self, names: Sequence[str], one: Callable[[str, str], Any], kind: str, name: str
    ) -> dict[str, Any]:
        chosen = self.draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
        return {each: one(kind, name) for each in chosen}

    def _instant(self, kind: str, name: str) -> str:
        known = self._values(kind, name)
        if name == "updatedSince":
            known = [row.accepted_at.isoformat() for row in self.rows[kind]]
        text = self.draw(st.sampled_from([*known[:12], "2026-11-02T00:00:00+00:00"]))
        moved = datetime.fromisoformat(text) + timedelta(seconds=self.draw(st.integers(-1, 1)))
        zone = timezone(timedelta(minutes=self.draw(st.sampled_from([0, 480, -330]))))
        return moved.astimezone(zone).isoformat().replace("+00:00", "Z")

    def _money(self, kind: str, name: str) -> dict[str, Any]:
        made = self._bounds(("gte", "lte"), self._amount, kind, name)
        if self.draw(st.booleans()):
            made["currency"] = self.draw(st.sampled_from(["CNY", "USD", "EUR", "cny", ""]))
        return made

    def _amount(self, kind: str, name: str) -> str:
        known = [each["amount"] for each in self._values(kind, name)]
        return self.draw(st.sampled_from([*known, "0", "-1", "250.500", "0.000001"]))

    def _classes(self) -> list[dict[str, Any]]:
        made = []
        for _ in range(self.draw(st.integers(1, 2))):
            scheme, _, code = self.draw(st.sampled_from(CLASSES))
            each: dict[str, Any] = {"scheme": scheme}
            way = self.draw(st.sampled_from(["under", "code", "", "both"]))
            if way in ("under", "both"):
                each["under"] = code[: self.draw(st.integers(1, len(code)))]
            if way in ("code", "both"):
                each["code"] = code
            made.append(each)
        return made

    def _division(self) -> dict[str, Any]:
        code = self.draw(st.sampled_from(DIVISIONS))
        if self.draw(st.booleans()):
            return {"eq": code}
        return {"startsWith": code[: self.draw(st.integers(0, 6))]}

    # -- values as text ---------------------------------------------------------------------------

    def _written(self, kind: Any, value: Any, lifted_one_in: int) -> str:
        """Write a value as a literal, parts of it or all of it as a variable."""
        if self.draw(_rarely(lifted_one_in)):
            return self._variable(kind, value)
        return self._literal(kind, value, lifted_one_in + 4)

    def _literal(self, kind: Any, value: Any, lifted_one_in: int) -> str:
        plain = g.get_nullable_type(kind)
        if value is None:
            return "null"
        if g.is_list_type(plain):
            if not isinstance(value, list):
                return self._literal(plain.of_type, value, lifted_one_in)
            parts = [self._written(plain.of_type, each, lifted_one_in) for each in value]
            return f"[{', '.join(parts)}]"
        if isinstance(plain, g.GraphQLInputObjectType):
            parts = []
            for name, each in value.items():
                declared = plain.fields[name].type
                if plain.is_one_of:
                    declared = g.GraphQLNonNull(declared)
                parts.append(f"{name}: {self._written(declared, each, lifted_one_in)}")
            return f"{{ {', '.join(parts)} }}"
        if isinstance(plain, g.GraphQLEnumType):
            return str(value)
        if plain.name == "Decimal" and self.draw(st.booleans()):
            return str(value)
        return json.dumps(value, ensure_ascii=False)

    def _variable(self, kind: Any, value: Any) -> str:
        name = self._new("v")
        default, is_sent = "", True
        if value is not None and self.draw(_rarely(5)) and not g.is_non_null_type(kind):
            default, is_sent = f" = {self._plain(kind, value)}", False
        self.variables[name] = (f"${name}: {kind}{default}", value, is_sent)
        return f"${name}"

    def _plain(self, kind: Any, value: Any) -> str:
        """Write a literal without variables."""
        draw, self.draw = self.draw, lambda _: False  # type: ignore[assignment,return-value]
        try:
            return self._literal(kind, value, 2)
        finally:
            self.draw = draw


def _is_shallow(declared: g.GraphQLField) -> bool:
    """Say whether a field leads to no other record."""
    named = g.get_named_type(declared.type)
    if isinstance(named, g.GraphQLObjectType):
        return not named.interfaces and not named.name.endswith("Connection")
    return g.is_leaf_type(named)


def _node() -> g.GraphQLInterfaceType:
    found = published().type_map["Node"]
    assert isinstance(found, g.GraphQLInterfaceType)
    return found


def _boolean() -> Any:
    return g.GraphQLNonNull(g.GraphQLBoolean)
