"""`filters`: the conditions that records can be filtered by, and how each is written in SQL.

- Derived from the items that the standard marks filterable; nothing else can be filtered.
- A condition's value is always a bound parameter; only the presence of a member shapes the text.
- A condition on an item that the caller may not read at all is refused; on an item that an
  agreement protects it holds only for rows whose value the caller may see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from hub.query.computed.availability import has_free_stretch, is_covered
from hub.query.plan import binding as bind
from hub.query.plan import classes
from hub.query.plan.arguments import Argument
from hub.query.plan.limits import AVAILABLE_FILTER_COST, CLASSES_MAX, SCAN_COST
from hub.query.sql.model import Model
from hub.query.sql.statement import Statement
from schema.item import Item, Kind, RecordSpec
from schema.traits import Bookable, Located
from schema.values import ClassCode, Money, Place

BEGINS = "({p} <> '' AND starts_with({c}, {p}))"
"""Nothing begins with the empty text: it is a condition that somebody forgot to fill in."""


class FilterKind(Enum):
    """The shapes that a condition has."""

    TEXT = auto()
    WORDS = auto()
    CODE = auto()
    INSTANT = auto()
    DATE = auto()
    DECIMAL = auto()
    MONEY = auto()
    CLASSES = auto()
    DIVISION = auto()
    PROVINCES = auto()
    UPDATED = auto()
    AVAILABLE = auto()


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a record's filter."""

    name: str
    kind: FilterKind
    zh: str
    en: str
    item: Item | None = None
    table: str | None = None
    """The table that the condition searches, if not the record's own: the listing or the claims."""


_KINDS = {
    Kind.TEXT: FilterKind.TEXT,
    Kind.CODE: FilterKind.CODE,
    Kind.INSTANT: FilterKind.INSTANT,
    Kind.DATE: FilterKind.DATE,
    Kind.DECIMAL: FilterKind.DECIMAL,
    Kind.INTEGER: FilterKind.DECIMAL,
}


def filter_members(spec: RecordSpec, model: Model) -> list[Member]:
    """List what a record can be filtered by, in the order of its items."""
    members = []
    for item in spec.items:
        if not item.facts.filterable:
            continue
        name, kind = item.wire, _KINDS.get(item.kind)
        if item.value is not None:
            kind = {
                ClassCode: FilterKind.CLASSES,
                Money: FilterKind.MONEY,
                Place: FilterKind.DIVISION,
            }[item.value.cls]
        if kind is FilterKind.TEXT and item.facts.search and item.is_public_prose:
            kind = FilterKind.WORDS
        if kind is FilterKind.DIVISION or item.name == "division_code":
            name, kind = "division", FilterKind.DIVISION
        assert kind is not None, f"{spec.name}.{item.name} cannot be filtered"
        listing = model.listings.get(spec.name)
        where = listing.table if listing and kind is FilterKind.CLASSES else None
        members.append(Member(name, kind, item.facts.zh, item.facts.en, item, where))
    if spec.trait(Located):
        members.append(
            Member("provinces", FilterKind.PROVINCES, "省级行政区", "In one of these provinces")
        )
    if spec.trait(Bookable):
        about = "在时段内有连续空闲；未知不算空闲", "Free in one stretch; unknown time is not free"
        members.append(Member("availableFor", FilterKind.AVAILABLE, *about))
    members.append(
        Member(
            "updatedSince",
            FilterKind.UPDATED,
            "此后有来源提交或撤回；已无来源陈述的记录不在其中，见变更流",
            "What any source says of it was taken in or taken back at or after this instant; what "
            "nobody states any more is no row: the change feed (GET /changes) tells of it",
            table=model.sources[spec.name],
        )
    )
    return members


def present_members(
    spec: RecordSpec, filtered: Argument, model: Model
) -> list[tuple[Member, Argument]]:
    """List the members that are present in a filter argument, with their values."""
    pairs = ((member, filtered.get(member.name)) for member in filter_members(spec, model))
    return [(member, argument) for member, argument in pairs if argument is not None]


