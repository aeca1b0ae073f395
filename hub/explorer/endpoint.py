"""`endpoint`: the explorer page, and the sandbox registration that its key pair uses.

- The page is made of the kit in `hub.pages`, its own files are in this room.
- `POST /sandbox/clients` exists in sandbox mode only, answers callers on the loopback address only,
  and grants what a partner may read plus documents that are not registered. The key is that of the
  request's DPoP proof, so nobody registers a key that is not his.
- Nobody locks others out: how fast one address may register is bounded, and of too many clients the
  oldest are forgotten; the page registers anew when that happens to it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.access.clients import ClientKind, RegistrationError
from hub.access.errors import AccessError
from hub.access.registration import DOCUMENT_VERSION, ClientGrant, admit, read_application
from hub.access.scopes import Scope
from hub.access.service import Access
from hub.body import body_too_large, object_in, read_body
from hub.clock import Clock
from hub.errors import ErrorCode, HubError, RateLimitedError, RefusedError
from hub.explorer.reference import reference
from hub.pages.layout import filled, language_of, page, page_file, template
from hub.pages.words import words
from hub.problem import problem
from hub.state import State

ROOM = "hub.explorer"
FILES = ("explorer.css", "explorer.js", "show.js")
GRANTED = tuple(
    scope.value for scope in (Scope.CATALOGUE_READ, Scope.RECEIPT_READ, Scope.GRAPHQL_ADHOC)
)
BODY_BYTES_MAX = 4096
REGISTRATIONS = 60
"""Sandbox clients that one address may register at once, and in each minute after that."""
CLIENTS_MAX = 1_000
"""Sandbox clients that are kept; the oldest are forgotten."""
MINUTE_S = 60.0

Samples = Callable[[], Sequence[dict[str, Any]]]


def explorer_routes(samples: Samples) -> list[Route]:
    """Return the routes of the page and its files."""

    async def explore(request: Request) -> Response:
        language = language_of(request)
        return page(
            request,
            words(language)["explorer.title"],
            filled(template(ROOM, "page.html"), language),
            shape="desk",
            script="/explore/explorer.js",
            style="/explore/explorer.css",
        )

    async def part(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            return problem(RefusedError(ErrorCode.NOT_FOUND))
        return page_file(ROOM, name)

    async def sample_list(_: Request) -> Response:
        return JSONResponse(list(samples()), headers={"Cache-Control": "no-store"})

    async def types(_: Request) -> Response:
        # The first one to ask has it built, which takes longer than others should wait.
        body = await asyncio.to_thread(reference)
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-cache"})

    return [
        Route("/explore", explore),
        Route("/explore/samples.json", sample_list),
        Route("/explore/types.json", types),
        Route("/explore/{name}", part),
    ]


def sandbox_routes(access: Access, state: State, clock: Clock) -> list[Route]:
    """Return the registration of sandbox clients; mount it in sandbox mode only."""

    async def register(request: Request) -> Response:
        language = request.headers.get("accept-language", "")
        try:
            address = _need_loopback(request)
            allowance = await state.take(
                bucket_of(address), REGISTRATIONS, REGISTRATIONS / MINUTE_S
            )
            if not allowance.ok:
                raise RateLimitedError(allowance.retry_after_s)
            key = await access.proven_key(access.envelope(request.scope))
            document = await _document(request)
            client_id = f"sandbox-{secrets.token_hex(6)}"
            application = read_application(
                {
                    "version": DOCUMENT_VERSION,
                    "clientId": client_id,
                    "name": document.get("name") or "sandbox",
                    "jwk": key.jwk,
                }
            )
            grant = ClientGrant(f"sandbox:{client_id}", ClientKind.SANDBOX, GRANTED)
            client = await admit(access.store, application, grant, clock())
            await access.store.forget_sandbox(CLIENTS_MAX)
        except AccessError as error:
            return access.refusal(error, None, language=language)
        except RegistrationError as error:
            return problem(error.refused(), language)
        except HubError as error:
            return problem(error, language)
        return JSONResponse(
            {"clientId": client.client_id, "scopes": list(client.scopes)},
            status_code=201,
            headers={"Cache-Control": "no-store", "DPoP-Nonce": access.dpop_nonce()},
        )

    return [Route("/sandbox/clients", register, methods=["POST"])]


def bucket_of(address: str) -> str:
    """Return the name of the bucket from which an address takes its registrations."""
    return f"sandbox:clients:{address}"


def _need_loopback(request: Request) -> str:
    """Return the caller's address, on this machine."""
    peer = request.client.host if request.client else ""
    try:
        near = ip_address(peer).is_loopback
    except ValueError:
        near = False
    if not near:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="Sandbox clients are registered from this machine only.",
            hint_zh="沙箱接入方只能在本机登记。",
        )
    return peer


async def _document(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise RefusedError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            hint="Send application/json.",
            hint_zh="请以 application/json 发送。",
        )
    body = await read_body(request, BODY_BYTES_MAX, lambda: body_too_large(BODY_BYTES_MAX))
    return object_in(body)
