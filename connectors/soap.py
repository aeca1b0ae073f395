"""`SoapList`: the reader of lists that a SOAP 1.1 service gives, page by page, as JSON inside XML.

zeep writes the questions and reads the answers by the WSDL of the service. It does no I/O here: the
WSDL is a text that the adapter holds, nothing that a schema names is fetched, and the bytes go
through `HttpSession` like those of every other source, so that limits, retries, secrets and
cancellation are the same. How a list goes on and what proves it is `connectors.paging`.

- The envelope is cut out of whatever stands around it (`connectors.soap_envelope`).
- A fault is an error by its code: what names authentication is a refusal, `Server` may be asked
  again, every other one is about the question. Its words are not repeated: services quote what they
  were sent, and that holds secrets.
- What an operation returns is JSON in one text, or elements, which are read as members of their
  names. Where the answer has a code (`code_at`), only the accepted ones are a list.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from connectors.answer_json import read_answer
from connectors.document import Document, State
from connectors.errors import (
    BadRequestError,
    ConnectorError,
    PayloadError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.http.session import HttpAnswer, HttpQuestion, HttpSession
from connectors.paging import ListPage, PagedList, PageNumber, PagePlace, Paging, pick
from connectors.reader import EVERYTHING, Window
from connectors.soap_envelope import read_envelope

__all__ = ["SoapList", "SoapReply", "SoapService"]

FAULT_STATUS = 500
SERVICES_MAX = 32
"""WSDL texts that are kept parsed; adapters hold a few."""
REFUSING = re.compile(r"authenti|authori[sz]|security|credential|denied", re.IGNORECASE)
CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SoapReply:
    """What an operation returned."""

    place: str
    raw: bytes
    value: Any
    """JSON of the text that it returned, or its elements."""


@dataclass(frozen=True, kw_only=True)
class SoapService:
    """A service as its WSDL describes it, at a path below the base address."""

    path: str
    wsdl: str

    async def call(
        self,
        session: HttpSession,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        is_safe: bool,
        reads: Callable[[str], Any] = read_answer,
    ) -> SoapReply:
        """Call an operation; `is_safe`: it changes nothing, so it may be called again.

        `reads` reads the text that it returns: JSON, where nothing else is said.
        """
        content, action = await asyncio.to_thread(
            _message, self.wsdl, operation, session.source, arguments
        )
        question = HttpQuestion(
            path=self.path,
            method="POST",
            content=content,
            headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": action},
            is_safe=is_safe,
            read_too=frozenset({FAULT_STATUS}),
        )

        async def once() -> SoapReply:
            answer = await session.ask_once(question)
            value = await asyncio.to_thread(_value, self.wsdl, operation, session, answer, reads)
            return SoapReply(place=f"{self.path} {operation}", raw=answer.raw, value=value)

        return await session.again(once, is_safe=is_safe)

    async def call_text(
        self, session: HttpSession, operation: str, arguments: Mapping[str, Any]
    ) -> str:
        """Call an operation that may change something, once, and return the text it returns."""
        reply = await self.call(session, operation, arguments, is_safe=False, reads=str)
        if not isinstance(reply.value, str):
            raise PayloadError(session.source, f"{reply.place}: the answer is no text")
        return reply.value


@dataclass(frozen=True, kw_only=True)
class SoapList:
    """Reads every page of a list that one operation of a service returns."""

    path: str
    wsdl: str
    operation: str
    paging: Paging = field(default_factory=PageNumber)
    items_at: str = "results"
    total_at: str | None = None
    key: tuple[str, ...] = ()
    code_at: str = ""
    """Dotted path to the service's own return code; empty: it gives none."""
    accepted: tuple[str, ...] = ()
    """Return codes with which a list comes."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Arguments that every question of this list carries."""

    async def read(
        self, session: HttpSession, window: Window = EVERYTHING, state: State | None = None
    ) -> AsyncGenerator[Document, None]:
        """Yield the pages in the order of the source, after `state`."""
        listing = PagedList(
            name=f"{self.path} {self.operation}",
            paging=self.paging,
            items_at=self.items_at,
            total_at=self.total_at,
            key=self.key,
        )
        service = SoapService(path=self.path, wsdl=self.wsdl)
        base = {**self.fixed, **window.filters}

        async def ask(place: PagePlace) -> ListPage:
            arguments = {**base, **listing.parameters(place)}
            reply = await service.call(session, self.operation, arguments, is_safe=True)
            if self.code_at:
                self._check(session.source, reply)
            return ListPage(
                place=f"{listing.name}, page {place.number}", raw=reply.raw, value=reply.value
            )

        question = f"{listing.name} {self.paging} {sorted(base.items())}"
        documents = listing.documents(session, ask, question=question, state=state)
        async with aclosing(documents):
            async for document in documents:
                yield document

    def _check(self, source: str, reply: SoapReply) -> None:
        code = str(pick(source, reply.place, reply.value, self.code_at))
        if code not in self.accepted:
            shown = code if CODE.fullmatch(code) else "of no form"
            raise PayloadError(
                source,
                f"{reply.place}: the service answers with code {shown}",
                hint="look the code up in the interface agreement of this version of the service",
            )


