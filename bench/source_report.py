"""`source_report`: what one run of `bench.sources` measured, as the last part of the page; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from bench import targets
from bench.bare import CopiedTable
from bench.harvests import HarvestMeasured
from bench.large import FileMeasured
from bench.meters import MetersMeasured
from bench.report import table
from bench.section import replaced
from bench.targets import Verdict
from bench.transports import OWN, TransportMeasured

TITLE = "Every source"
"""The part of the page that this run writes."""


@dataclass(kw_only=True)
class SourceResults:
    """Everything one run found. `meters`: with their number."""

    files: list[FileMeasured] = field(default_factory=list)
    meters: tuple[int, MetersMeasured] | None = None
    meters_postgres_mib: float = 0.0
    harvest: HarvestMeasured | None = None
    transports: list[TransportMeasured] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What ends the run with an error, in words."""
        found = [f"{f.form}: rows lost or taken twice" for f in self.files if not f.is_whole]
        if self.meters is not None:
            if not self.meters[1].is_whole:
                found.append("meters: a reading was lost, or a day stated twice")
            if not state_verdict(self.meters[1]).is_met:
                found.append("meters: the present state is too old")
        return found + (self.harvest.faults if self.harvest else [])


def appended(page: str, made: SourceResults) -> str:
    """Return a page with the part of this run in place of that of an earlier one."""
    return replaced(page, TITLE, markdown(made))


def markdown(made: SourceResults) -> str:
    """Return the part of the page."""
    written = (
        "Written by `python -m bench.sources`. Beside each figure stands what the same rows take by COPY "
        "into the same tables and indexes, in the same run, without a hub."
    )
    parts = [written, _files(made), _harvest(made), _meters(made), _transports(made)]
    return "\n\n".join(part for part in parts if part)


def _bare(found: list[CopiedTable]) -> str:
    return f"{sum(each.seconds for each in found):,.1f}"


def _mib(peaks: dict[str, float], who: str) -> str:
    return f"{peaks.get(who, 0.0):,.0f}"


def _files(made: SourceResults) -> str:
    if not made.files:
        return ""
    rows = [
        [
            f"{each.rows:,} service rows, {each.form}, {each.file_mib:,.0f} MiB", f"{each.seconds:,.0f}",
            f"{each.rows / each.seconds:,.0f}", f"{each.hub_us:,.0f}", f"{each.postgres_us:,.0f}",
            _bare(each.bare), f"{each.again_s:,.0f}" if each.again_s else "-", _mib(each.peaks, "client"),
            _mib(each.peaks, "hub"), _mib(each.peaks, "postgres"),
        ]
        for each in made.files
    ]  # fmt: skip
    head = ["`deltahub client submit`", "s", "rows/s", "hub µs/row", "PostgreSQL µs/row", "COPY, s"]
    more = ["the same again, s", "client MiB", "hub MiB", "PostgreSQL MiB"]
    return "### Files of service rows\n\n" + table([*head, *more], rows)


def _harvest(made: SourceResults) -> str:
    found = made.harvest
    if found is None:
        return ""
    first, again = found.readings
    rows = []
    for what, each, bare in (("whole", first, _bare(found.bare)), ("again, unchanged", again, "-")):
        rows.append(
            [
                what, f"{each.rows:,}", f"{each.questions:,}", f"{each.entries:,}", f"{each.seconds:,.0f}",
                f"{each.rows / each.seconds:,.0f}", f"{each.cpu_s:,.0f}", f"{each.postgres_s:,.0f}", bare,
                f"{each.peak_mib:,.0f}",
            ]
        )  # fmt: skip
    verdict = Verdict(again.entries, targets.UNCHANGED_ENTRIES, more_is_better=False)
    head = [
        "reading",
        "rows",
        "questions",
        "entries",
        "s",
        "rows/s",
        "hub core s",
        "PostgreSQL core s",
    ]
    return (
        f"### A harvest of {found.instruments:,} instruments\n\nFrom a register in a process of its own over "
        f"loopback. Entries of the second reading: target {targets.UNCHANGED_ENTRIES}, {verdict}. At most: "
        f"register {_mib(found.peaks, 'sandbox')} MiB, PostgreSQL {_mib(found.peaks, 'postgres')} MiB.\n\n"
        + table([*head, "COPY, s", "hub MiB"], rows)
    )


def state_verdict(found: MetersMeasured) -> Verdict:
    """Return the age of the oldest state beside its bound."""
    return Verdict(found.oldest_s, targets.STATE_S, more_is_better=False)


def _meters(made: SourceResults) -> str:
    if made.meters is None:
        return ""
    count, found = made.meters
    noted = len(found.bare_ms)
    rows = [
        ["readings sent, kept", f"{found.sent:,}, {found.kept:,}"],
        ["readings a second, sustained", f"{found.kept / max(found.elapsed_s, 1e-9):,.0f}"],
        ["readings a second, at most", f"{found.most_rps:,.0f}"],
        [f"age of the oldest state, s (target {targets.STATE_S:g})", f"{found.oldest_s:.2f}, {state_verdict(found)}"],
        ["a batch, ms", f"{median(found.take_ms or [0]):.1f}"],
        ["the same statements alone, ms", f"{median(found.bare_ms or [0]):.1f}"],
        ["all batches of which both is known, ms", f"{sum(found.take_ms[:noted]):,.0f} and {sum(found.bare_ms):,.0f}"],
        ["PowerDays, stated once", f"{found.days:,} in {found.days_s:.1f} s, told again {found.again}"],
        ["the reading process, MiB", f"{found.peak_mib:,.0f}"],
        ["PostgreSQL, MiB", f"{made.meters_postgres_mib:,.0f}"],
    ]  # fmt: skip
    return f"### {count:,} meters, a reading a minute\n\n" + table(["what", "figure"], rows)


def _transports(made: SourceResults) -> str:
    if not made.transports:
        return ""
    own = next(each.cpu_us for each in made.transports if each.name == OWN)
    rows = [
        [each.name, f"{each.cpu_us:,.0f}", f"{each.cpu_us / own:.2f}x", f"{each.wall_us:,.0f}"]
        for each in made.transports
    ]
    return (
        "### Transports on the same pages (decision 0017)\n\nProcessor time of the process that asks, four "
        "questions at a time, medians of the rounds.\n\n"
        + table(["transport", "µs a request", "of the own", "µs waited a request"], rows)
    )
