"""`socket`: GraphQL over WebSocket at `/graphql`, subprotocol `graphql-transport-ws`.

- Who is calling is said once: in the headers of the upgrade, or where a program cannot set those
  (browsers) in the payload of `connection_init` as `{"Authorization": "DPoP …", "DPoP": "…"}`. The
  proof is that of a GET of the hub's address of `/graphql`, with http or https as its token has it;
  like every proof it is used up (RFC 9449 §7).
- A socket ends with its token: it is closed with 4403 and the reason, TOKEN_EXPIRED for one. The
  client opens another one with a new token and goes on with the cursor of its last page.
- A caller that takes nothing for a while is closed with 4413, one that comes too often with 1013; a
  hub that stops closes with 1012. All three may be opened again.
- Without a token there is no socket, also where anonymous reads are allowed: nothing would end it.
- Pages of other origins open a socket only where the operator lists their origin: a browser sends
  an upgrade without asking first.
- Each operation is counted and has an id of its own, like a request over HTTP: it ends with
  `complete`, with `error`, `cut` where the client or the socket ended it, or with 500.
- The server below it sends WebSocket pings (`hub.cli.serve`), and `ping` is answered by `pong`.

PROTOCOL.md of graphql-ws 6; RFC 6455.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection
from contextlib import aclosing, suppress
from dataclasses import dataclass
from enum import IntEnum
from secrets import token_hex
from time import perf_counter
from typing import Any

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from hub.access.envelope import Envelope, with_credentials
from hub.access.errors import AccessError, Reason, TokenError
from hub.access.rates import ADDRESS, CLIENT
from hub.access.resource import Caller
from hub.access.service import Access
from hub.errors import ErrorCode, HubError, RateLimitedError, RefusedError
from hub.graphql.endpoint import PATH, json_in, language_of, request_of
from hub.graphql.limits import (
    INIT_S,
    MESSAGE_BYTES_MAX,
    OPERATIONS_OF_A_SOCKET,
    RIGHTS_LOOK_S,
    SEND_S,
)
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.streaming import HEARTBEAT, ChangeStreams
from hub.problem import problem
from hub.query.answer.respond import dumps, error_document, refusal
from hub.query.plan.storable import is_storable
from hub.watching.metrics import METRICS
from hub.watching.notes import RequestNotes, begin

SUBPROTOCOL = "graphql-transport-ws"
ID_CHARACTERS_MAX = 128
_LOG = logging.getLogger(__name__)


class SocketClose(IntEnum):
    """Why the hub closes a socket. Those from 4400 on are the protocol's, but SLOW."""

    TRY_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL = 4406
    INIT_TIMEOUT = 4408
    ID_TAKEN = 4409
    SLOW = 4413
    INIT_TWICE = 4429


