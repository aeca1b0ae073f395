"""Spans of requests, intake and source calls; nothing at all where nobody wants them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from connectors.http.session import HttpSession
from hub.errors import SettingsError
from hub.watching import notes, tracing
from hub.watching.requests import RequestWatch

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
PROVIDER = TracerProvider(shutdown_on_exit=False)
"""One for the session: OpenTelemetry takes a provider once for each process."""
EXPORTER = InMemorySpanExporter()
PROVIDER.add_span_processor(SimpleSpanProcessor(EXPORTER))


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    EXPORTER.clear()
    tracing.use(PROVIDER)
    yield EXPORTER
    tracing.use(None)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    notes.note_client("zju")
    notes.note_operation("free_instruments")
    with tracing.span("intake", **{"deltahub.source": "s"}):
        await asyncio.sleep(0)
    await PlainTextResponse("no", 503)(scope, receive, send)


async def asked(headers: dict[str, str]) -> None:
    transport = httpx.ASGITransport(RequestWatch(app, doors=["graphql"]))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        assert (await client.get("/graphql?secret=1", headers=headers)).status_code == 503


async def test_a_request_goes_on_with_its_callers_trace(spans: InMemorySpanExporter) -> None:
    await asked({"traceparent": PARENT})
    inner, request = spans.get_finished_spans()
    assert request.name == "graphql free_instruments"
    assert (request.parent and f"{request.parent.span_id:016x}") == "00f067aa0ba902b7"
    assert {f"{each.context.trace_id:032x}" for each in (inner, request)} == {TRACE}
    assert inner.parent and inner.parent.span_id == request.context.span_id
    assert request.attributes["deltahub.client"] == "zju"
    assert request.attributes["http.response.status_code"] == 503
    assert request.status.status_code is trace.StatusCode.ERROR
    assert "secret" not in str([each.to_json() for each in (inner, request)])


@pytest.mark.parametrize("header", ["", "x", "00-0-0-01", "ff-" + "z" * 60, "00-" + "0" * 32])
async def test_a_bad_traceparent_begins_a_trace_of_our_own(
    spans: InMemorySpanExporter, header: str
) -> None:
    await asked({"traceparent": header})
    request = spans.get_finished_spans()[-1]
    assert request.parent is None
    assert f"{request.context.trace_id:032x}" != TRACE


async def test_a_source_is_sent_the_trace_and_its_call_is_a_span(
    spans: InMemorySpanExporter,
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=[], headers={"content-type": "application/json"})

    async with httpx.AsyncClient(
        transport=httpx.MockTransport(answer), base_url="https://source.example"
    ) as client:
        session = HttpSession("ecnu", client)
        with tracing.span("harvest", **{"deltahub.source": "ecnu"}):
            await session.get("equipments", {"key": "secret"})
        await session.get("equipments")
    call, harvest = spans.get_finished_spans()
    assert (call.name, harvest.name) == ("GET ecnu", "harvest")
    assert call.kind is trace.SpanKind.CLIENT
    trace_id, span_id = f"{call.context.trace_id:032x}", f"{call.context.span_id:016x}"
    assert seen[0].headers["traceparent"].startswith(f"00-{trace_id}-{span_id}-")
    assert "traceparent" not in seen[1].headers
    assert "secret" not in call.to_json()


async def test_without_a_collector_nothing_is_made_and_nothing_is_sent() -> None:
    assert not tracing.is_on()
    with tracing.span("x") as span:
        assert span is None
    assert tracing.trace_id() == ""
    await asked({"traceparent": PARENT})


def test_a_missing_package_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError) as refused:
        tracing.export_to("http://127.0.0.1:4318/v1/traces", "1")
    assert "[tracing]" in json.dumps(refused.value.problems)


async def parent_answered(*headers: str) -> str | None:
    transport = httpx.ASGITransport(RequestWatch(app, doors=["graphql"]))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        sent = [("traceparent", each) for each in headers]
        return (await client.get("/graphql", headers=sent)).headers.get("traceparent")


async def test_a_caller_gets_its_trace_back_with_the_id_of_its_request(
    spans: InMemorySpanExporter,
) -> None:
    told = await parent_answered(PARENT)
    (request,) = [each for each in spans.get_finished_spans() if each.name.startswith("graphql")]
    assert told == f"00-{TRACE}-{request.attributes['deltahub.request']}-01"
    tracing.use(None)
    again = await parent_answered(PARENT)
    assert again is not None and again.startswith(f"00-{TRACE}-") and again != told


@pytest.mark.parametrize("header", ["", "x", f"01-{TRACE}-00f067aa0ba902b7-01", "00-" + "0" * 32])
async def test_a_trace_that_cannot_be_read_is_not_given_back(header: str) -> None:
    assert await parent_answered(header) is None
    assert await parent_answered() is None
