"""`mutations`: a registered GraphQL mutation as one signed request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from hub.client.errors import CallRefusedError
from hub.client.hub_client import HubClient
from hub.client.wire import object_of, refused, to_json

_HEADERS = {
    "content-type": "application/json",
    "accept": "application/graphql-response+json, application/json;q=0.9",
    "accept-language": "zh",
}


async def mutate(
    hub: HubClient, document_id: str, given: Mapping[str, Any], key: str
) -> dict[str, Any]:
    """Send a mutation of one field and return that field's payload.

    `key`: the idempotency key: the same again is done once. CallRefusedError where the hub does not
    take the request, or what its `userErrors` say is wrong with the input.
    """
    body = to_json({"documentId": document_id, "variables": {"input": dict(given)}})
    answer = await hub.relay("POST", "/graphql", {**_HEADERS, "idempotency-key": key}, body)
    read = object_of(answer)
    errors = read.get("errors")
    if errors:
        raise _refused(answer, errors[0].get("extensions", {}).get("code"), errors[0])
    if answer.is_error:
        raise refused(answer)
    payload: dict[str, Any] = next(iter(read["data"].values()))
    if payload["userErrors"]:
        raise _refused(answer, payload["userErrors"][0]["code"], payload["userErrors"][0])
    return payload


def _refused(
    answer: httpx.Response, code: str | None, error: Mapping[str, Any]
) -> CallRefusedError:
    return CallRefusedError(
        code or f"HTTP_{answer.status_code}", answer.status_code, str(error.get("message", ""))
    )
