"""A partner's subgraph, which adds to instruments and institutions; it speaks GraphQL over HTTP.

Its text for composition is `tests/external/composition/calibrations.graphql`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLSchema, build_schema, graphql
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.external.supergraph import CALIBRATIONS

DAY = "2026-06-01"


def _schema() -> GraphQLSchema:
    """Return what is executed: the text without directives, with what a subgraph has besides."""
    text = CALIBRATIONS.read_text("utf-8").partition("type Query")[2]
    for directive in ('@key(fields: "key")', '@key(fields: "id")', "@shareable"):
        text = text.replace(directive, "")
    return build_schema(
        "scalar _Any union _Entity = Instrument | Institution "
        "extend type Query { _entities(representations: [_Any!]!): [_Entity]! } "
        f"type Query{text}"
    )


class Calibrations:
    """The application, what it knows, and the references that it got."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys`: of the instruments that were calibrated."""
        self._schema = _schema()
        self._keys = keys
        self.referred: list[dict[str, Any]] = []
        self.app = Starlette(routes=[Route("/", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        asked = await request.json()
        root = {"calibrations": self._calibrations(), "_entities": self._entities}
        done = await graphql(
            self._schema, asked["query"], root, variable_values=asked.get("variables")
        )
        errors = [error.formatted for error in done.errors or ()]
        return JSONResponse({"data": done.data, **({"errors": errors} if errors else {})})

    def _calibrations(self) -> list[dict[str, Any]]:
        return [
            {"number": f"C{n}", "on": DAY, "instrument": {"key": key}}
            for n, key in enumerate(self._keys)
        ]

    def _entities(self, _: Any, representations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.referred += representations
        return [
            {**each, "calibratedOn": DAY if each.get("key") in self._keys else None}
            for each in representations
        ]
