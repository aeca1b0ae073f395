"""`events`: the answers to an operation as server-sent events, in distinct connections mode.

- Each answer is an event `next`, the end an event `complete`; a refusal of the operation is a
  `next` with its errors, as the protocol asks. Who may not call at all gets a plain answer before.
- A stream that ends because its caller may call no more says so in a last `next`: its code is the
  reason (TOKEN_EXPIRED …). It goes on with a new token and the cursor of the last page.
- Silence is broken by a comment, which readers ignore and proxies hear.

GraphQL over Server-Sent Events (graphql-sse 2.6, PROTOCOL.md); HTML §9.2.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from secrets import token_hex

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hub.access.errors import AccessError
from hub.errors import HubError
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.streaming import HEARTBEAT, ChangeStreams
from hub.query.answer.respond import RESPONSE_TYPE, STREAM_TYPE, dumps, refusal, respond

COMPLETE = b"event: complete\ndata: \n\n"
SILENT = b":\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Nothing keeps a stream, and a proxy passes it on as it comes."""


class EventStream:
    """The answer to a request that is answered as a stream of events: an ASGI application."""

    def __init__(self, streams: ChangeStreams, asked: GraphRequest, asking: Asking) -> None:
        self._streams = streams
        self._asked = asked
        self._asking = asking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until the operation ends or the caller hangs up."""
        asking = self._asking
        try:
            with self._streams.place(asking.caller.client_id or asking.bucket):
                answer = StreamingResponse(self._events(), headers=_HEADERS, media_type=STREAM_TYPE)
                await answer(scope, receive, send)
        except HubError as error:  # no place; whatever comes later is an event
            refused = refusal(error, asking.language, token_hex(8), transport=True)
            await respond(refused, RESPONSE_TYPE)(scope, receive, send)

    async def _events(self) -> AsyncGenerator[bytes]:
        try:
            async with aclosing(self._streams.answers(self._asked, self._asking)) as answers:
                async for answer in answers:
                    yield SILENT if answer is HEARTBEAT else next_event(answer.body)
        except AccessError as error:
            told = refused_error(error, self._asking.language)
            yield next_event(dumps({"errors": [told]}))
        if not self._streams.is_ending:  # without it, clients come back by themselves
            yield COMPLETE


def next_event(body: bytes) -> bytes:
    """Return one answer as an event; its JSON has no line breaks."""
    return b"event: next\ndata: " + body + b"\n\n"


def refused_error(error: AccessError, language: str) -> dict[str, object]:
    """Return as a GraphQL error why a caller may call no more."""
    told = error.problem(english=language == "en")
    extensions = {"code": told["code"], "detail": told["hint"], "retryable": False}
    return {"message": told["title"], "extensions": extensions}
