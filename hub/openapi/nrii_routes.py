"""`nrii_routes`: the routes of senders that know the national platform (NRII) only."""

from __future__ import annotations

from hub.access.scopes import Scope
from hub.errors import ErrorCode
from hub.intake.limits import NRII_BYTES_MAX
from hub.openapi.operation import Content, Guard, RouteOperation, RouteParameter

XML = "text/xml"
_WORD = {"type": "string", "minLength": 1}


def nrii_routes() -> tuple[RouteOperation, ...]:
    """Return the operations of senders that know the national platform only."""
    xml = {XML: {"type": "string"}}
    source = RouteParameter("source", _WORD, "Needed where the client has several.")
    return (
        RouteOperation(
            route="GET /nrii/instruInfo",
            zh="NRII 报送接口的描述",
            en="The WSDL of the next operation.",
            guard=Guard.NOTHING,
            query=(
                RouteParameter("wsdl", _WORD, "Has no value.", required=True),
                RouteParameter("port", _WORD, "Of the local proxy that the sender calls."),
                source,
            ),
            answers={200: Content(xml, "WSDL 1.1.")},
            refusals=frozenset({ErrorCode.BAD_USER_INPUT}),
        ),
        RouteOperation(
            route="POST /nrii/instruInfo",
            zh="按 NRII 格式报送一个对象",
            en="Send one object in the form of the national platform (SOAP 1.1).",
            guard=Guard.SIGNED,
            scope=Scope.RECORDS_PUSH.value,
            query=(source,),
            body=Content(xml, f"The envelope; {NRII_BYTES_MAX >> 10} KiB at most."),
            answers={200: Content(xml, "A return code and words; signed.")},
            refusals=frozenset({ErrorCode.BODY_TOO_LARGE}),
        ),
    )
