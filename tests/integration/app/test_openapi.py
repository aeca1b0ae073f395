"""The OpenAPI document has every route of the application but GraphQL, and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from hub.graphql.endpoint import PATH, SUBGRAPH_PATH
from hub.openapi.document import NAME, openapi, operations
from schema.registry import standard
from tests.integration.app.conftest import BASE, World
from tests.integration.app.test_wire_page import SECTIONS, served

PUBLISHED = Path(__file__).parents[3] / "schema/published"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi()


async def test_every_route_but_graphql_is_in_the_document_and_no_other(world: World) -> None:
    doors = (PATH, SUBGRAPH_PATH)
    routes = {each for each in served(world) if each.partition(" ")[2] not in doors}
    declared = [each.route for each in operations()]
    assert len(declared) == len(set(declared)) > 40
    assert set(declared) ^ routes == set()
    assert set(declared) <= set(SECTIONS), "the page of the wire form has each of them too"


def test_a_validator_of_others_accepts_the_document(document: dict[str, Any]) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(document, cls=validator.OpenAPIV31SpecValidator)
    broken = {**document, "paths": {"/x": {"get": {"responses": {"200": {}}}}}}
    with pytest.raises(validator.validation.exceptions.OpenAPIValidationError):
        validator.validate(broken, cls=validator.OpenAPIV31SpecValidator)


async def test_the_hub_serves_the_document_that_is_published(world: World) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as who:
        answer = await who.get(f"/standard/{NAME}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == openapi() == json.loads((PUBLISHED / NAME).read_text("utf-8"))


def test_records_are_described_by_their_published_schemas(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for spec in standard():
        published = json.loads((PUBLISHED / f"{spec.table}.schema.json").read_text("utf-8"))
        assert schemas[spec.name]["properties"].keys() == published["properties"].keys()
        assert schemas[spec.name]["required"] == published["required"]
        for name, nested in published.get("$defs", {}).items():
            assert schemas[name]["properties"].keys() == nested["properties"].keys()


def test_every_shape_is_a_json_schema_and_is_used(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in text, f"{name} is used nowhere"


def test_a_signed_route_says_so_and_a_public_one_asks_for_nothing(document: dict[str, Any]) -> None:
    signed = document["paths"]["/batches"]["post"]
    assert signed["security"] == [{"token": [], "proof": [], "signature": []}]
    assert signed["x-scope"] == "records:push"
    assert document["paths"]["/log/vkey"]["get"]["security"] == []
    assert {"200", "401", "403", "409", "413", "422"} <= signed["responses"].keys()
