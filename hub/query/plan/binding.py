"""`binding`: how a value of a request becomes the text of a statement's parameter.

- Every parameter is text, an array literal or null, with an explicit cast in the statement: the
  types of a prepared statement never change, and no value ever enters its text.
- Values that PostgreSQL cannot store (U+0000) or that exceed a bound are refused here, by the name
  of their argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from graphql.execution.values import VariableValues

from hub.access.grants import PartyGrants
from hub.errors import ErrorCode
from hub.identity.links import UNLINKED, Names
from hub.query.plan.arguments import Argument
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import IN_MAX
from hub.query.plan.reach import Reach
from hub.query.plan.storable import is_storable
from schema.codes import Province

_DELTA = {province.official for province in Province}
_ELSEWHERE = [code for code in (f"{n:02d}" for n in range(100)) if code not in _DELTA]
"""All two-digit province codes outside the Yangtze Delta."""


@dataclass(slots=True)
class Env:
    """The values with which a request runs a plan: its variables, the caller's rights, the time."""

    values: VariableValues
    grants: PartyGrants
    now: datetime
    names: Names = UNLINKED
    """The present names of linked records."""
    replaced: dict[str, str] = field(default_factory=dict)
    """The present ids of the requested ids that links have replaced, by former id."""
    memo: dict[Any, Any] = field(default_factory=dict)
    manifest: str = "[]"
    """How the sources stand for this request, as a JSON list (`hub.query.sql.sources`)."""
    could: Callable[[Reach], frozenset[str]] | None = None
    """Returns the sources that could answer; None: no source is left out."""


Bind = Callable[[Env], str | None]
Check = Callable[[Env], None]
"""Refuses a request by its values, before its statement runs."""
Transform = Callable[[Argument, Any], str | None]
"""Takes an argument (for its place) and its value."""


def bad_input(argument: Argument, zh: str, en: str) -> QueryError:
    """Return the refusal of an argument's value."""
    return QueryError(ErrorCode.BAD_USER_INPUT, f"{argument.name}：{zh}", f"{argument.name}: {en}")


def plain(argument: Argument, value: Any) -> str | None:
    """Return a scalar as text."""
    if isinstance(value, Enum):
        value = value.value
    text = value if isinstance(value, str) else str(value)
    if not is_storable(text):
        raise bad_input(
            argument,
            "文本中含有空字符（U+0000）或半个字符，请删除",
            "a text holds U+0000 or half of a character: take it out",
        )
    return text


def texts(argument: Argument, value: Any) -> str | None:
    """Return a list of scalars as an array literal."""
    members = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if len(members) > IN_MAX:
        raise bad_input(argument, f"至多 {IN_MAX} 个值", f"at most {IN_MAX} members")
    return array([plain(argument, each) for each in members])


def array(values: Sequence[str | None]) -> str:
    """Return a text[] literal."""
    quoted = (
        "NULL" if each is None else '"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for each in values
    )
    return "{" + ",".join(quoted) + "}"


def provinces(argument: Argument, value: Any) -> str | None:
    """Return provinces as their two digits; OTHER is all that are not of the delta."""
    members = value if isinstance(value, list) else [value]
    if len(members) > IN_MAX:
        raise bad_input(argument, f"至多 {IN_MAX} 个值", f"at most {IN_MAX} members")
    names: list[str] = []
    for each in members:
        province = Province.__members__.get(each.value if isinstance(each, Enum) else each)
        if province is not None:  # the UNKNOWN of the interface: no row is in it
            names += [province.official] if province.official else _ELSEWHERE
    return array(names)


def whole_number(low: int, high: int) -> Transform:
    """Return the transform of a number that must lie within [low, high]."""

    def transform(argument: Argument, value: Any) -> str | None:
        if not low <= value <= high:
            raise bad_input(
                argument,
                f"{value} 不在 {low} 至 {high} 之间",
                f"{value} lies outside {low} to {high}",
            )
        return str(value)

    return transform
