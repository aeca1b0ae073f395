"""`endpoint`: the authorization server over HTTP, and its metadata documents.

- POST /oauth/token, /oauth/revoke, /oauth/introspect (RFC 6749, 7009, 7662);
  GET /.well-known/… (RFC 8414, 9728, 7517).
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
from hub.access.assertion import ALGORITHMS as ASSERTION_ALGORITHMS
from hub.access.clients import ClientDirectory, ClientStore
from hub.access.config import AccessConfig
from hub.access.dpop import ALGORITHMS, Nonces
from hub.access.envelope import Envelope, read_envelope
from hub.access.errors import AccessError, TokenError
from hub.access.limits import FORM_MAX_BYTES, FORM_MAX_FIELDS, METADATA_AGE_S
from hub.access.oauth_request import AUTH_METHOD, Form, TokenAnswer
from hub.access.people import JWT_BEARER, People
from hub.access.policy_page import policy_page
from hub.access.resource import refusal
from hub.access.scopes import SERVED_NAMES
from hub.access.server import HubAuthorizationServer, grant_types
from hub.access.token_keys import TokenKeys
from hub.access.tokens import TokenIssuer, TokenVerifier
from hub.body import read_body
from hub.clock import Clock
from hub.errors import UnavailableError
from hub.state import State
from hub.watching.notes import note_client, note_refusal

_LOG = logging.getLogger(__name__)
_FORM_TYPE = "application/x-www-form-urlencoded"


class AuthorizationEndpoints:
    """The routes of the authorization server."""

    def __init__(
        self,
        config: AccessConfig,
        keys: TokenKeys,
        store: ClientStore,
        directory: ClientDirectory,
        state: State,
        clock: Clock,
    ) -> None:
        self._config = config
        self._keys = keys
        self._store = store
        self._directory = directory
        self._state = state
        self._clock = clock
        self._people = People(config.providers, clock)
        self._nonces = Nonces(keys.nonce_secrets)
        self._verifier = TokenVerifier(
            config.issuer,
            config.resources,
            keys,
            takes_certificates=config.takes_certificates,
        )
        issuer = TokenIssuer(config.issuer, keys)
        self._server = HubAuthorizationServer(config, issuer, self._verifier, self._nonces)

    def routes(self) -> list[Route]:
        """Return the routes; they take only the methods named."""
        return [
            Route("/oauth/token", self._token, methods=["POST"]),
            Route("/oauth/revoke", self._revoke, methods=["POST"]),
            Route("/oauth/introspect", self._introspect, methods=["POST"]),
            Route("/access-policy", policy_page, methods=["GET"]),
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
        """Return the authorization server's metadata (RFC 8414): exactly what works."""
        authenticated = {
            f"{name}_endpoint_auth_{what}_supported": values
            for name in ("token", "revocation", "introspection")
            for what, values in (
                ("methods", [AUTH_METHOD]),
                ("signing_alg_values", list(ASSERTION_ALGORITHMS)),
            )
        }
        return {
            "issuer": self._config.issuer,
            "token_endpoint": self._config.token_endpoint,
            "revocation_endpoint": self._config.revocation_endpoint,
            "introspection_endpoint": self._config.introspection_endpoint,
            "jwks_uri": self._config.jwks_uri,
            "grant_types_supported": grant_types(self._config),
            "response_types_supported": [],
            "scopes_supported": sorted(SERVED_NAMES),
            **authenticated,
            "dpop_signing_alg_values_supported": list(ALGORITHMS),
            "tls_client_certificate_bound_access_tokens": self._config.takes_certificates,
            "protected_resources": list(self._config.resources),
            "service_documentation": self._config.documentation,
        }

    def resource_metadata(self, path: str) -> dict[str, Any]:
        """Return the metadata of the resource at `path` (RFC 9728): exactly what works."""
        certificates = self._config.takes_certificates
        return {
            "resource": self._config.public_base + path,
            "authorization_servers": [self._config.issuer],
            "jwks_uri": self._config.jwks_uri,
            "scopes_supported": sorted(SERVED_NAMES),
            "bearer_methods_supported": ["header"] if certificates else [],
            "dpop_bound_access_tokens_required": not certificates,
            "dpop_signing_alg_values_supported": list(ALGORITHMS),
            "tls_client_certificate_bound_access_tokens": certificates,
            "resource_documentation": self._config.documentation,
            "resource_policy_uri": self._config.resource_policy,
        }

    def jwks(self) -> dict[str, Any]:
        """Return the hub's public keys: they sign tokens and responses (RFC 7517)."""
        keys = self._keys.values()
        return {
            "keys": [{**key.jwk, "kid": key.kid, "use": "sig", "alg": key.suite} for key in keys]
        }

    async def _token(self, request: Request) -> Response:
        return await self._answer(request, self._server.token)

    async def _revoke(self, request: Request) -> Response:
        return await self._answer(request, self._server.revoke)

    async def _introspect(self, request: Request) -> Response:
        return await self._answer(request, self._server.introspect)

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
        form.certificate = envelope.certificate
        if values.get("client_assertion_type") == assertion.ASSERTION_TYPE:
            try:
                form.assertion = assertion.peek(values.get("client_assertion", ""))
            except TokenError:
                return form
            # The store and not the directory: a key registered a second ago works at once.
            form.client = await self._store.get(form.assertion.client_id)
        if self._config.providers and values.get("grant_type") == JWT_BEARER:
            await self._fetch_person(form)
        if self._config.public_base + envelope.path == self._config.introspection_endpoint:
            await self._fetch_token(form)
        return form

    async def _fetch_person(self, form: Form) -> None:
        """Verify the ID token, and fetch the client for which its person acts."""
        try:
            form.person = await self._people.identify(form.values.get("assertion", ""))
        except TokenError as error:
            _LOG.info("refused an ID token: %s", error.detail)
            return
        form.client = await self._store.get(form.person.client_id)

    async def _fetch_token(self, form: Form) -> None:
        """Fetch what is to be introspected, and whose it is."""
        try:
            form.token = self._verifier.verify(form.values.get("token", ""), form.now)
        except TokenError:
            return
        form.token_client = await self._store.get(form.token.client_id)

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
        return JSONResponse(content(), headers={"Cache-Control": f"max-age={METADATA_AGE_S}"})

    return Route(path, answer, methods=["GET"])
