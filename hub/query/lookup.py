"""`lookup`: how arguments name a record, and how many records at once."""

from __future__ import annotations

from hub.query import binding
from hub.query.arguments import Argument
from hub.query.limits import NODES_MAX
from hub.query.statement import Statement
from schema.item import RecordSpec


def named(spec: RecordSpec, by: Argument, alias: str, statement: Statement) -> str:
    """Return the condition of the one way in which a `by` argument names a record."""
    identity, key, number = by.get("id"), by.get("key"), by.get("number")
    if identity is not None:
        return f"{alias}.item_id = {statement.bind(identity, binding.plain, 'text')}"
    if key is not None:
        return f"{alias}.key = {statement.bind(key, binding.plain, 'text')}"
    assert number is not None, "exactly one way is given"
    source, local = number.get("source"), number.get("localNo")
    assert source is not None
    assert local is not None
    claims = statement.model.sources[spec.name]
    at = f"split_part(c.key,'{spec.key_separator}',{len(spec.key)})"
    return (  # whoever leads now, and whatever it is linked to: a claim's own key is as stated
        f"{alias}.item_id IN (SELECT c.item_id FROM {claims} c WHERE NOT c.withdrawn"
        f" AND c.source = {statement.bind(source, binding.plain, 'text')}"
        f" AND {at} = {statement.bind(local, binding.plain, 'text')})"
    )


def identities(argument: Argument, value: object) -> str | None:
    """Return ids as an array literal; more than the bound are refused."""
    members = value if isinstance(value, list) else [value]
    if len(members) > NODES_MAX:
        raise binding.bad_input(argument, f"at most {NODES_MAX} ids")
    return binding.texts(argument, members)