@dataclass(frozen=True, slots=True)
class Conditions:
    """The SQL conditions of a filter; a row matches when all conditions of both lists hold."""

    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    """Expensive conditions, evaluated only for rows that fulfil `first`; they read no columns but
    `item_id` and `key`."""
    cost: int = 0
    """What finding the rows costs beyond what an index gives."""


def conditions(
    spec: RecordSpec, filtered: Argument | None, alias: str, statement: Statement
) -> Conditions:
    """Return the SQL conditions of a filter argument on the rows of `alias`."""
    parts: list[str] = []
    last: list[str] = []
    pairs = [] if filtered is None else present_members(spec, filtered, statement.model)
    for member, argument in pairs:
        condition = member_conditions(member, argument, alias, statement)
        if not condition:
            continue
        if member.kind is FilterKind.AVAILABLE:
            last.append(has_free_stretch(argument, alias, statement))
        if member.item is not None:
            statement.must_read(spec, member.item, f"filter.{member.name}")
            guard = statement.authority.guard(spec, member.item, alias, statement)
            if guard:
                condition.append(guard)
                statement.narrow(f"{spec.name}.{member.item.wire}", spec.rule(member.item))
        parts += condition
    cost = AVAILABLE_FILTER_COST if last else 0
    cost += SCAN_COST if any(member.kind is FilterKind.WORDS for member, _ in pairs) else 0
    return Conditions(tuple(parts), tuple(last), cost)


def member_conditions(
    member: Member, argument: Argument, alias: str, statement: Statement
) -> list[str]:
    """Return the SQL conditions of one member on the rows of `alias`."""
    return _WRITERS[member.kind](member, argument, alias, statement)


ConditionWriter = Callable[[Member, Argument, str, Statement], list[str]]


def _column(member: Member, alias: str) -> str:
    assert member.item is not None
    return f"{alias}.{member.item.name}"


def _compared(
    argument: Argument, statement: Statement, column: str, cast: str, names: dict[str, str]
) -> list[str]:
    """Return the conditions of the present members; `names` has their templates by member."""
    parts = []
    for name, template in names.items():
        value = argument.get(name)
        if value is None:
            continue
        if name == "in":
            parameter = statement.bind(value, bind.texts, "text[]")
        else:
            parameter = statement.bind(value, bind.plain, cast)
        parts.append(template.format(c=column, p=parameter))
    return parts


def _text(member: Member, argument: Argument, alias: str, statement: Statement) -> list[str]:
    names = {"eq": "{c} = {p}", "in": "{c} = ANY({p})", "startsWith": BEGINS}
    column, record = _column(member, alias), member.item.names if member.item else None
    if record is None:
        return _compared(argument, statement, column, "text", names)
    parts = _compared(argument, statement, column, "text", {"startsWith": names["startsWith"]})
    for name, cast in (("eq", "text"), ("in", "text[]")):  # the key that a linked thing is known by
        value = argument.get(name)
        if value is not None:
            parameter = statement.bind_name(value, lambda known, key: known.of(record, key), cast)
            parts.append(names[name].format(c=column, p=parameter))
    return parts


def _words(member: Member, argument: Argument, alias: str, statement: Statement) -> list[str]:
    """Return the conditions on words that people write in capital or small letters."""
    names = {
        "eq": "{c} = {p}",
        "in": "{c} = ANY({p})",
        "prefix": "starts_with(lower({c}), lower({p}))",
        "contains": "strpos(lower({c}), lower({p})) > 0",
    }
    return _compared(argument, statement, _column(member, alias), "text", names)


def _instant(member: Member, argument: Argument, alias: str, statement: Statement) -> list[str]:
    names = {"gte": "{c} >= {p}", "lt": "{c} < {p}"}
    cast = "date" if member.kind is FilterKind.DATE else "timestamptz"
    return _compared(argument, statement, _column(member, alias), cast, names)


def _decimal(member: Member, argument: Argument, alias: str, statement: Statement) -> list[str]:
    names = {"gte": "{c} >= {p}", "lte": "{c} <= {p}"}
    return _compared(argument, statement, _column(member, alias), "numeric", names)


