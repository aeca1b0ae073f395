"""`metrics`: the figures of this process, for Prometheus.

- Counted where it happens, in this process's memory, and put into Prometheus's form when somebody
  looks. Several workers are several targets, each with a port of its own (`hub.cli.metrics`).
- What the database knows is asked for when somebody looks (`hub.operate.figures`), not counted.
- Labels are bounded: doors are routes, operations those of registered documents, sources and codes
  lists that are bounded themselves; beyond `SERIES_MAX` combinations a figure counts under "other".

Counting is done by the event loop's thread alone, in plain dictionaries: a request costs about
5 microseconds of processor time with it, notes and middleware included (7 with the library's own
counters, which take locks).
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest

from hub.watching.limits import DURATIONS_S, LOOP_LOOK_S, SERIES_MAX
from hub.watching.notes import RequestNotes

Labels = tuple[str, ...]
NOT_FOLLOWED = "What follows for vouchers and could not be done, by code"


class Counts:
    """Numbers that only grow, by their labels; bounded."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._names = (name, meaning, labels)
        self._numbers: dict[Labels, int] = {}

    def add(self, labels: Labels, count: int = 1) -> None:
        """Count."""
        numbers = self._numbers
        if labels not in numbers and len(numbers) >= SERIES_MAX:
            labels = ("other",) * len(labels)
        numbers[labels] = numbers.get(labels, 0) + count

    def family(self) -> Metric:
        """Return them for one look."""
        name, meaning, labels = self._names
        family = CounterMetricFamily(name, meaning, labels=labels)
        for values, number in self._numbers.items():
            family.add_metric(values, number)
        return family


