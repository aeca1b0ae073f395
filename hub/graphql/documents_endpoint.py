"""`documents_endpoint`: a client's own documents over HTTP.

- `GET /clients/self/documents` lists them, `POST` registers one, `DELETE …/{id}` removes one.
- Changes are signed. Nobody reaches the documents of another client here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from graphql import GraphQLSchema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.access import gate
from hub.access.gate import Admitted, Door
from hub.access.service import Access
from hub.access.signatures import KEY_CHANGE, READ
from hub.body import body_too_large, object_in, read_body
from hub.clock import Clock
from hub.errors import ErrorCode, RateLimitedError, RefusedError
from hub.graphql.documents import ClientDocuments, check_name, is_for_gateways, judge
from hub.graphql.endpoint import PATH as PLAIN_PATH
from hub.graphql.endpoint import SUBGRAPH_PATH
from hub.graphql.subgraph import subgraph
from hub.problem import problem
from hub.query.plan.errors import QueryError
from hub.query.sql.planner import Planner
from hub.state import State
from hub.store.client_documents import (
    KeptDocument,
    keep_document,
    kept_documents,
    remove_document,
)
from hub.store.database import Database

PATH = "/clients/self/documents"
BODY_BYTES_MAX = 256 * 1024
JUDGED_AT_ONCE, JUDGED_PER_S = 20, 1 / 3
"""Documents that one client may have judged at once, and how fast it may go on."""
LOOK = Door(operation=READ)
CHANGE = Door(operation=KEY_CHANGE, is_signed=True)
Work = Callable[[str, Admitted, Request], Awaitable[Response]]


class DocumentEndpoints:
    """The routes of clients' own documents."""

    def __init__(self, access: Access, database: Database, state: State, clock: Clock) -> None:
        self._access = access
        self._database = database
        self._state = state
        self._clock = clock

    def routes(self, planner: Planner, documents: ClientDocuments) -> list[Route]:
        """Return the routes."""
        one = f"{PATH}/{{id}}"
        add = partial(self._add, planner, documents)
        remove = partial(self._remove, documents)
        doors: list[tuple[str, str, Door, Work]] = [
            ("GET", PATH, LOOK, partial(self._list, planner)),
            ("POST", PATH, CHANGE, add),
            ("DELETE", one, CHANGE, remove),
        ]
        return [
            Route(path, partial(self._serve, door=door, work=work), methods=[method])
            for method, path, door, work in doors
        ]

    async def _serve(self, request: Request, *, door: Door, work: Work) -> Response:
        async def told(admitted: Admitted) -> Response:
            client_id = admitted.caller.client_id
            assert client_id is not None, "the doors take no anonymous callers"
            try:
                return await work(client_id, admitted, request)
            except QueryError as error:
                language = request.headers.get("accept-language", "")
                return problem(error, language, {"problems": problems_of(error)})

        return await gate.through(self._access, request, door, told, _read)

    async def _list(self, planner: Planner, client_id: str, _: Admitted, __: Request) -> Response:
        kept = await kept_documents(self._database, client_id)
        wide = subgraph(self._database.records)
        told = await asyncio.to_thread(  # many large ones take long
            lambda: [document_to_wire(each, planner, wide) for each in kept]
        )
        return _answer({"documents": told})

    async def _add(
        self,
        planner: Planner,
        documents: ClientDocuments,
        client_id: str,
        admitted: Admitted,
        _: Request,
    ) -> Response:
        stated = object_in(admitted.body)
        if not {"text"} <= stated.keys() <= {"text", "name"}:
            raise RefusedError(
                ErrorCode.BAD_USER_INPUT,
                hint="Send text, and if wanted name.",
                hint_zh="请发送 text，需要时加 name。",
            )
        name, text = check_name(stated.get("name")), stated["text"]
        taken = await self._state.take(f"documents:{client_id}", JUDGED_AT_ONCE, JUDGED_PER_S)
        if not taken.ok:
            raise RateLimitedError(taken.retry_after_s)
        wide = subgraph(self._database.records)
        identifier = await asyncio.to_thread(judge, planner, wide, text)
        kept = KeptDocument(identifier, name, text, self._clock())
        is_new = await keep_document(self._database, client_id, kept)
        documents.forget(client_id)
        told = await asyncio.to_thread(document_to_wire, kept, planner, wide)
        return _answer(told, 201 if is_new else 200)

    async def _remove(
        self, documents: ClientDocuments, client_id: str, _: Admitted, request: Request
    ) -> Response:
        identifier = request.path_params["id"]
        await remove_document(self._database, client_id, identifier)
        documents.forget(client_id)
        return _answer({"removed": identifier})


def document_to_wire(kept: KeptDocument, planner: Planner, wide: GraphQLSchema) -> dict[str, Any]:
    """Return a document as it is listed, with the paths of the doors that run it.

    `wide`: the schema of the door of gateways, which takes all that `/graphql` takes.
    """
    is_narrow = is_for_gateways(kept.text, planner.interface.schema, wide)
    return {
        "documentId": kept.document_id,
        "name": kept.name,
        "text": kept.text,
        "keptAt": kept.kept_at.isoformat(),
        "runsAt": [SUBGRAPH_PATH] if is_narrow else [PLAIN_PATH, SUBGRAPH_PATH],
    }


def problems_of(error: QueryError) -> list[dict[str, Any]]:
    """Return everything that is wrong with a document."""
    return [
        {
            "code": each.code.name,
            "detail": each.detail,
            "locations": [{"line": line, "column": column} for line, column in each.locations],
        }
        for each in (error, *error.also)
    ]


def _read(request: Request) -> Awaitable[bytes]:
    return read_body(request, BODY_BYTES_MAX, lambda: body_too_large(BODY_BYTES_MAX))


def _answer(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})
