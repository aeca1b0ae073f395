"""`reference`: the published interface, type by type, as the explorer shows it.

It is read from `schema/published/hub.graphql` and not by introspection: everybody may see it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
)

import schema

SDL = Path(schema.__file__).parent / "published" / "hub.graphql"
_FIRST = ("Query", "Mutation")


@cache
def reference() -> bytes:
    """Return every type as JSON: name, kind, description and members, the roots first."""
    types = [
        each
        for each in build_schema(SDL.read_text("utf-8")).type_map.values()
        if not is_introspection_type(each) and not is_specified_scalar_type(each)
    ]
    types.sort(key=lambda each: (each.name not in _FIRST, each.name != "Query", each.name))
    return json.dumps([_type(each) for each in types], ensure_ascii=False).encode()


def _type(described: GraphQLNamedType) -> dict[str, Any]:
    kind = type(described).__name__.removeprefix("GraphQL").removesuffix("Type")
    return {
        "name": described.name,
        "kind": kind.replace("InputObject", "input object").lower(),
        "description": described.description or "",
        "members": [_member(name, each) for name, each in _members(described).items()],
    }


def _members(described: GraphQLNamedType) -> dict[str, Any]:
    if isinstance(described, GraphQLEnumType):
        return dict(described.values)
    if isinstance(described, GraphQLInputObjectType):
        return dict(described.fields)
    return dict(getattr(described, "fields", {}))


def _member(name: str, member: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"name": name, "description": member.description or ""}
    if hasattr(member, "type"):
        told["type"] = str(member.type)
    if isinstance(member, GraphQLField) and member.args:
        told["args"] = [_argument(each, argument) for each, argument in member.args.items()]
    return told


def _argument(name: str, argument: GraphQLArgument) -> dict[str, str]:
    return {"name": name, "type": str(argument.type)}
