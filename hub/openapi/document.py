"""`document`: the whole OpenAPI document."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from hub.openapi.operation import RouteOperation
from hub.openapi.operator_routes import operator_routes
from hub.openapi.partner_routes import partner_routes
from hub.openapi.public_routes import public_routes
from hub.openapi.shapes import shapes
from hub.openapi.webhook_routes import webhook_routes, webhook_shapes
from schema import STANDARD_VERSION

NAME = "openapi.json"
"""The name under which it is published."""
_DESCRIPTION = """长三角大型科研仪器数据交换枢纽除 GraphQL 以外的全部接口；
GraphQL 见 hub.graphql，签名见 hub-sig-1。
Every route of a hub but `/graphql` and `/federation/graphql`, whose types are in `hub.graphql`.
How requests and answers are signed says profile hub-sig-1 (`/guide/standard/hub-sig-1`); what each
code means and what to do, `/guide/errors`. A route behind `token` needs a DPoP proof as well; one
behind `signature` is signed. `HEAD` is answered where `GET` is; another method is refused with 405
and `Allow`."""
_SECURITY = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`DPoP <token>` (RFC 9449); see `POST /oauth/token`.",
    },
    "proof": {
        "type": "apiKey",
        "in": "header",
        "name": "DPoP",
        "description": "A proof for this request by the key that the token is bound to.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Signature",
        "description": "With `Signature-Input`, `Content-Digest` and `Idempotency-Key`: RFC 9421, "
        "profile hub-sig-1.",
    },
}


def operations() -> tuple[RouteOperation, ...]:
    """Return every operation that is declared."""
    return (*partner_routes(), *webhook_routes(), *operator_routes(), *public_routes())


def openapi() -> dict[str, Any]:
    """Return the document."""
    paths: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for each in operations():
        assert each.method not in paths[each.address], f"{each.route} is declared twice"
        paths[each.address][each.method] = each.document()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "长三角大型科研仪器数据交换枢纽 Yangtze Delta Instrument Exchange Hub",
            "version": STANDARD_VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The hub that serves this document."}],
        "paths": dict(paths),
        "components": {
            "schemas": {**shapes(), **webhook_shapes()},
            "securitySchemes": _SECURITY,
        },
    }


def as_text() -> str:
    """Return the document as it is published."""
    return json.dumps(openapi(), ensure_ascii=False, indent=1) + "\n"
