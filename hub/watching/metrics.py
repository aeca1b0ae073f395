"""`metrics`: the figures of this process, for Prometheus.

- Counted where it happens, in this process's memory. Several workers are several targets, each with
  a port of its own (`hub.watching.listener`): nothing is shared, so nothing waits.
- What the database knows is asked for when somebody looks (`hub.operate.figures`), not counted.
- Labels are bounded: doors are routes, operations those of registered documents, sources and codes
  lists that are bounded themselves; beyond `SERIES_MAX` combinations a figure counts under "other".

Cost: about two microseconds for each request (`bench/RESULTS.md` has no line for less than ten).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest

from hub.watching.limits import DURATIONS_S, LOOP_LOOK_S, SERIES_MAX
from hub.watching.notes import RequestNotes

Figure = TypeVar("Figure", Counter, Gauge, Histogram)


class Series(Generic[Figure]):
    """The children of one figure by their labels, kept at hand and bounded."""

    def __init__(self, figure: Figure) -> None:
        self._figure: Figure = figure
        self._children: dict[tuple[str, ...], Figure] = {}

    def of(self, *labels: str) -> Figure:
        """Return the figure of these labels."""
        child = self._children.get(labels)
        if child is None:
            if len(self._children) >= SERIES_MAX:
                labels = ("other",) * len(labels)
            child = self._children.setdefault(labels, self._figure.labels(*labels))
        return child


class Metrics:
    """What is counted in one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Series(
            Counter(
                "deltahub_requests",
                "Requests that were answered, by door, operation and HTTP status",
                ("door", "operation", "status"),
                registry=registry,
            )
        )
        self._durations = Series(
            Histogram(
                "deltahub_request_duration_seconds",
                "From the head of a request to the end of its answer",
                ("door", "operation"),
                buckets=DURATIONS_S,
                registry=registry,
            )
        )
        self._refused = Series(
            Counter(
                "deltahub_refused",
                "Requests that were refused, by door and code (docs/errors.md)",
                ("door", "reason"),
                registry=registry,
            )
        )
        self._rows = Series(
            Counter(
                "deltahub_intake_rows",
                "Rows that intake decided on, by source and outcome",
                ("source", "outcome"),
                registry=registry,
            )
        )
        self.in_hand = Gauge(
            "deltahub_requests_in_hand", "Requests that are being answered", registry=registry
        )
        self.batches = Gauge(
            "deltahub_intake_batches_in_hand",
            "Batches in intake, those that wait for their turn included",
            registry=registry,
        )
        self._lag = Gauge(
            "deltahub_event_loop_lag_seconds",
            "Longest delay of the event loop since the last look",
            registry=registry,
        )
        self._lag_s = 0.0

    def answered(self, notes: RequestNotes, status: int, seconds: float) -> None:
        """Count one request that was answered."""
        self._requests.of(notes.door, notes.operation, str(status)).inc()
        self._durations.of(notes.door, notes.operation).observe(seconds)
        if notes.refused:
            self._refused.of(notes.door, notes.refused).inc()

    def rows_taken(self, source: str, counts: Iterable[tuple[str, int]]) -> None:
        """Count the outcomes of one batch."""
        for outcome, count in counts:
            if count:
                self._rows.of(source, outcome).inc(count)

    async def watch_loop(self, stop: asyncio.Event) -> None:
        """Measure until `stop` how late the event loop comes."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            due = loop.time() + LOOP_LOOK_S
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOP_LOOK_S)
            self._lag_s = max(self._lag_s, loop.time() - due)

    def exposition(self, more: Iterable[Any] = ()) -> bytes:
        """Return everything in Prometheus's text format; `more` are figures of this look."""
        self._lag.set(self._lag_s)
        self._lag_s = 0.0
        looked = CollectorRegistry()
        for figure in more:
            looked.register(_Given(figure))
        return generate_latest(self.registry) + generate_latest(looked)


class _Given:
    """A figure that was put together for one look."""

    def __init__(self, figure: Any) -> None:
        self._figure = figure

    def collect(self) -> Iterable[Any]:
        """Return it."""
        return [self._figure]


METRICS = Metrics()
"""Those of this process."""
