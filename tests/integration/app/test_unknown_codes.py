"""UNKNOWN is a value of enums for answers: whoever states it is refused, and nothing fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_composite_type,
)

import schema
from hub.access.clients import ClientKind
from hub.access.scopes import Scope
from tests.integration.app.conftest import UNIVERSITY, World

pytestmark = pytest.mark.integration
ALL = tuple(each.value for each in Scope if not each.value.startswith("operator:"))
SAMPLES: dict[str, Any] = {
    "String": "x",
    "ID": "x",
    "Int": 1,
    "SafeInt": 1,
    "Boolean": False,
    "Decimal": "1",
    "Date": "2027-01-04",
    "DateTime": "2027-01-04T09:00:00+08:00",
    "Duration": "PT1H",
    "JsonObject": {},
    "Row": {},
}


@cache
def published() -> GraphQLSchema:
    file = Path(schema.__file__).parent / "published" / "hub.graphql"
    return build_schema(file.read_text("utf-8"))


def enums_in(kind: Any) -> set[str]:
    """Return the enums with UNKNOWN that a value of a type needs or may have, one level deep."""
    named = get_named_type(kind)
    if isinstance(named, GraphQLEnumType):
        return {named.name} if "UNKNOWN" in named.values else set()
    if isinstance(named, GraphQLInputObjectType):
        found = (get_named_type(each.type) for each in named.fields.values())
        return {
            each.name
            for each in found
            if isinstance(each, GraphQLEnumType) and "UNKNOWN" in each.values
        }
    return set()


def value_of(kind: Any, stated: str | None) -> Any:
    """Return the least value of a type, with UNKNOWN wherever the enum `stated` may stand."""
    if isinstance(kind, GraphQLNonNull):
        return value_of(kind.of_type, stated)
    if isinstance(kind, GraphQLList):
        return [value_of(kind.of_type, stated)]
    if isinstance(kind, GraphQLEnumType):
        return "UNKNOWN" if kind.name == stated else next(iter(kind.values))
    if isinstance(kind, GraphQLScalarType):
        return SAMPLES[kind.name]
    return {
        name: value_of(each.type, stated)
        for name, each in kind.fields.items()
        if isinstance(each.type, GraphQLNonNull) or get_named_type(each.type).name == stated
    }


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield the kind of operation, the root field and the enum that is stated as UNKNOWN."""
    for kind, root in (("query", published().query_type), ("mutation", published().mutation_type)):
        assert root is not None
        for name, field in root.fields.items():
            for enum in sorted({e for each in field.args.values() for e in enums_in(each.type)}):
                yield kind, name, enum


def asked(kind: str, name: str, field: GraphQLField, enum: str) -> tuple[str, dict[str, Any]]:
    """Return a document with one root field, and its variables."""
    args = {
        each: argument
        for each, argument in field.args.items()
        if isinstance(argument.type, GraphQLNonNull) or enum in enums_in(argument.type)
    }
    heads = ", ".join(f"${each}: {argument.type}" for each, argument in args.items())
    given = ", ".join(f"{each}: ${each}" for each in args)
    inner = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
    variables = {each: value_of(argument.type, enum) for each, argument in args.items()}
    return f"{kind} Q({heads}) {{ {name}({given}){inner} }}", variables


async def test_whoever_states_unknown_is_refused_or_finds_nothing(world: World) -> None:
    client = await world.register("stater", UNIVERSITY, ClientKind.PARTNER, ALL, "zju-push")
    tried = list(cases())
    assert {"bulkExportCreate", "disposalDecision", "requestBooking"} <= {each[1] for each in tried}
    for number, (kind, name, enum) in enumerate(tried):
        root = published().query_type if kind == "query" else published().mutation_type
        assert root is not None
        text, variables = asked(kind, name, root.fields[name], enum)
        headers = {
            "content-type": "application/json",
            "accept": "application/json",
            "idempotency-key": f"unknown-{number:08}",
        }
        body = json.dumps({"query": text, "variables": variables}).encode()
        answer = (await client.relay("POST", "/graphql", headers, body)).json()
        codes = {each["extensions"]["code"] for each in answer.get("errors", ())}
        assert "INTERNAL" not in codes, (name, enum, answer)
        assert "GRAPHQL_VALIDATION_FAILED" not in codes, (name, enum, answer)
