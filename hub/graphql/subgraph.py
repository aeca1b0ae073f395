"""`subgraph`: the interface as a subgraph of Apollo Federation 2.9, for gateways.

- It is the plain schema with `_service` and `_entities`: the same types, resolvers and model, so
  whatever is planned, shown or hidden at `/graphql` is so here. The plain schema has none of it.
- Every record is an entity: by `id`, and by `key` where the key alone names one record.
- What a gateway composes is the plain text with directives: keys, what other subgraphs may define
  as well, and what things cost (`hub.graphql.cost_directives`). It is not served by introspection.

Apollo Federation 2, subgraph specification.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from graphql import (
    FieldDefinitionNode,
    GraphQLScalarType,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    extend_schema,
    parse,
    print_ast,
)

from hub.graphql.cost_directives import CostDirectives, cost_directives
from hub.graphql.schema import INTERFACES_KEPT_MAX, interface, published, sdl
from hub.identity.links import is_named_by_key
from hub.query.plan.references import ANY, ENTITIES, read_reference
from hub.query.sql.model import Model
from hub.store.records import StoredRecords

__all__ = ["subgraph", "subgraph_sdl"]

_SERVICE = "_service"
_ADDED = """
"实体引用：__typename 及其主键。A reference to an entity: __typename and the members of a key."
scalar {any}

"子图。This subgraph."
type _Service {{
  "接口文本，供网关组合。The text of the interface, for composition."
  sdl: String!
}}

"实体。An entity."
union _Entity = {records}

extend type Query {{
  "子图的接口文本。The text of this subgraph."
  {service}: _Service!

  "按引用给出实体，次序不变，没有则为空。Entities by reference, in the order asked, or null."
  {entities}(
    "引用。The references."
    representations: [{any}!]!
  ): [_Entity]!
}}
"""
_LINK = """
extend schema
  @link(
    url: "https://specs.apollo.dev/federation/v2.9"
    import: ["@key", "@shareable", "@cost", "@listSize"]
  )
"""


@lru_cache(maxsize=INTERFACES_KEPT_MAX)
def subgraph(records: StoredRecords) -> GraphQLSchema:
    """Return the schema of the subgraph as graphql-core has it."""
    plain = interface(records)
    registry = plain.model.registry
    added = _ADDED.format(
        any=ANY, records=" | ".join(registry.names), service=_SERVICE, entities=ENTITIES
    )
    schema = extend_schema(plain.schema, parse(added))
    ways = {spec.name: ("id", "key") if is_named_by_key(spec) else ("id",) for spec in registry}
    references = schema.type_map[ANY]
    assert isinstance(references, GraphQLScalarType)
    references.coerce_input_value = partial(read_reference, ways=ways)
    entity, query = schema.type_map["_Entity"], schema.query_type
    assert query is not None
    entity.resolve_type = lambda value, *_: value["@type"]  # type: ignore[attr-defined]
    query.fields[ENTITIES].resolve = _entities
    query.fields[_SERVICE].resolve = partial(_service, model=plain.model)
    return schema


async def _entities(_: Any, info: Any, **__: Any) -> Any:
    return await info.context.read(info)


async def _service(_: Any, info: Any, *, model: Model) -> dict[str, str]:
    del info
    return {"sdl": await asyncio.to_thread(subgraph_sdl, model)}


@lru_cache(maxsize=INTERFACES_KEPT_MAX)
def subgraph_sdl(model: Model) -> str:
    """Return the text that gateways compose; slow when it is asked for first."""
    carried = cost_directives(published(model)._schema, model)
    for spec in model.registry:
        keys = ["id", "key"] if is_named_by_key(spec) else ["id"]
        carried.types[spec.name] = " ".join(f'@key(fields: "{key}")' for key in keys)
    for name in ("PageInfo", *model.registry.values()):  # what has no identity, others may define
        carried.types[name] = f"{carried.types.get(name, '')} @shareable"
    document = parse(sdl(model))
    definitions = tuple(_with_directives(each, carried) for each in document.definitions)
    return f"{_LINK.strip()}\n\n{print_ast(replace(document, definitions=definitions))}\n"


def _with_directives(definition: Any, carried: CostDirectives) -> Any:
    """Return a type of the text with its directives and those of its fields."""
    has_fields = isinstance(definition, ObjectTypeDefinitionNode | InputObjectTypeDefinitionNode)
    if not has_fields:
        return definition
    kind = definition.name.value
    fields = tuple(_field(kind, each, carried) for each in definition.fields or ())
    return _added(replace(definition, fields=fields), carried.types.get(kind, ""))


def _field(kind: str, node: Any, carried: CostDirectives) -> Any:
    """Return a field, of an object or an input, with its directives."""
    name = node.name.value
    if isinstance(node, FieldDefinitionNode):
        arguments = tuple(
            _added(each, carried.arguments.get((kind, name, each.name.value), ""))
            for each in node.arguments or ()
        )
        node = replace(node, arguments=arguments)
    return _added(node, carried.fields.get((kind, name), ""))


def _added(node: Any, text: str) -> Any:
    """Return a node with directives added to its own."""
    if not text:
        return node
    (definition,) = parse(f"type T {text} {{ x: Int }}").definitions
    assert isinstance(definition, ObjectTypeDefinitionNode)
    return replace(node, directives=(*(node.directives or ()), *(definition.directives or ())))
