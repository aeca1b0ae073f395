"""Whoever cannot hold a connection open gets the same by asking."""

from __future__ import annotations

from graphql import GraphQLObjectType

from hub.graphql.schema import interface
from hub.store.records import standard_records


def field_of(root: GraphQLObjectType | None, name: str) -> tuple[str, dict[str, str]]:
    """Return the type of a root field, and those of its arguments."""
    assert root is not None
    field = root.fields[name]
    return str(field.type), {key: str(each.type) for key, each in field.args.items()}


def test_every_subscription_has_a_query_of_the_same_name_arguments_and_type() -> None:
    schema = interface(standard_records()).schema
    assert schema.subscription_type is not None
    assert schema.subscription_type.fields
    for name in schema.subscription_type.fields:
        assert field_of(schema.subscription_type, name) == field_of(schema.query_type, name)
