"""`endpoint`: the authorization server over HTTP, and its metadata documents.

- POST /oauth/token, POST /oauth/revoke (RFC 6749, 7009); GET /.well-known/… (RFC 8414, 9728, 7517).
- The form is read by hand: at most 16 KiB, one media type, no parameter twice, UTF-8 only.
- Order of a request: read → fetch the client → Authlib's core → reserve what may be used once →
  answer. When the shared state cannot promise that a proof is new, the answer is 503 and no token.
- An answer never repeats what was sent, and only the code of a refusal is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.access import assertion
from hub.access.clients import ClientDirectory, ClientStore
from hub.access.config import AccessConfig
from hub.access.dpop import ALGORITHMS, Nonces
from hub.access.envelope import Envelope, read_envelope
from hub.access.errors import AccessError, TokenError
from hub.access.limits import FORM_MAX_BYTES, FORM_MAX_FIELDS
from hub.access.resource import refusal
from hub.access.scopes import SCOPE_NAMES
from hub.access.server import AUTH_METHOD, Form, HubAuthorizationServer, TokenAnswer
from hub.access.tokens import TokenIssuer, TokenVerifier
from hub.body import read_body
from hub.clock import Clock
from hub.crypto.keys import SigningKey, VerifyKey
from hub.errors import UnavailableError
from hub.state import State
from hub.watching.notes import note_client, note_refusal

_LOG = logging.getLogger(__name__)
_FORM_TYPE = "application/x-www-form-urlencoded"
_METADATA_AGE_S = 300


class AuthorizationEndpoints:
    """The routes of the authorization server."""

    def __init__(
        self,
        config: AccessConfig,
        key: SigningKey,
        store: ClientStore,
        directory: ClientDirectory,
        state: State,
        clock: Clock,
    ) -> None:
        self._config = config
        self._key = key
        self._store = store
        self._directory = directory
        self._state = state
        self._clock = clock
        self._nonces = Nonces(key.derived_secret("dpop-nonce"))
        keys: dict[str, VerifyKey] = {key.kid: key.public}
        verifier = TokenVerifier(config.issuer, config.resources, keys)
        issuer = TokenIssuer(config.issuer, key)
        self._server = HubAuthorizationServer(config, issuer, verifier, self._nonces)

    def routes(self) -> list[Route]:
        """Return the routes; they take only the methods named."""
        return [
            Route("/oauth/token", self._token, methods=["POST"]),
            Route("/oauth/revoke", self._revoke, methods=["POST"]),
            _document("/.well-known/oauth-authorization-server", self.server_metadata),
            _document("/.well-known/jwks.json", self.jwks),
            *(
                _document(
                    f"/.well-known/oauth-protected-resource{path}",
                    partial(self.resource_metadata, path),
                )
                for path in self._config.resource_paths
            ),
        ]

    def dpop_nonce(self) -> str:
        """Return a nonce for the next proof; any answer may carry it (RFC 9449 §8.2)."""
        return self._nonces.issue(self._clock())

    def server_metadata(self) -> dict[str, Any]:
        """Return the authorization server's metadata (RFC 8414)."""
        return {
            "issuer": self._config.issuer,
            "token_endpoint": self._config.token_endpoint,
            "revocation_endpoint": self._config.revocation_endpoint,
            "jwks_uri": self._config.jwks_uri,
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "scopes_supported": sorted(SCOPE_NAMES),
            "token_endpoint_auth_methods_supported": [AUTH_METHOD],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "revocation_endpoint_auth_methods_supported": [AUTH_METHOD],
            "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "dpop_signing_alg_values_supported": list(ALGORITHMS),
            "protected_resources": list(self._config.resources),
        }

    def resource_metadata(self, path: str) -> dict[str, Any]:
        """Return the metadata of the resource at `path` (RFC 9728)."""
        return {
            "resource": self._config.public_base + path,
            "authorization_servers": [self._config.issuer],
            "jwks_uri": self._config.jwks_uri,
            "scopes_supported": sorted(SCOPE_NAMES),
            "bearer_methods_supported": [],
            "dpop_bound_access_tokens_required": True,
            "dpop_signing_alg_values_supported": list(ALGORITHMS),
        }

    def jwks(self) -> dict[str, Any]:
        """Return the hub's public keys: they sign tokens and responses (RFC 7517)."""
        key = self._key.public
        return {"keys": [{**key.jwk, "kid": key.kid, "use": "sig", "alg": key.suite}]}

    async def _token(self, request: Request) -> Response:
        return await self._answer(request, self._server.token)

    async def _revoke(self, request: Request) -> Response:
        return await self._answer(request, self._server.revoke)

    async def _answer(self, request: Request, work: Callable[[Form], TokenAnswer]) -> Response:
        now = self._clock()
        try:
            envelope = read_envelope(request.scope, self._config)
        except AccessError as error:
            note_refusal(error.reason.name)
            _LOG.info("refused %s", error.reason.name)
            return refusal(error, self._config)
        form: Form | None = None
        try:
            form = await self._read(request, envelope, now)
            answer = await self._use_up(form, work(form))
        except OAuth2Error as error:
            answer = self._server.refused(error)
        except UnavailableError as error:
            _LOG.warning("%s unavailable: %s", envelope.path, error.code.name)
            body = {"error": "temporarily_unavailable", "error_description": "try again shortly"}
            retry = (("Retry-After", str(error.retry_after_s)), ("Cache-Control", "no-store"))
            answer = TokenAnswer(503, body, retry)
        if form is not None and form.client is not None:
            note_client(form.client.client_id)
        if "error" in answer.body:
            note_refusal(answer.body["error"])
            _LOG.info("refused %s: %s", envelope.path, answer.body["error"])
        response = JSONResponse(answer.body, answer.status, dict(answer.headers))
        response.headers["Cache-Control"] = "no-store"
        response.headers["DPoP-Nonce"] = self._nonces.issue(now)
        return response

    async def _read(self, request: Request, envelope: Envelope, now: datetime) -> Form:
        if envelope.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
            raise InvalidRequestError(f"the body must be {_FORM_TYPE}")
        if "authorization" in envelope.headers:
            raise InvalidRequestError("authenticate with a client assertion in the body alone")
        values = parse_form(await read_body(request, FORM_MAX_BYTES, _body_too_long))
        form = Form(envelope.path, values, envelope.headers.get("dpop"), now)
        if values.get("client_assertion_type") == assertion.ASSERTION_TYPE:
            try:
                form.assertion = assertion.peek(values.get("client_assertion", ""))
            except TokenError:
                return form
            # The store and not the directory: a key registered a second ago works at once.
            form.client = await self._store.get(form.assertion.client_id)
        return form

    async def _use_up(self, form: Form, answer: TokenAnswer) -> TokenAnswer:
        """Reserve what may be used once and move the epoch, before the answer is sent."""
        if answer.status != 200:  # noqa: PLR2004 - a refusal uses nothing up
            return answer
        for once in form.reserve:
            if not await self._state.reserve(once.name, once.seconds, once.issued_at):
                return self._server.refused(once.error)
        if form.epoch_of is not None:
            await self._store.set_epoch(form.epoch_of, form.now)
            self._directory.forget(form.epoch_of)
        return answer


def parse_form(body: bytes) -> dict[str, str]:
    """Parse a form strictly; InvalidRequestError for repeats, other bytes, too many fields."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FORM_MAX_FIELDS,
        )
    except ValueError as error:
        raise InvalidRequestError("the body is not a form") from error
    values = dict(pairs)
    if len(values) != len(pairs):
        raise InvalidRequestError("a parameter occurs twice")
    return values


def _body_too_long() -> InvalidRequestError:
    return InvalidRequestError(f"the body is longer than {FORM_MAX_BYTES} bytes")


def _document(path: str, content: Callable[[], dict[str, Any]]) -> Route:
    async def answer(request: Request) -> Response:
        del request
        return JSONResponse(content(), headers={"Cache-Control": f"max-age={_METADATA_AGE_S}"})

    return Route(path, answer, methods=["GET"])
