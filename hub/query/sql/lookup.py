"""`lookup`: finding records by id, key or local number, and ids that links have replaced."""

from __future__ import annotations

from hub.query.plan import binding
from hub.query.plan.arguments import Argument
from hub.query.plan.binding import Env
from hub.query.plan.limits import NODES_MAX
from hub.query.sql.model import Model
from hub.query.sql.statement import Statement
from schema.item import RecordSpec
from schema.traits import Linkable
from schema.visibility import PUBLIC_SCOPE


def record_condition(spec: RecordSpec, by: Argument, alias: str, statement: Statement) -> str:
    """Return the condition that a row is the record that a `by` argument names."""
    identity, key, number = by.get("id"), by.get("key"), by.get("number")
    given = by.get("identifier")
    if given is not None:
        return _is_given(spec, given, alias, statement)
    if identity is not None:
        return f"{alias}.item_id = {statement.bind_identities(identity, 'text')}"
    if key is not None:
        parameter = statement.bind_name(key, lambda names, text: names.key(spec, text), "text")
        return f"{alias}.key = {parameter}"
    assert number is not None, "exactly one way is given"
    source, local = number.get("source"), number.get("localNo")
    assert source is not None
    assert local is not None
    claims = statement.model.sources[spec.name]
    at = f"split_part(c.key,'{spec.key_separator}',{len(spec.key)})"
    return (  # claims keep their key as stated, whichever source leads and whatever is linked
        f"{alias}.item_id IN (SELECT c.item_id FROM {claims} c WHERE NOT c.withdrawn"
        f" AND c.source = {statement.bind(source, binding.plain, 'text')}"
        f" AND {at} = {statement.bind(local, binding.plain, 'text')})"
    )


def _is_given(spec: RecordSpec, given: Argument, alias: str, statement: Statement) -> str:
    """Return the condition that a row has an identifier that others gave."""
    trait = spec.trait(Linkable)
    assert trait is not None, "what is found by identifiers says where they are"
    statement.must_read(spec, spec.item(trait.identifiers), "by.identifier")
    scheme, value = given.get("scheme"), given.get("value")
    assert scheme is not None
    assert value is not None
    parts = [
        f"'{name}',{statement.bind(part, binding.plain, 'text')}"
        for name, part in (("scheme", scheme), ("value", value))
    ]
    member = f"jsonb_build_array(jsonb_build_object({','.join(parts)}))"
    return f"{alias}.{trait.identifiers} @> {member}"


def identities(argument: Argument, statement: Statement) -> str:
    """Return the parameter with ids; more than the bound are refused."""

    def check(env: Env) -> None:
        members = argument.read(env.values)
        if isinstance(members, list) and len(members) > NODES_MAX:
            raise binding.bad_input(argument, f"至多 {NODES_MAX} 个 id", f"at most {NODES_MAX} ids")

    statement.checks.append(check)
    return statement.bind_identities(argument, "text[]")


def replaced_statement(model: Model) -> str:
    """Return the statement for the ids that links have put in place of former ids.

    Its third column says whether an answer may report the replacement. An id follows from a key, so
    a replacement reveals that the record exists: it is reported for public records only.
    """
    shown = [
        f"EXISTS (SELECT FROM {model.tables[spec.name]} t WHERE t.item_id = f.now_id"
        f"{'' if spec.golden else ' AND t.speaks'})"
        for spec in model.registry
        if spec.rows.is_public and spec.scope == PUBLIC_SCOPE
    ]
    return (
        f"SELECT f.item_id,f.now_id,{' OR '.join(shown) or 'false'}"
        f" FROM {model.former} f WHERE f.item_id = ANY(%s)"
    )