def _money(member: Member, argument: Argument, alias: str, statement: Statement) -> list[str]:
    names = {"gte": "{c} >= {p}", "lte": "{c} <= {p}"}
    column = _column(member, alias)
    parts = _compared(argument, statement, f"{column}_amount", "numeric", names)
    currency = argument.get("currency")
    if currency is not None:
        parts.append(f"{column}_currency = {statement.bind(currency, bind.plain, 'text')}")
    elif parts:
        parts.append(f"{column}_currency = 'CNY'")
    return parts


def _classes(member: Member, argument: Argument, alias: str, statement: Statement) -> list[str]:
    """Return the condition that a row has any of the classes; ancestors are in its path column."""
    column = _column(member, alias)
    conditions = []
    members = argument.members()
    if len(members) > CLASSES_MAX:
        raise bind.bad_input(
            argument, f"至多 {CLASSES_MAX} 个分类", f"at most {CLASSES_MAX} classes"
        )
    for each in members:
        under, code = each.get("under"), each.get("code")
        parts = []
        if under is not None and code is not None:
            parts.append(statement.bind(each, classes.class_is_under, "bool"))
        elif under is not None:
            parts.append(_listed(member, under_step(each, statement), alias))
        if code is not None:
            step = statement.bind(each, classes.class_step("code"), "text")
            exact = statement.bind(each, classes.class_object, "jsonb")
            parts.append(f"{_listed(member, step, alias)} AND {column} @> {exact}")
        if not parts:
            scheme = statement.bind(each, classes.class_scheme, "jsonb")
            parts.append(f"{column} @> {scheme}")
        conditions.append(" AND ".join(parts))
    return [f"({' OR '.join(f'({each})' for each in conditions)})"] if conditions else []


def under_step(argument: Argument, statement: Statement) -> str:
    """Return the parameter with the step that a class filter's `under` names."""
    return statement.bind(argument, classes.class_step("under"), "text")


def _listed(member: Member, step: str, alias: str) -> str:
    assert member.table is not None
    return f"{alias}.item_id IN (SELECT l.item_id FROM {member.table} l WHERE l.step = {step})"


def _division(member: Member, argument: Argument, alias: str, statement: Statement) -> list[str]:
    assert member.item is not None
    suffix = "_division_code" if member.item.value is not None else ""
    names = {"eq": "{c} = {p}", "startsWith": BEGINS}
    return _compared(argument, statement, _column(member, alias) + suffix, "text", names)


def _provinces(_: Member, argument: Argument, alias: str, statement: Statement) -> list[str]:
    """Return the condition on provinces; a row of unknown province is in none, OTHER included."""
    return [f"{alias}.province = ANY({statement.bind(argument, bind.provinces, 'text[]')})"]


def _updated(member: Member, argument: Argument, alias: str, statement: Statement) -> list[str]:
    """Return the condition that any claim of an item, also a withdrawn one, came in since then."""
    since = statement.bind(argument, bind.plain, "timestamptz")
    claims = member.table
    return [f"{alias}.item_id IN (SELECT c.item_id FROM {claims} c WHERE c.accepted_at >= {since})"]


def _available(_: Member, argument: Argument, alias: str, statement: Statement) -> list[str]:
    """Return the cheap part of the condition: an instrument without coverage cannot be free."""
    return [is_covered(argument, alias, statement)]


_WRITERS: dict[FilterKind, ConditionWriter] = {
    FilterKind.TEXT: _text,
    FilterKind.WORDS: _words,
    FilterKind.CODE: _text,
    FilterKind.INSTANT: _instant,
    FilterKind.DATE: _instant,
    FilterKind.DECIMAL: _decimal,
    FilterKind.MONEY: _money,
    FilterKind.CLASSES: _classes,
    FilterKind.DIVISION: _division,
    FilterKind.PROVINCES: _provinces,
    FilterKind.UPDATED: _updated,
    FilterKind.AVAILABLE: _available,
}
