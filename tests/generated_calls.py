"""Requests that schemathesis generates from the OpenAPI document, sent to a running hub.

Each goes out as a registered client sends it: with a real token, a proof, and where the route is
signed, a signature over what is really on the wire.
"""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hub.access import dpop
from hub.access.content_digest import content_digest
from hub.access.envelope import Envelope
from hub.access.signatures import READ, sign_request
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import SigningKey

NDJSON = "application/x-ndjson"
ROWS_MAX = 3
TOKEN_S = 200.0
WAIT_S = 30.0
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer(NDJSON)
def _ndjson(_: schemathesis.SerializationContext, value: Any) -> bytes:
    rows = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@schemathesis.serializer("application/toml")
def _text(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class SignedAuth(requests.auth.AuthBase):
    """Adds token, proof and signature of one client to a request that is ready to be sent."""

    def __init__(self, base: str, client_id: str, key: SigningKey) -> None:
        self._base, self._client_id, self._key = base, client_id, key
        self._token, self._until = "", 0.0
        self.is_signed = False

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        method, url = str(request.method), str(request.url)
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        target = url.partition("?")[0]
        now = system_clock()
        proof = dpop.make(self._key, method, target, now, token=self._current())
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        headers |= {"authorization": f"DPoP {self._token}", "dpop": proof}
        if self.is_signed:
            headers["content-digest"] = content_digest(body)
            headers.setdefault("idempotency-key", f"made-{time.monotonic_ns()}")
            envelope = Envelope(method, urlsplit(url).path, target, url, headers)
            headers |= sign_request(envelope, self._key, READ, now)[0]
        request.headers.update(headers)
        return request

    def _current(self) -> str:
        if time.monotonic() > self._until:
            self._token = asyncio.run(self._fetch())
            self._until = time.monotonic() + TOKEN_S
        return self._token

    async def _fetch(self) -> str:
        async with HubClient(self._base, self._client_id, self._key) as client:
            return await client.token()


def known_to(
    document: Mapping[str, Any], known: Mapping[str, Sequence[str]], types: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the document for generating from: parameters take values that there are, and others
    where requests are wrong on purpose.

    `known`: by name, or by address and name where that says more. Batches are lists of rows, of
    these `types` of record only where they are named: each takes seconds to be got ready.
    """
    made = copy.deepcopy(dict(document))
    rows = made["components"]["schemas"]["BatchRow"]["oneOf"]
    rows[:] = [each for each in rows if not types or _type_of(each) in {*types, None}]
    for address, methods in made["paths"].items():
        for operation in methods.values():
            operation["security"] = []
            for parameter in operation["parameters"]:
                name = parameter["name"]
                values = known.get(f"{address} {name}", known.get(name))
                if values:
                    parameter["schema"] = {"type": "string", "enum": list(values)}
            content = operation.get("requestBody", {}).get("content", {})
            if NDJSON in content:
                rows = {"type": "array", "items": content[NDJSON]["schema"]["x-line"]}
                content[NDJSON] = {"schema": {**rows, "minItems": 1, "maxItems": ROWS_MAX}}
    return made


def _type_of(row: Mapping[str, Any]) -> str | None:
    name: str | None = row["properties"]["type"].get("const")
    return name


class Caller:
    """Sends what is generated and holds every answer against the document."""

    def __init__(self, base: str, auths: Mapping[str, SignedAuth], examples: int) -> None:
        """`auths`: by the beginning of an address."""
        self._base, self._auths, self._examples = base, auths, examples
        self.statuses: dict[str, set[int]] = {}
        self.sent = 0

    def call_all(self, document: Mapping[str, Any], *, again: bool) -> list[str]:
        """Call every operation; return what was wrong, one text for each operation that failed."""
        raw = schemathesis.openapi.from_dict(dict(document))
        failures = []
        for result in raw.get_all_operations():
            operation = result.ok()
            for mode in GenerationMode:
                try:
                    self._call(operation, mode, again=again)
                except hypothesis.errors.Unsatisfiable as error:
                    if mode is GenerationMode.POSITIVE:  # what takes nothing, takes nothing wrong
                        failures.append(f"{operation.label}: {error}")
                except (AssertionError, BaseExceptionGroup, requests.RequestException) as error:
                    failures.append(f"{operation.label} ({mode.value}): {error}")
        return failures

    def _call(self, operation: Any, mode: GenerationMode, *, again: bool) -> None:
        auth = self._auth_of(operation.path)
        is_signed = "x-signed" in operation.definition.raw
        session = requests.Session()
        session.trust_env = False

        @hypothesis.given(case=operation.as_strategy(mode))
        @hypothesis.settings(
            max_examples=self._examples,
            deadline=None,
            database=None,
            derandomize=again,
            print_blob=False,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        def call(case: schemathesis.Case) -> None:
            if auth is not None:
                auth.is_signed = is_signed
            answer = case.call(
                base_url=self._base,
                session=session,
                auth=auth,
                timeout=WAIT_S,
                allow_redirects=False,
            )
            self.sent += 1
            self.statuses.setdefault(operation.label, set()).add(answer.status_code)
            case.validate_response(answer, checks=CHECKS)

        with session:
            call()

    def _auth_of(self, address: str) -> SignedAuth | None:
        return next((auth for head, auth in self._auths.items() if address.startswith(head)), None)
