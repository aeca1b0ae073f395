"""`tracing`: spans for OpenTelemetry: what a request consisted of, and how long each part took.

- Off unless a collector is named (`HUB_TRACES_URL`): then `span` gives nothing and costs nothing.
- A caller's W3C `traceparent` is taken over, and passed on to the sources that are asked
  (`connectors.http`). Its sampling flag is respected; it decides nothing else.
- A caller that sends one gets it back with the id of this request as the span, whether spans are
  made or not: so both logs name the same.
- Attributes are names and counts, never texts of requests, keys or answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hub.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

NAME = "deltahub"
_PROPAGATOR = TraceContextTextMapPropagator()
_CARRIED = (b"traceparent", b"tracestate")
_PARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-(0[01])")
_NOTHING: AbstractContextManager[Span | None] = nullcontext()


class _Tracing:
    """Who makes the spans of this process; None as long as nobody wants them."""

    tracer: trace.Tracer | None = None


def export_to(url: str, version: str) -> None:
    """Send the spans of this process to a collector (OTLP over HTTP) from now on."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # type: ignore[import-not-found, unused-ignore]
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            [
                "HUB_TRACES_URL needs packages that are not installed: "
                "pip install 'delta-instrument-hub[tracing]', or unset it"
            ]
        ) from error
    resource = Resource.create({"service.name": NAME, "service.version": version})
    provider = TracerProvider(resource=resource)  # it sends what is left when the process ends
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    use(provider)


def use(provider: TracerProvider | None) -> None:
    """Make spans with this provider from now on; None: make none."""
    _Tracing.tracer = None if provider is None else provider.get_tracer(NAME)
    if provider is not None and not isinstance(trace.get_tracer_provider(), type(provider)):
        trace.set_tracer_provider(provider)  # that of `connectors`, which know no hub


def answered_parent(
    headers: Iterable[tuple[bytes, bytes]], request_id: str
) -> tuple[bytes, bytes] | None:
    """Return the header field that gives a caller its trace back, with this request's own id.

    None where it sent no trace, or none that can be read.
    """
    for name, value in headers:
        if name == _CARRIED[0]:
            stated = _PARENT.fullmatch(value)
            if stated is None or not stated[1].strip(b"0"):
                return None
            return (name, b"00-%s-%s-%s" % (stated[1], request_id.encode(), stated[2]))
    return None


def is_on() -> bool:
    """Say whether spans are made."""
    return _Tracing.tracer is not None


def span(name: str, **attributes: str | int) -> AbstractContextManager[Span | None]:
    """Return a block whose time and failure become a span of the one that is open."""
    tracer = _Tracing.tracer
    if tracer is None:
        return _NOTHING
    return tracer.start_as_current_span(name, attributes=attributes)


@contextmanager
def request_span(headers: Iterable[tuple[bytes, bytes]], name: str) -> Iterator[Span | None]:
    """Open the span of a request, below that of its caller if it names one."""
    tracer = _Tracing.tracer
    if tracer is None:
        yield None
        return
    carrier = {
        key.decode("latin-1"): value.decode("latin-1") for key, value in headers if key in _CARRIED
    }
    parent = _PROPAGATOR.extract(carrier, context.Context())
    with tracer.start_as_current_span(name, context=parent, kind=SpanKind.SERVER) as opened:
        yield opened


def close_request(opened: Span, name: str, status: int, attributes: dict[str, str]) -> None:
    """Say at a request's span what it was and how it ended."""
    opened.update_name(name)
    opened.set_attribute("http.response.status_code", status)
    for key, value in attributes.items():
        if value:
            opened.set_attribute(key, value)
    if status >= 500:  # noqa: PLR2004 - RFC 9110
        opened.set_status(StatusCode.ERROR)


def trace_id() -> str:
    """Return the id of the trace that is open, "" outside of any."""
    if _Tracing.tracer is None:
        return ""
    found = trace.get_current_span().get_span_context()
    return f"{found.trace_id:032x}" if found.is_valid else ""
