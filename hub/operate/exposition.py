"""`exposition`: what was looked at for one scrape, as figures of Prometheus.

What the database tells is the same from every worker: take `max` over them, not `sum`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily

from hub.operate.figures import DatabaseFigures
from hub.operate.health import PartHealth
from hub.operate.voucher_figures import VoucherFigures
from hub.store.database import Database


def _family(
    name: str, meaning: str, rows: Iterable[tuple[tuple[str, ...], float]], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"deltahub_{name}", meaning, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def health_of(parts: Mapping[str, PartHealth]) -> Iterator[GaugeMetricFamily]:
    """Give for every part whether it is well."""
    rows = (((name,), float(part.is_well)) for name, part in parts.items())
    yield _family("up", "1: this part of the hub is well, 0: it is not", rows, "part")


def pools_of(database: Database) -> Iterator[GaugeMetricFamily]:
    """Give for every pool how much of it is in use, and who waits."""
    uses = database.pool_uses()
    used = (((name,), float(use.in_use)) for name, use in uses.items())
    yield _family("pool_in_use", "Database connections in use", used, "pool")
    waiting = (((name,), float(use.waiting)) for name, use in uses.items())
    yield _family("pool_waiting", "Callers that wait for a connection", waiting, "pool")
    sizes = (((name,), float(use.size)) for name, use in uses.items())
    yield _family("pool_size", "Most connections of a pool", sizes, "pool")


def figures_of(figures: DatabaseFigures) -> Iterator[GaugeMetricFamily]:
    """Give what the database tells."""
    log = figures.log
    yield _family("log_leaves", "Leaves of the transparency log", [((), float(log.leaves))])
    yield _family("log_waiting", "Entries without a checkpoint", [((), float(log.waiting))])
    yield _family(
        "log_waiting_seconds", "Age of the oldest entry without a checkpoint", [((), log.waiting_s)]
    )
    if log.signed_at is not None:
        yield _family(
            "log_checkpoint_timestamp_seconds",
            "When the newest checkpoint was signed",
            [((), log.signed_at.timestamp())],
        )
    known = [each for each in figures.feeds if each.age_s is not None]
    labels = ("source", "record_type", "mode")
    yield _family(
        "source_age_seconds",
        "How old what a source says is; missing where it was never heard",
        (((each.source, each.record_type, each.mode), each.age_s or 0.0) for each in known),
        *labels,
    )
    yield _family(
        "source_promised_seconds",
        "How old it may be",
        (
            ((each.source, each.record_type, each.mode), float(each.promised_s))
            for each in figures.feeds
        ),
        *labels,
    )
    yield _family(
        "source_ok",
        "1: every answer calls the source OK, 0: STALE, ERROR or NEVER",
        (((name, state), float(state == "OK")) for name, state in figures.states.items()),
        *("source", "state"),
    )
    yield _family(
        "quarantine_open",
        "Rows in quarantine that nobody has decided on",
        (((name,), float(count)) for name, count in figures.quarantine.items()),
        "source",
    )
    yield _family(
        "personal_data_refused_rows",
        "Rows that were refused for personal data, ever, by source and code",
        ((labels, float(count)) for labels, count in figures.personal.items()),
        *("source", "code"),
    )
    yield from _sensors(figures)
    yield from _vouchers(figures.vouchers)
    yield from _handed_on(figures)
    yield _family(
        "clock_ahead_seconds",
        "How far this machine's clock is ahead of the database's",
        [((), figures.clock_ahead_s)],
    )


def _handed_on(figures: DatabaseFigures) -> Iterator[GaugeMetricFamily]:
    """Give how webhooks and exports stand."""
    states = (((state,), float(len(ids))) for state, ids in figures.webhooks.items())
    yield _family("webhooks", "Webhooks by state: STOPPED ones get nothing more", states, "state")
    kept = (((each.status,), float(each.count)) for each in figures.exports)
    yield _family("exports_kept", "Exports that are kept, by status", kept, "status")
    size = float(sum(each.size for each in figures.exports if each.status != "EXPIRED"))
    yield _family("exports_kept_bytes", "Size of the exports that can be read", [((), size)])


def _sensors(figures: DatabaseFigures) -> Iterator[GaugeMetricFamily]:
    """Give how the sensors stand, where there are any."""
    sensors = figures.sensors
    if not sensors:
        return
    bound = (((each.source,), float(each.bound)) for each in sensors)
    yield _family("sensors_bound", "Sensors that are at an instrument now", bound, "source")
    silent = (((each.source,), float(each.silent)) for each in sensors)
    yield _family("sensors_silent", "Sensors silent for longer than they may be", silent, "source")
    yield _family(
        "sensor_messages",
        "Messages of sensors ever, by what became of them",
        (
            ((each.source, outcome), float(count))
            for each in sensors
            for outcome, count in each.messages.items()
        ),
        *("source", "outcome"),
    )


def _vouchers(vouchers: VoucherFigures) -> Iterator[GaugeMetricFamily]:
    """Give what vouchers wait for."""
    yield _family(
        "voucher_feed_behind",
        "Entries of the change feed that were not looked at for vouchers yet",
        [((), float(vouchers.behind))],
    )
    yield _family(
        "voucher_feed_behind_seconds",
        "Age of the oldest of them",
        [((), vouchers.behind_s)],
    )
    yield _family(
        "voucher_findings_open",
        "Findings about vouchers that wait for a person, by kind",
        (((kind,), float(count)) for kind, count in vouchers.findings.items()),
        "kind",
    )