class Durations:
    """Times by their labels: how many up to each bound, and their sum; bounded."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._names = (name, meaning, labels)
        self._numbers: dict[Labels, list[float]] = {}

    def add(self, labels: Labels, seconds: float) -> None:
        """Count one; the last number is the sum."""
        row = self._numbers.get(labels)
        if row is None:
            if len(self._numbers) >= SERIES_MAX:
                labels = ("other",) * len(labels)
            row = self._numbers.setdefault(labels, [0.0] * (len(DURATIONS_S) + 2))
        row[bisect_left(DURATIONS_S, seconds)] += 1
        row[-1] += seconds

    def family(self) -> Metric:
        """Return them for one look."""
        name, meaning, labels = self._names
        family = HistogramMetricFamily(name, meaning, labels=labels)
        for values, (*counts, total) in self._numbers.items():
            below, buckets = 0.0, []
            for bound, count in zip((*map(str, DURATIONS_S), "+Inf"), counts, strict=True):
                below += count
                buckets.append((bound, below))
            family.add_metric(values, buckets, total)
        return family


class Metrics:
    """What is counted in one process."""

    def __init__(self) -> None:
        self._requests = Counts(
            "deltahub_requests",
            "Requests that were answered, by door, operation and HTTP status",
            *("door", "operation", "status"),
        )
        self._durations = Durations(
            "deltahub_request_duration_seconds",
            "From the head of a request to the end of its answer",
            *("door", "operation"),
        )
        self._refused = Counts(
            "deltahub_refused",
            "Requests that were refused, by door and code (docs/errors.md)",
            *("door", "reason"),
        )
        self._rows = Counts(
            "deltahub_intake_rows",
            "Rows that intake decided on, by source and outcome",
            *("source", "outcome"),
        )
        self._lists = Counts(
            "deltahub_harvest_lists",
            "Lists that harvests heard whole, by source and what had to come",
            *("source", "came"),
        )
        self._live = Counts(
            "deltahub_live_questions",
            "Questions to sources while a caller waited, by source and what came of them",
            *("source", "status"),
        )
        self._deliveries = Counts(
            "deltahub_webhook_deliveries",
            "Attempts to deliver a message to a webhook, by what came of them",
            "outcome",
        )
        self._not_followed = Counts("deltahub_voucher_follow_failures", NOT_FOLLOWED, "reason")
        self._exports = Counts(
            "deltahub_exports",
            "Exports that ended, by format and outcome: COMPLETED, ENDED, or the code of a failure",
            *("format", "outcome"),
        )
        self._export_rows = Counts(
            "deltahub_export_rows", "Rows in the finished parts of exports, by format", "format"
        )
        self._export_bytes = Counts(
            "deltahub_export_bytes", "Size of the finished parts of exports, by format", "format"
        )
        self.exports = 0
        """Exports that are being made."""
        self.streams = 0
        """Connections that stay open for subscriptions."""
        self.in_hand = 0
        """Requests that are being answered."""
        self._batches = 0
        self._lag_s = 0.0
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)

    def answered(self, notes: RequestNotes, status: str, seconds: float) -> None:
        """Count one request that was answered."""
        self._requests.add((notes.door, notes.operation, status))
        self._durations.add((notes.door, notes.operation), seconds)
        if notes.refused:
            self._refused.add((notes.door, notes.refused))

    def rows_taken(self, source: str, counts: Iterable[tuple[str, int]]) -> None:
        """Count the outcomes of one batch."""
        for outcome, count in counts:
            if count:
                self._rows.add((source, str(outcome)), count)

    def list_heard(self, source: str, came: str) -> None:
        """Count a list that a harvest heard: `all` of it came, what `changed`, or `nothing`."""
        self._lists.add((source, came))

    def asked_live(self, source: str, status: str) -> None:
        """Count one question to a source, however many callers waited for it."""
        self._live.add((source, status))

    def delivered(self, outcome: str) -> None:
        """Count one attempt to deliver a message to a webhook."""
        self._deliveries.add((outcome,))

    def voucher_not_followed(self, reason: str) -> None:
        """Count something that follows for a voucher and could not be done."""
        self._not_followed.add((reason,))

    @contextmanager
    def export(self) -> Iterator[None]:
        """Count an export as in hand while the block runs."""
        self.exports += 1
        try:
            yield
        finally:
            self.exports -= 1

    def exported(self, form: str, outcome: str) -> None:
        """Count an export that ended, and how."""
        self._exports.add((form, outcome))

    def export_part(self, form: str, rows: int, size: int) -> None:
        """Count a part of an export that was finished; `size` in bytes."""
        self._export_rows.add((form,), rows)
        self._export_bytes.add((form,), size)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Count a batch as in hand while the block runs."""
        self._batches += 1
        try:
            yield
        finally:
            self._batches -= 1

    async def watch_loop(self, stop: asyncio.Event) -> None:
        """Measure until `stop` how late the event loop comes."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            due = loop.time() + LOOP_LOOK_S
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOP_LOOK_S)
            self._lag_s = max(self._lag_s, loop.time() - due)

    def exposition(self, more: Iterable[Metric] = ()) -> bytes:
        """Return everything in Prometheus's text format; `more` are figures of this look."""
        lag_s, self._lag_s = self._lag_s, 0.0
        looked = CollectorRegistry()
        looked.register(
            _Families(
                [
                    self._requests.family(),
                    self._durations.family(),
                    self._refused.family(),
                    self._rows.family(),
                    self._lists.family(),
                    self._live.family(),
                    self._deliveries.family(),
                    self._not_followed.family(),
                    self._exports.family(),
                    self._export_rows.family(),
                    self._export_bytes.family(),
                    _gauge("exports_in_hand", "Exports that are being made", self.exports),
                    _gauge("streams", "Connections that stay open for subscriptions", self.streams),
                    _gauge("requests_in_hand", "Requests that are being answered", self.in_hand),
                    _gauge(
                        "intake_batches_in_hand",
                        "Batches in intake, those that wait for their turn included",
                        self._batches,
                    ),
                    _gauge(
                        "event_loop_lag_seconds",
                        "Longest delay of the event loop since the last look",
                        lag_s,
                    ),
                    *more,
                ]
            )
        )
        return generate_latest(self._process) + generate_latest(looked)


def _gauge(name: str, meaning: str, number: float) -> Metric:
    return GaugeMetricFamily(f"deltahub_{name}", meaning, value=number)


class _Families:
    """Figures that were put together for one look, as the library collects them."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Any]:
        """Return them."""
        return self._families


METRICS = Metrics()
"""Those of this process."""
