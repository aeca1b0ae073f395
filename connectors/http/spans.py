"""`spans`: a span for each call of a source, and the W3C `traceparent` that the source is sent.

Only below a span that records: a process that traces nothing makes none and sends no header. What
is asked for is in no attribute: addresses may hold keys.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = ["call_span"]

_PROPAGATOR = TraceContextTextMapPropagator()
_NONE: Mapping[str, str] = {}


@contextmanager
def call_span(source: str, method: str) -> Iterator[Mapping[str, str]]:
    """Open the span of one call; gives the headers to send with it."""
    if not trace.get_current_span().is_recording():
        yield _NONE
        return
    attributes = {"deltahub.source": source, "http.request.method": method}
    tracer = trace.get_tracer("deltahub")
    name = f"{method} {source}"
    with tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=attributes):
        headers: dict[str, str] = {}
        _PROPAGATOR.inject(headers)
        yield headers
