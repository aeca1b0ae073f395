"""What the whole interface promises, walked type by type."""

from __future__ import annotations

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_introspection_type,
    is_non_null_type,
    is_specified_scalar_type,
)

from hub.graphql.enums import NOT_KNOWN
from hub.graphql.schema import interface
from hub.query.plan.limits import PAGE_DEFAULT
from hub.query.sql.model import Stored
from hub.store.records import standard_records
from schema.item import Grade

INTERFACE = interface(standard_records())
KINDS = [each for each in INTERFACE.schema.type_map.values() if not is_introspection_type(each)]
OBJECTS = [each for each in KINDS if isinstance(each, GraphQLObjectType | GraphQLInterfaceType)]


def answered_enums() -> list[GraphQLEnumType]:
    named = {get_named_type(field.type).name for kind in OBJECTS for field in kind.fields.values()}
    return [each for each in KINDS if isinstance(each, GraphQLEnumType) and each.name in named]


def test_every_enum_of_an_answer_has_a_value_for_what_is_not_known() -> None:
    enums = answered_enums()
    assert len(enums) > 40
    assert [each.name for each in enums if "UNKNOWN" not in each.values] == []
    added = [each for each in enums if each.values["UNKNOWN"].description == NOT_KNOWN]
    assert 10 < len(added) < len(enums)


def test_every_scalar_of_our_own_says_by_what_it_is_specified() -> None:
    scalars = [each for each in KINDS if isinstance(each, GraphQLScalarType)]
    own = [each for each in scalars if not is_specified_scalar_type(each)]
    assert {"DateTime", "Date", "Decimal", "Duration"} <= {each.name for each in own}
    assert [each.name for each in own if not each.specified_by_url] == []


def test_what_rights_or_sources_may_withhold_is_nullable() -> None:
    wrong = []
    for kind in OBJECTS:
        for name, field in kind.fields.items():
            declared = INTERFACE.model.fields.get(kind.name, {}).get(name)
            if isinstance(declared, Stored) and declared.item.grade is not Grade.L1:
                wrong += [f"{kind.name}.{name}"] if is_non_null_type(field.type) else []
    assert wrong == []
    node = INTERFACE.schema.query_type
    assert node is not None
    assert not is_non_null_type(node.fields["node"].type)
    assert str(node.fields["nodes"].type) == "[Node]!"


def test_a_list_is_a_connection_with_its_sources() -> None:
    pages = [each for each in OBJECTS if each.name.endswith("Connection")]
    assert len(pages) > 20
    for each in pages:
        assert {"edges", "nodes", "pageInfo", "totalCount", "sources"} <= each.fields.keys()
    assert PAGE_DEFAULT == 20


def test_payloads_say_what_was_wrong_with_the_input() -> None:
    mutations = INTERFACE.schema.mutation_type
    assert mutations is not None
    for name, field in mutations.fields.items():
        payload = get_named_type(field.type)
        assert isinstance(payload, GraphQLObjectType)
        assert str(payload.fields["userErrors"].type) == "[UserError!]!", name
        inputs = get_named_type(field.args["input"].type)
        assert isinstance(inputs, GraphQLInputObjectType)
        assert "idempotencyKey" in inputs.fields, name
