"""`reaching`: whom a field of the root is about, from its arguments.

A key begins with the key of an institution, an id has the shard of one, and a filter may name
institutions or provinces. What else a field is narrowed by says nothing of who could answer.

A source is registered for those in whose name it states. So this holds for records that their
owners state; of what others state of them (customs, say) any source may know.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from hub.identity.ids import SHARD_CHARACTERS
from hub.query.plan.arguments import Argument
from hub.query.plan.binding import Env
from hub.query.plan.reach import Reach, ReachOf
from hub.query.sql.model import Connected, Forward, Listed
from schema.codes import Province
from schema.item import RecordSpec
from schema.traits import Linkable, Located

__all__ = ["keeps_owner", "reach_of_filter", "reach_of_ids", "reach_of_record"]


def reach_of_record(spec: RecordSpec, by: Argument) -> ReachOf | None:
    """Return whom a field is about that finds one record; None: its argument does not say it."""
    identity, key = by.get("id"), by.get("key")
    if identity is not None:
        return reach_of_ids([spec], identity)
    if key is None or spec.trait(Linkable) is None or spec.issuer is not None:
        return None
    return _of_parties(spec.name, key)


def reach_of_ids(specs: Iterable[RecordSpec], argument: Argument) -> ReachOf:
    """Return whom a field is about that finds records of some types by their ids."""
    others = frozenset(spec.prefix for spec in specs if spec.issuer is not None)

    def reach(env: Env) -> Reach:
        ids = _listed(argument.read(env.values))
        both = {each for one in ids for each in (one, env.replaced.get(one, one))}
        parts = [each.partition("_") for each in both]
        if any(prefix in others for prefix, _, _ in parts):
            return Reach()
        return Reach(shards=frozenset(rest[:SHARD_CHARACTERS] for _, _, rest in parts))

    return reach


def reach_of_filter(spec: RecordSpec, filtered: Argument | None) -> ReachOf | None:
    """Return whom a field is about that lists records; None: its filter does not say it."""
    parts: list[ReachOf] = []
    owner = None if spec.owner is None else spec.item(spec.owner.item)
    named = None if owner is None or filtered is None else filtered.get(owner.wire)
    if named is not None and owner is not None:
        values = named.get("eq") or named.get("in")
        if values is not None:
            parts.append(_of_parties(owner.names or spec.name, values))
    provinces = None if filtered is None or not spec.trait(Located) else filtered.get("provinces")
    if provinces is not None:
        parts.append(_of_provinces(provinces))
    if not parts or spec.issuer is not None:
        return None

    def reach(env: Env) -> Reach:
        found = [part(env) for part in parts]
        return Reach(
            parties=next((each.parties for each in found if each.parties is not None), None),
            provinces=next((each.provinces for each in found if each.provinces is not None), None),
        )

    return reach


def keeps_owner(parent: RecordSpec, field: Forward | Listed | Connected, child: RecordSpec) -> bool:
    """Say whether what a relation leads to is always stated by the same institution."""
    if parent.owner is None or child.owner is None or child.issuer is not None:
        return False
    if isinstance(field, Forward):
        if child.trait(Linkable) is None:
            same = f"{{a}}.{child.owner.item} = {{t}}.{parent.owner.item}"
            return same in field.on.split(" AND ")
        return field.on == f"{{a}}.key = {{t}}.{parent.owner.item}"
    is_own = field.on == f"{{a}}.{child.owner.item} = {{t}}.key"
    return is_own and parent.trait(Linkable) is not None


def _of_parties(record: str, argument: Argument) -> ReachOf:
    def reach(env: Env) -> Reach:
        keys = (env.names.of(record, key) for key in _listed(argument.read(env.values)))
        return Reach(parties=frozenset(key.partition("/")[0] for key in keys))

    return reach


def _of_provinces(argument: Argument) -> ReachOf:
    def reach(env: Env) -> Reach:
        names = (
            each.value if isinstance(each, Enum) else each for each in argument.read(env.values)
        )
        asked = [
            Province[name].official if name in Province.__members__ else None for name in names
        ]
        return Reach(provinces=None if None in asked else frozenset(filter(None, asked)))

    return reach


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else (value,)
