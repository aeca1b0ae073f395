"""`entities`: records of any type by identity, and by the references of a gateway.

However many references come, they are one query: for each record type among them a parameter holds
the ids at their places and null elsewhere, so a row of it is one reference, whatever its type. A
key becomes an id before the statement runs (`Names.identity_by_key`): one index finds both.
"""

from __future__ import annotations

from hub.errors import ErrorCode
from hub.query.plan.arguments import Argument
from hub.query.plan.binding import Bind, Env, array, bad_input
from hub.query.plan.cost import Cost
from hub.query.plan.errors import FieldFault, NotCompilableError, QueryError, ScopeMissingError
from hub.query.plan.limits import REFERENCES_MAX
from hub.query.plan.references import BadReference, Reference, record_types
from hub.query.sql import jsontext
from hub.query.sql.connection import visible
from hub.query.sql.statement import Statement
from hub.query.sql.writer import FieldPlace, Path, Writer
from schema.item import RecordSpec
from schema.visibility import PUBLIC_SCOPE

__all__ = ["check_public", "entities", "record_of"]


def check_public(writer: Writer, here: FieldPlace) -> None:
    """Refuse a caller that may not read records at all."""
    if PUBLIC_SCOPE not in writer.out.authority.scopes:
        raise ScopeMissingError(PUBLIC_SCOPE, ".".join(here.path))


def record_of(writer: Writer, spec: RecordSpec, identity: str, here: FieldPlace, cost: Cost) -> str:
    """Return one record by its id, or null, for a field that may give records of several types."""
    out = writer.out
    if not out.authority.may_list(spec):
        out.is_guarded = True
        return "E'null\\t'"
    kind, alias = writer.selection.type(spec.name), out.alias()
    where = [f"{alias}.item_id = {identity}", *visible(spec, alias, out)]
    selected = writer.selection.collect((n.selection_set for n in here.nodes), kind)
    body = writer.object(selected, kind, alias, here.path, cost)
    if out.marked:
        body = jsontext.typed(body, spec.name)
    table = writer.model.tables[spec.name]
    return (
        f"coalesce((SELECT {body} FROM {table} {alias} WHERE {' AND '.join(where)} LIMIT 1),'null')"
    )


def entities(writer: Writer, here: FieldPlace) -> str:
    """Return the records that references name, in their order; null where there is none."""
    check_public(writer, here)
    references, out = writer.argument(here, "representations"), writer.out
    assert references is not None, "it is required"
    if references.node is not None and not references.is_constant and not out.marked:
        # Variables inside of a literal: its record types are not in the key of the plan.
        raise NotCompilableError("variables inside of representations")
    _check(references, here.path, out)
    named = record_types(references.read(references.sample.values))
    specs = [spec for spec in writer.model.registry if spec.name in named]
    row = out.alias("e")
    each = here.cost.part(own=0, times=references).part()
    branches, columns = [], []
    for number, spec in enumerate(specs):
        column = f"{row}.i{number}"
        columns.append(out.bind_env((references.key, spec.name), _ids(references, spec), "text[]"))
        body = record_of(writer, spec, column, here, each.choice())
        branches.append(f"WHEN {column} IS NOT NULL THEN {body}")
    if not columns:  # every reference is bad, or there is none
        columns = [out.bind_env((references.key, ""), _ids(references, None), "text[]")]
    body = f"CASE {' '.join(branches)} ELSE 'null' END" if branches else "'null'"
    names = ",".join(f"i{number}" for number in range(len(columns)))
    return (
        f"(SELECT {jsontext.json_list(body, f'{row}.n')} FROM unnest({','.join(columns)})"
        f" WITH ORDINALITY AS {row}({names},n))"
    )


def _check(references: Argument, path: Path, out: Statement) -> None:
    """Bound the references, find the bad ones, and have former ids replaced."""

    def check(env: Env) -> None:
        if len(references.read(env.values)) > REFERENCES_MAX:
            raise bad_input(
                references, f"至多 {REFERENCES_MAX} 个", f"at most {REFERENCES_MAX} of them"
            )

    def faults(env: Env) -> list[FieldFault]:
        return [
            FieldFault((*path, place), QueryError(ErrorCode.BAD_USER_INPUT, each.zh, each.en))
            for place, each in enumerate(references.read(env.values))
            if isinstance(each, BadReference)
        ]

    def requested(env: Env) -> list[str]:
        return [
            each.value
            for each in references.read(env.values)
            if isinstance(each, Reference) and each.by == "id"
        ]

    out.checks.append(check)
    out.faults.append(faults)
    out.identities.append(requested)


def _ids(references: Argument, spec: RecordSpec | None) -> Bind:
    """Return the parameter with the present ids of the references to one record type."""

    def value(env: Env) -> str:
        return array([_id(each, spec, env) for each in references.read(env.values)])

    return value


def _id(reference: Reference | BadReference, spec: RecordSpec | None, env: Env) -> str | None:
    if spec is None or not isinstance(reference, Reference) or reference.record != spec.name:
        return None
    if reference.by == "key":
        return env.names.identity_by_key(spec, reference.value)
    return env.replaced.get(reference.value, reference.value)
