"""`strategies`: documents, variables and callers, drawn from the published interface and a world.

- Whatever the interface shows may be asked, but what other tests answer for (`LEFT_OUT`).
- Documents are valid: fields with arguments have an alias of their own where they come again,
  fragments never spread themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import graphql as g
from hypothesis import strategies as st

from tests.integration.oracle.choices import (
    Choices,
    Conditions,
)
from tests.integration.oracle.interpreter import HUB_FIELDS, published
from tests.integration.oracle.meaning import Row, filtered, is_public

LEFT_OUT = frozenset(
    {
        *("availability", "priceEstimate", "search", "sources", "revisionId", "receipt"),
        *("availableFor", "changes", "facets", "priceFor"),
        *("verifyService", "claimFastTrack", "bookingOrder", "receipts"),
        *("voucherCases", "voucherCase"),
        *("rateLimit", "bulkExport"),
        *("useDecision", "disposalDecision", "customsReportsDue", "policyParameters"),
        *("attestation", "claimState", "claimsProof"),
        *("erasures", "auditDays", "claimMaps"),  # no source of these worlds may state them
        "voucherFindings",  # nor these
    }
)
"""Fields and arguments that other tests are about."""
SCOPES = ("asset:read", "service:read", "customs:read", "voucher:read", "person:read")
FIELDS_MAX = 28
"""Fields of one document; after so many only short ones follow."""
DEPTH_MAX = 7
"""Steps from record to record, connections counted."""
ORDERED = ("instruments", "serviceRecords", "usageRecords")
"""Connections of the root with orders that not every row has a value for."""
SIZES = (2, 1, 3, 0, 5, 20, 100)


@dataclass(frozen=True, repr=False)
class Known:
    """What of a world may be asked for: its rows, and identities of what was withdrawn."""

    rows: Mapping[str, Sequence[Row]]
    gone: Sequence[str]

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        """Keep Hypothesis from printing every row."""
        printer.text("rows")


@dataclass(frozen=True)
class Question:
    """A document with its variables. `cursors`: variables that may hold one, and which to take."""

    text: str
    variables: Mapping[str, Any]
    cursors: Mapping[str, int]


@st.composite
def callers(draw: st.DrawFn, parties: Sequence[str]) -> tuple[str | None, frozenset[str]]:
    """Draw a party and the scopes of its token."""
    choices = Choices(draw)
    party = choices.pick(*parties, None)
    scopes = set(SCOPES) if choices.pick(True, False) else set(choices.some(SCOPES, 4))
    if choices.rarely(15):
        scopes.add("operator:policy")
    if not choices.rarely(25):
        scopes.add("catalogue:read")
    return party, frozenset({"graphql:adhoc", *scopes})


@st.composite
def questions(draw: st.DrawFn, known: Known) -> Question:
    """Draw a document about the rows of a world."""
    drawing = _Document(draw, known.rows, known.gone)
    body = drawing.root()
    return drawing.finished(body)


@st.composite
def listings(draw: st.DrawFn, known: Known) -> tuple[str, dict[str, Any], str]:
    """Draw one connection of the root with filter and order, its page left to variables.

    Returns the text, the variables of filter and order, and the name of the field.
    """
    drawing = _Document(draw, known.rows, ())
    name = drawing.pick(*ORDERED, *connections())
    given = drawing.narrowing(_query().fields[name], (False, False, True), (True, True, False))
    declared, variables = drawing.declared()
    page = "$first: Int, $after: String, $last: Int, $before: String"
    text = (
        f"query ({', '.join([page, *declared])}) {{ {name}(first: $first, after: $after,"
        f" last: $last, before: $before{''.join(f', {each}' for each in given)}) {{ totalCount"
        " edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor"
        " endCursor } } }"
    )
    return text, variables, name


@st.composite
def searches(draw: st.DrawFn, known: Known) -> Question:
    """Draw some connections of the root, each narrowed in its own way, in one document."""
    drawing = _Document(draw, known.rows, ())
    names = [*ORDERED, *connections()]
    parts = drawing.several(lambda: drawing.search(drawing.pick(*names)), 8, 1)
    return drawing.finished(f"{{ {' '.join(parts)} }}")


@dataclass
class _Document(Conditions):
    """A document that is being written."""

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
        """Write the selection of the root."""
        names = [n for n in _query().fields if n not in LEFT_OUT and n not in HUB_FIELDS]
        parts = self.several(lambda: self._field(_query(), self.pick(*names), DEPTH_MAX), 3, 1)
        if self.rarely(8):
            parts.append(self._field(_query(), self.pick("__typename", "me"), 1))
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
        wide = [name for name in names if not _is_shallow(kind.fields[name])]
        if depth <= 0 or self.left <= 0:
            names, wide = [name for name in names if name not in wide], []
        options = [*names, "__typename", *wide, *wide] if len(wide) < len(names) else names
        parts = self.several(
            lambda: self._field(kind, self.pick(*options), depth, apart=apart), 5, 1
        )
        if not apart and self.rarely(6):
            parts.insert(self.number(len(parts) + 1), self._fragment(kind, depth - 1))
        return f"{{ {' '.join(parts)} }}"

    def _of_interface(self, depth: int) -> str:
        node = published().type_map["Node"]
        assert isinstance(node, g.GraphQLInterfaceType)
        kinds = [kind.name for kind in published().get_possible_types(node)]
        parts = [self.pick("id", "__typename")]
        parts += self.several(lambda: self._narrowed(self.pick(*kinds), depth - 2), 3)
        if self.rarely(5):
            parts.append("... on Node { id }")
        return f"{{ {' '.join(parts)} }}"

    def _narrowed(self, name: str, depth: int) -> str:
        inner = self._selection(published().type_map[name], depth, apart=True)
        return f"... on {name}{self._directive()} {inner}"

    def _fragment(self, kind: g.GraphQLObjectType, depth: int) -> str:
        known = [name for name, on, _ in self.fragments if on == kind.name]
        way = self.pick("inline", "named", "again", "interface")
        if way == "again" and known:
            return f"...{self.pick(*known)}{self._directive()}"
        if way == "interface" and kind.interfaces:
            return f"... on Node{self._directive()} {{ id }}"
        inner = self._selection(kind, depth)
        if way == "inline":
            on = self.pick("", f" on {kind.name}")
            return f"...{on}{self._directive()} {inner}"
        name = self._new("F")
        self.fragments.append((name, kind.name, inner))
        return f"...{name}{self._directive()}"

    def _directive(self) -> str:
        if not self.rarely(6):
            return ""
        condition = g.GraphQLNonNull(g.GraphQLBoolean)
        name, on = self.pick("include", "skip"), self.pick(True, False)
        return f" @{name}(if: {self._written(condition, on, 2)})"

    def _field(
        self, kind: g.GraphQLObjectType, name: str, depth: int, *, apart: bool = False
    ) -> str:
        self.left -= 1
        if name == "__typename":
            return name
        declared = kind.fields[name]
        given = self._arguments(name, declared)
        mark = self.pick(*[""] * 10, "directive", "alias")
        alias = ""
        if apart or mark == "alias" or (declared.args and name in self.used):
            alias = f"{self._new('a')}: "
        elif declared.args:
            self.used.add(name)
        named = g.get_named_type(declared.type)
        inner = ""
        if not g.is_leaf_type(named):
            deeper = 0 if _is_shallow(declared) else 1
            inner = f" {self._selection(named, depth - deeper)}"
        arguments = f"({', '.join(given)})" if given else ""
        directive = self._directive() if mark == "directive" else ""
        return f"{alias}{name}{arguments}{directive}{inner}"

    # -- arguments --------------------------------------------------------------------------------

    def _arguments(self, name: str, declared: g.GraphQLField) -> list[str]:
        if _is_connection(declared):
            return [*self._size(declared), *self.narrowing(declared)]
        given: dict[str, Any] = {}
        if "first" in declared.args and self.pick(False, True):  # a plain list
            given["first"] = self.pick(*SIZES)
        if "id" in declared.args:
            given["id"] = self._identity()
        if "ids" in declared.args:
            given["ids"] = [self._identity() for _ in range(self.number(5))]
        if "by" in declared.args:
            given["by"] = self._by(name[0].upper() + name[1:])
        return [f"{n}: {self._written(declared.args[n].type, v, 4)}" for n, v in given.items()]

    def _size(self, declared: g.GraphQLField) -> list[str]:
        way = self.pick("", "first", "last")
        found = []
        if way:
            found.append(f"{way}: {self._written(declared.args[way].type, self.pick(*SIZES), 4)}")
        for name in ("after", "before"):
            if self.rarely(4):
                variable = self._new("c")
                self.variables[variable] = (f"${variable}: String", None, False)
                self.cursors[variable] = self.number(50)
                found.append(f"{name}: ${variable}")
        return found

    def search(self, name: str) -> str:
        """Write a connection of the root with a filter of its own."""
        given = ["first: 100", *self.narrowing(_query().fields[name], (True,), (False, True))]
        return f"{self._new('n')}: {name}({', '.join(given)}) {{ totalCount nodes {{ id }} }}"

    def narrowing(
        self,
        declared: g.GraphQLField,
        narrowed: tuple[bool, ...] = (False, True),
        ordered: tuple[bool, ...] = (False, True),
    ) -> list[str]:
        """Draw filter and order of a connection; how often there is one, is in the choices."""
        kind = g.get_named_type(declared.type).name.removesuffix("Connection")
        found = []
        if self.pick(*narrowed):
            argument = declared.args["filter"]
            found.append(f"filter: {self._written(argument.type, self._filter(kind), 5)}")
        if "orderBy" in declared.args and self.pick(*ordered):
            argument = declared.args["orderBy"]
            listed = list(g.get_named_type(argument.type).values)  # type: ignore[union-attr]
            names = [name for name in listed if not name.startswith("PRICE_")]
            by_item = {name.rpartition("_")[0]: name for name in self.some(names, 4)}
            chosen: Any = list(by_item.values())
            if len(chosen) == 1 and self.pick(False, True):
                (chosen,) = chosen
            found.append(f"orderBy: {self._written(argument.type, chosen, 5)}")
        return found

    def _filter(self, kind: str) -> dict[str, Any]:
        declared: Any = published().type_map[f"{kind}Filter"]
        names = [name for name in declared.fields if name not in LEFT_OUT]
        guarded = [name for name in names if (item := filtered(kind, name)) and not is_public(item)]
        options = [*guarded, *names, *guarded]

        def member() -> tuple[str, Any]:
            name = self.pick(*options)
            shape = g.get_named_type(declared.fields[name].type)
            return name, self.condition(kind, name, shape)

        return dict(self.several(member, 3, 1))

    def _identity(self) -> str:
        known = [row.id for rows in self.rows.values() for row in rows]
        if known and not self.rarely(5):
            return self.pick(*known)
        return self.pick("instr_none", *self.gone, "x_'\"\\", "", "svc_", "inst")

    def _by(self, kind: str) -> dict[str, Any]:
        rows = self.rows[kind]
        if kind == "ServiceOrder":
            return {"id": self._identity()}
        way = self.pick("key", "id", *(["number"] if kind == "Instrument" else []))
        if not rows or self.rarely(6):
            return {"key": "moe:10001/none"}
        row = self.pick(*rows)
        given = row.wire.get("identifiers", ())
        if given and self.rarely(2):
            return {"identifier": dict(self.pick(*given))}
        if way == "number":
            claim = self.pick(*row.claims)
            return {"number": {"source": claim.source, "localNo": claim.wire["localNo"]}}
        return {way: getattr(row, way)}

    # -- values as text ---------------------------------------------------------------------------

    def _written(self, kind: Any, value: Any, one_in: int) -> str:
        """Write a value as a literal; parts of it or all of it become variables, one in so many."""
        if one_in and self.rarely(one_in):
            return self._variable(kind, value)
        return self._literal(kind, value, one_in + 4 if one_in else 0)

    def _literal(self, kind: Any, value: Any, one_in: int) -> str:
        plain = g.get_nullable_type(kind)
        if value is None:
            return "null"
        if g.is_list_type(plain):
            if not isinstance(value, list):
                return self._literal(plain.of_type, value, one_in)
            return f"[{', '.join(self._written(plain.of_type, each, one_in) for each in value)}]"
        if isinstance(plain, g.GraphQLInputObjectType):
            parts = []
            for name, each in value.items():
                declared = plain.fields[name].type
                if plain.is_one_of:  # only what cannot be null may stand there
                    declared = g.GraphQLNonNull(declared)
                parts.append(f"{name}: {self._written(declared, each, one_in)}")
            return f"{{ {', '.join(parts)} }}"
        if isinstance(plain, g.GraphQLEnumType):
            return str(value)
        is_number = plain.name == "Decimal" and one_in and self.pick(False, True)
        return str(value) if is_number else json.dumps(value, ensure_ascii=False)

    def _variable(self, kind: Any, value: Any) -> str:
        name = self._new("v")
        default = ""
        if value is not None and not g.is_non_null_type(kind) and self.rarely(5):
            default = f" = {self._literal(kind, value, 0)}"
        self.variables[name] = (f"${name}: {kind}{default}", value, not default)
        return f"${name}"


def whole(name: str) -> str:
    """Return the document of all that a connection of the root leads to in one step."""
    return f"{{ {name}(first: 100) {{ totalCount nodes {_everything(_record_of(name), 1)} }} }}"


def connections() -> list[str]:
    """Name the connections of the root."""
    fields = _query().fields.items()
    return [name for name, each in fields if _is_connection(each) and name not in LEFT_OUT]


def _record_of(name: str) -> g.GraphQLObjectType:
    kind = g.get_named_type(_query().fields[name].type).name.removesuffix("Connection")
    found = published().type_map[kind]
    assert isinstance(found, g.GraphQLObjectType)
    return found


def _everything(kind: g.GraphQLObjectType, steps: int) -> str:
    """Write every field of a type, and of the records that it leads to in so many steps."""
    parts = ["__typename"]
    for name, declared in kind.fields.items():
        named: Any = g.get_named_type(declared.type)
        if name in LEFT_OUT or (steps <= 0 and not _is_shallow(declared)):
            continue
        if g.is_leaf_type(named):
            parts.append(name)
        elif _is_connection(declared):
            record: Any = published().type_map[named.name.removesuffix("Connection")]
            inner = _everything(record, steps - 1)
            parts.append(f"{name}(first: 100) {{ totalCount nodes {inner} }}")
        else:
            deeper = 0 if _is_shallow(declared) else 1
            parts.append(f"{name} {_everything(named, steps - deeper)}")
    return f"{{ {' '.join(parts)} }}"


def _query() -> g.GraphQLObjectType:
    root = published().query_type
    assert root is not None
    return root


def _is_connection(declared: g.GraphQLField) -> bool:
    return g.get_named_type(declared.type).name.endswith("Connection")


def _is_shallow(declared: g.GraphQLField) -> bool:
    """Say whether a field leads to no other record."""
    named = g.get_named_type(declared.type)
    if isinstance(named, g.GraphQLObjectType):
        return not named.interfaces and not named.name.endswith("Connection")
    return g.is_leaf_type(named)