class SocketClosedError(Exception):
    """The hub closes the socket with a code and a reason."""

    def __init__(self, code: SocketClose, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class GraphQLSocket:
    """Serves WebSockets at `/graphql`."""

    def __init__(self, access: Access, streams: ChangeStreams, origins: Collection[str]) -> None:
        """`origins`: whose pages may open a socket, the hub's own among them."""
        self._access = access
        self._streams = streams
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, or refuse its upgrade."""
        socket = WebSocket(scope, receive, send)
        language = language_of(scope)
        try:
            envelope, caller = await self._upgrade(scope)
        except AccessError as error:
            refused = self._access.refusal(error, None, language=language)
            await socket.send_denial_response(refused)
            return
        except HubError as error:
            await socket.send_denial_response(problem(error, language))
            return
        if SUBPROTOCOL not in scope["subprotocols"]:
            await socket.accept()
            await socket.close(SocketClose.SUBPROTOCOL, f"the subprotocol is {SUBPROTOCOL}")
            return
        await socket.accept(SUBPROTOCOL)
        await _OpenSocket(self._access, self._streams, socket, language).serve(envelope, caller)

    async def _upgrade(self, scope: Scope) -> tuple[Envelope, Caller | None]:
        """Check what an upgrade brings; return who calls where its headers say that."""
        self._access.rates.count(scope, ADDRESS)
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if origins and (len(origins) > 1 or origins[0].decode("latin-1") not in self._origins):
            raise RefusedError(
                ErrorCode.CROSS_ORIGIN_REFUSED,
                hint="Let the operator list the page's origin in HUB_CORS_ORIGINS.",
                hint_zh="请平台运营方将该网页来源列入 HUB_CORS_ORIGINS。",
            )
        envelope = self._access.envelope({**scope, "method": "GET"})
        if "authorization" not in envelope.headers:
            return envelope, None
        return envelope, await self._access.authenticate(envelope)


@dataclass(slots=True)
class _Received:
    """One message of the client."""

    kind: str
    id: str
    payload: Any


class _OpenSocket:
    """One socket that was accepted."""

    def __init__(
        self, access: Access, streams: ChangeStreams, socket: WebSocket, language: str
    ) -> None:
        self._access = access
        self._streams = streams
        self._socket = socket
        self._language = language
        self._sending = asyncio.Lock()
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._caller: Caller
        self._closing: SocketClosedError | None = None

    async def serve(self, envelope: Envelope, caller: Caller | None) -> None:
        """Serve until one side closes."""
        try:
            self._caller = await self._init(envelope, caller)
            with self._streams.place(self._caller.client_id or ""):
                await self._send({"type": "connection_ack"})
                await self._converse()
        except WebSocketDisconnect:
            return
        except SocketClosedError as closed:
            await self._close(closed)
        except AccessError as error:
            await self._close(SocketClosedError(SocketClose.FORBIDDEN, error.reason.name))
        except HubError as error:  # no place, or the database is away
            await self._close(SocketClosedError(SocketClose.TRY_LATER, error.code.name))

    async def _init(self, envelope: Envelope, caller: Caller | None) -> Caller:
        """Wait for `connection_init`; return who is calling."""
        try:
            async with asyncio.timeout(INIT_S):
                first = await self._receive()
                while first.kind in {"ping", "pong"}:
                    first = await self._receive()
        except TimeoutError as error:
            raise SocketClosedError(SocketClose.INIT_TIMEOUT, "no connection_init") from error
        if first.kind != "connection_init":
            raise SocketClosedError(SocketClose.UNAUTHORIZED, "connection_init comes first")
        stated = {} if first.payload is None else first.payload
        if not isinstance(stated, dict):
            raise SocketClosedError(SocketClose.BAD_REQUEST, "the payload is an object")
        said = with_credentials(envelope, stated.get("Authorization"), stated.get("DPoP"))
        caller = caller or await self._access.authenticate(said)
        if caller.anonymous:  # nobody's token would ever end the socket
            raise TokenError(Reason.TOKEN_MISSING)
        return caller

    async def _converse(self) -> None:
        """Take messages, and end with the rights of the caller."""
        guard = asyncio.create_task(self._guard(), name="rights of a socket")
        try:
            while True:
                await self._take(await self._receive())
        except WebSocketDisconnect:
            if self._closing is not None:
                raise self._closing from None
            raise
        finally:
            tasks = [guard, *self._operations.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _guard(self) -> None:
        """Close the socket as soon as its caller may call no more."""
        try:
            while True:
                await asyncio.sleep(RIGHTS_LOOK_S)
                self._caller = await self._access.again(self._caller)
        except AccessError as error:
            await self._close(SocketClosedError(SocketClose.FORBIDDEN, error.reason.name))
        except HubError as error:
            await self._close(SocketClosedError(SocketClose.TRY_LATER, error.code.name))

    async def _take(self, message: _Received) -> None:
        if message.kind == "ping":
            await self._send({"type": "pong"})
        elif message.kind == "complete":
            task = self._operations.pop(message.id, None)
            if task is not None:
                task.cancel()
        elif message.kind == "subscribe":
            await self._subscribe(message)
        elif message.kind == "connection_init":
            raise SocketClosedError(SocketClose.INIT_TWICE, "connection_init came twice")
        elif message.kind != "pong":
            raise SocketClosedError(SocketClose.BAD_REQUEST, "no such type of message")

    async def _subscribe(self, message: _Received) -> None:
        name = message.id
        if not 1 <= len(name) <= ID_CHARACTERS_MAX:
            raise SocketClosedError(SocketClose.BAD_REQUEST, "subscribe has an id")
        if name in self._operations:
            raise SocketClosedError(SocketClose.ID_TAKEN, f"Subscriber for {name} already exists")
        if not isinstance(message.payload, dict):
            raise SocketClosedError(SocketClose.BAD_REQUEST, "the payload is an object")
        caller = self._caller
        try:
            if len(self._operations) >= OPERATIONS_OF_A_SOCKET:
                raise RateLimitedError(1)
            self._access.rates.count(self._socket.scope, CLIENT, caller.client_id)
            asked = request_of(message.payload)
        except HubError as error:
            await self._send(self._error(name, [error_document(error, self._language)]))
            return
        asking = Asking(caller=caller, language=self._language)
        work = self._counted(name, asked, asking)
        self._operations[name] = asyncio.create_task(work, name="operation of a socket")

    async def _counted(self, name: str, asked: GraphRequest, asking: Asking) -> None:
        """Do one operation and count it, under notes of its own."""
        notes = RequestNotes(token_hex(8), PATH.strip("/"), client_id=asking.caller.client_id or "")
        begin(notes)
        began, ended = perf_counter(), "cut"
        try:
            ended = await self._operate(name, asked, asking, notes.request_id)
        finally:
            METRICS.answered(notes, ended, perf_counter() - began)

    async def _operate(
        self, name: str, asked: GraphRequest, asking: Asking, request_id: str
    ) -> str:
        """Send the answers of one operation; it is forgotten before its end is sent.

        Returns how it ended, as it is counted.
        """
        last: dict[str, Any] = {"type": "complete", "id": name}
        ended = None
        try:
            async with aclosing(self._streams.answers(asked, asking)) as answers:
                async for answer in answers:
                    if answer is HEARTBEAT:
                        continue
                    if answer.error is not None:
                        last = self._error(name, json.loads(answer.body)["errors"])
                        break
                    head = dumps({"type": "next", "id": name})[:-1]
                    await self._send_text((head + b',"payload":' + answer.body + b"}").decode())
        except AccessError as error:
            await self._close(SocketClosedError(SocketClose.FORBIDDEN, error.reason.name))
            return "cut"
        except Exception:  # noqa: BLE001 - outermost: one operation ends no other
            ended = "500"
            _LOG.exception("request %s: an operation of a socket failed", request_id)
            failed = refusal(HubError(ErrorCode.INTERNAL), self._language, request_id)
            last = self._error(name, json.loads(failed.body)["errors"])
        self._operations.pop(name, None)
        if not self._streams.is_ending:  # the server says that it stops
            await self._send(last)
        return ended or str(last["type"])

    @staticmethod
    def _error(name: str, errors: list[dict[str, Any]]) -> dict[str, Any]:
        return {"type": "error", "id": name, "payload": errors}

    async def _receive(self) -> _Received:
        """Return the next message; SocketClosedError for what is none of the protocol."""
        raw = await self._socket.receive()
        if raw["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(raw.get("code", 1005))
        text = raw.get("text")
        if text is None or len(text) > MESSAGE_BYTES_MAX:
            raise SocketClosedError(SocketClose.BAD_REQUEST, "messages are short texts")
        try:
            stated = json_in(text)
        except HubError as error:
            raise SocketClosedError(SocketClose.BAD_REQUEST, "messages are JSON") from error
        if not isinstance(stated, dict) or not isinstance(stated.get("type"), str):
            raise SocketClosedError(SocketClose.BAD_REQUEST, "a message has a type")
        name = stated.get("id", "")
        if not isinstance(name, str) or not is_storable(name):
            raise SocketClosedError(SocketClose.BAD_REQUEST, "an id is a text of whole characters")
        return _Received(stated["type"], name, stated.get("payload"))

    async def _send(self, message: dict[str, Any]) -> None:
        await self._send_text(dumps(message).decode())

    async def _send_text(self, text: str) -> None:
        """Send a message; close the socket where its caller takes none."""
        try:
            async with asyncio.timeout(SEND_S), self._sending:
                if self._closing is None:
                    await self._socket.send_text(text)
        except TimeoutError:
            await self._close(SocketClosedError(SocketClose.SLOW, "nothing is taken: go on later"))
        except (WebSocketDisconnect, RuntimeError):
            return  # it has ended meanwhile

    async def _close(self, closed: SocketClosedError) -> None:
        """Close the socket once; its own messages end with it."""
        if self._closing is None:
            self._closing = closed
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.close(closed.code, closed.reason)