@lru_cache(maxsize=SERVICES_MAX)
def _client(wsdl: str) -> Any:
    """Return zeep's reading of a WSDL text; it is heavy, so it is loaded where it is needed."""
    from zeep import Client, Settings
    from zeep.transports import Transport

    class NoTransport(Transport):
        """Fetches nothing: what zeep does here needs no network."""

        def __init__(self) -> None:
            self.cache, self._close_session = None, False

        def load(self, url: str) -> bytes:
            raise ValueError(f"a schema refers to {url}, and nothing is fetched")

    settings = Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    client: Any = Client  # zeep has no types
    return client(io.BytesIO(wsdl.encode()), transport=NoTransport(), settings=settings)


def _message(
    wsdl: str, operation: str, source: str, arguments: Mapping[str, Any]
) -> tuple[bytes, str]:
    """Write the envelope that calls an operation, and its SOAPAction."""
    from lxml import etree
    from zeep.exceptions import Error as ZeepError

    try:
        client = _client(wsdl)
        envelope = client.create_message(client.service, operation, **arguments)
    except (ZeepError, ValueError, TypeError, AttributeError) as error:
        raise PayloadError(
            source,
            f"{operation}: the question cannot be written by the WSDL",
            hint="compare operation and arguments with the WSDL that the adapter holds",
        ) from error
    content = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    return bytes(content), f'"{client.service._binding.get(operation).soapaction}"'


def _value(
    wsdl: str,
    operation: str,
    session: HttpSession,
    answer: HttpAnswer,
    reads: Callable[[str], Any],
) -> Any:
    """Read what an operation returned; a fault, and all that is no answer to it, is an error."""
    from zeep.exceptions import Error as ZeepError

    source, place = session.source, f"POST {answer.place} {operation}"
    try:
        envelope = read_envelope(source, place, answer.raw, answer.content_type, session.limits)
    except PayloadError as error:
        if answer.status == FAULT_STATUS:
            detail = f"{place}: status {answer.status}"
            raise SourceUnavailableError(source, detail) from error
        raise
    fault = envelope.find("{*}Body/{*}Fault")
    if fault is not None:
        raise _fault(source, place, fault)
    try:
        bound = _client(wsdl).service._binding.get(operation)
        value = _returned(bound, envelope)
    except (ZeepError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise PayloadError(
            source,
            f"{place}: the envelope holds no answer of this operation",
            hint="the service changed its form: compare its WSDL with the adapter's",
        ) from error
    if not isinstance(value, str):
        return value
    try:
        return reads(value.strip().lstrip("\ufeff"))
    except ValueError as error:
        raise PayloadError(source, f"{place}: what the envelope holds is not valid JSON") from error


def _returned(bound: Any, envelope: Any) -> Any:
    """Return what the answer of an operation holds; zeep itself takes any element for it."""
    from zeep import helpers

    if envelope.find(f"{{*}}Body/{bound.output.body.qname}") is None:
        raise LookupError(bound.name)
    plain: Any = helpers.serialize_object
    return plain(bound.process_reply(envelope), target_cls=dict)


def _fault(source: str, place: str, fault: Any) -> ConnectorError:
    """Return the error of a SOAP fault (SOAP 1.1 section 4.4, SOAP 1.2 part 1 section 5.4)."""
    stated = fault.findtext("faultcode") or fault.findtext("{*}Code/{*}Value") or ""
    inner = fault.findtext("{*}Code/{*}Subcode/{*}Value") or ""
    codes = [each.strip().rpartition(":")[2] for each in (stated, inner)]
    shown = " ".join(code for code in codes if CODE.fullmatch(code)) or "without a code"
    detail = f"{place}: SOAP fault {shown}"
    if any(REFUSING.search(code) for code in codes):
        return SourceRefusedError(source, detail)
    if codes[0].partition(".")[0] in ("Server", "Receiver"):
        return SourceUnavailableError(source, detail)
    return BadRequestError(source, detail, hint="the service takes the question for wrong")
