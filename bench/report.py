"""`report`: what one run measured, as a page in Markdown; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench import targets
from bench.audit import REQUESTS, AuditCost
from bench.data import Data
from bench.intake import UNDER_WAY, Taken
from bench.load import Measured
from bench.reads import POOL, Race, Started
from bench.stalls import Stall, longest
from bench.statements import CLIENTS, Alone
from bench.storms import SECONDS, STORM_S, Storm
from bench.targets import Verdict

SERVER_FAULT = 500
ENGINE, SHIPPED = "hub, engine alone", "hub, as shipped"
PEER, PEER_CHECKED, STOCK = "postgraphile", "postgraphile, JWT", "strawberry"
NAMES = {
    "W1": "W1 search page: 3 filters, 20 instruments, owner, prices, bookings, count",
    "W2": "W2 one instrument with the same",
    "W3": "W3 500 instruments, 10 scalars",
    "FREE6": "free 4 h on a Tuesday, one class of 6 digits",
    "FREE4": "the same, class of 4 digits",
    "FREE2": "the same, class of 2 digits",
}


@dataclass
class Results:
    """Everything one run found. `large` is of a table ten times the size."""

    data: Data
    seconds: float
    rounds: int
    versions: Mapping[str, str]
    filled_at: float
    engine: Race = field(default_factory=dict)
    shipped: Race = field(default_factory=dict)
    alone: dict[str, Alone] = field(default_factory=dict)
    large: dict[str, Alone] = field(default_factory=dict)
    large_instruments: int = 0
    started: dict[str, Started] = field(default_factory=dict)
    checks: dict[str, float] = field(default_factory=dict)
    intake: dict[str, Taken] = field(default_factory=dict)
    audit: list[AuditCost] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)
    storms: list[Storm] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether every bound holds that a miss of must end the run with an error."""
        verdicts = [storm_verdict(each) for each in self.storms]
        if self.stalls:
            verdicts.append(stall_verdict(self.stalls))
        return all(each.is_met for each in verdicts)


def markdown(made: Results) -> str:
    """Return the page."""
    parts = [
        _head(made),
        _reads("Reads, the engine alone (no token)", made.engine, made.alone),
        _targets(made),
        _reads("Reads as shipped: token, DPoP proof, limits", made.shipped, {}),
        _checks(made),
        _free(made),
        _growth(made),
        _intake(made),
        _audit(made),
        _stalls(made),
        _storms(made),
        _started(made),
        _where(made),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table; the first column is text, the others are figures."""
    names = list(head)
    lines = [" | ".join(names), " | ".join(["---", *["---:"] * (len(names) - 1)])]
    lines += [" | ".join(str(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def ratio(race: Race, name: str, of: str, over: str) -> float | None:
    """Return by how much one contestant answers more than another, None where one is not there."""
    found = race.get(name, {})
    return found[of].rps / found[over].rps if of in found and over in found else None


def _head(made: Results) -> str:
    data = made.data
    versions = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    return (
        "# Results\n\n"
        "Written by `make bench`. Absolute figures belong to the machine; ratios are what to read: "
        "all servers ran at once and were asked in turn.\n\n"
        f"- Data: {data.institutions:,} institutions, {data.instruments:,} instruments, "
        f"{data.instruments * 2:,} offers, {data.occupancies:,} occupancies; every server reads "
        "the hub's own tables, and its answers were equal to the hub's before each run.\n"
        f"- Load: wrk, 16 connections (2 for availability), {made.rounds} rounds of {made.seconds:g} s, "
        "medians. The server has one core, wrk and PostgreSQL the other; PostgreSQL may use what "
        f"is left of the first. {POOL} connections to PostgreSQL for every server.\n"
        "- Each peer has its best documented configuration, and the hub's listing table for W1.\n"
        f"- {versions}"
    )


def _reads(title: str, race: Race, alone: Mapping[str, Alone]) -> str:
    if not race:
        return ""
    rows = []
    for name, found in race.items():
        if name.startswith("FREE"):
            continue
        for who, each in found.items():
            rows.append([NAMES[name], who, *_measured(each)])
        if name in alone:
            own = alone[name]
            rows.append([NAMES[name], "same statement, pgbench", f"{own.rps:,.0f}", *["-"] * 5])
    head = ["question", "server", "requests/s", "server µs", "PostgreSQL µs", "p50 ms", "p99 ms"]
    return f"## {title}\n\n" + table([*head, "spread"], rows)


def _measured(each: Measured) -> list[str]:
    return [
        f"{each.rps:,.0f}",
        f"{each.server_us:,.0f}",
        f"{each.postgres_us:,.0f}",
        f"{each.p50_ms:.1f}",
        f"{each.p99_ms:.1f}",
        f"{each.spread:.0%}",
    ]


def _targets(made: Results) -> str:
    rows = [row for name in ("W1", "W2", "W3") for row in _targets_of(made, name)]
    if not rows:
        return ""
    return "## Against the targets of the design\n\n" + table(
        ["what", "figure", "target", "verdict"], rows
    )


def _targets_of(made: Results, name: str) -> list[list[str]]:
    found = []
    wanted = (
        ("over PostGraphile", made.engine, ENGINE, PEER, targets.OVER_POSTGRAPHILE.get(name)),
        ("over Strawberry", made.engine, ENGINE, STOCK, targets.OVER_STRAWBERRY.get(name)),
        ("as shipped, over PostGraphile with JWT", made.shipped, SHIPPED, PEER_CHECKED, None),
    )
    for what, race, of, over, target in wanted:
        figure = ratio(race, name, of, over)
        if figure is not None:
            verdict = "-" if target is None else str(Verdict(figure, target))
            goal = "-" if target is None else f"{target:g}x"
            found.append([f"{name} {what}", f"{figure:.2f}x", goal, verdict])
    share = targets.OF_PGBENCH.get(name)
    if share is not None and name in made.alone and name in made.engine:
        figure = made.engine[name][ENGINE].rps / made.alone[name].rps
        verdict = str(Verdict(figure, share))
        found.append([f"{name} of pgbench", f"{figure:.0%}", f"{share:.0%}", verdict])
    return found


def _checks(made: Results) -> str:
    if not made.checks:
        return ""
    rows = [[name, f"{value:.1f}"] for name, value in made.checks.items()]
    parts = ["## What each check costs\n\nProcessor µs, each step alone over many requests.\n"]
    parts.append(table(["step", "µs"], rows))
    found = []
    for name, each in made.shipped.items():
        if name in made.engine and SHIPPED in each:
            found.append((name, each[SHIPPED].server_us - made.engine[name][ENGINE].server_us))
    for name, more in found:
        verdict = Verdict(more, targets.CHECKS_US, more_is_better=False)
        parts.append(
            f"\n{name}: everything that `deltahub serve` adds to the engine costs {more:.0f} µs of "
            f"the server (target for the checks: {targets.CHECKS_US:.0f} µs, {verdict})."
        )
    return "\n".join(parts)


def _free(made: Results) -> str:
    rows = []
    for name, found in made.engine.items():
        if not name.startswith("FREE"):
            continue
        each = found[ENGINE]
        own = made.alone.get(name)
        one = f"{own.one_us / 1000:.1f}" if own else "-"
        rows.append([NAMES[name], f"{each.rps:,.1f}", f"{each.p50_ms:.0f}", one])
    if not rows:
        return ""
    head = ["question", "requests/s, 2 connections", "p50 ms", "one alone, ms"]
    return "## Availability search\n\n" + table(head, rows)


def _growth(made: Results) -> str:
    rows = []
    for name, large in made.large.items():
        small = made.alone.get(name)
        if small is None:
            continue
        grown = large.one_us / small.one_us
        verdict = Verdict(grown, targets.GROWTH, more_is_better=False)
        rows.append(
            [name, f"{small.one_us:,.0f}", f"{large.one_us:,.0f}", f"{grown:.2f}x", verdict]
        )
    if not rows:
        return ""
    title = f"## From {made.data.instruments:,} to {made.large_instruments:,} instruments\n\n"
    head = ["statement, one client", "µs", "µs, large", "growth", f"target {targets.GROWTH}x"]
    return title + table(head, rows)


def _intake(made: Results) -> str:
    if not made.intake:
        return ""
    rows = []
    for name, each in made.intake.items():
        verdict = Verdict(each.to_receipt, targets.ROWS_PER_S[name])
        rows.append(
            [
                name,
                f"{each.to_receipt:,.0f}",
                f"{targets.ROWS_PER_S[name]:,.0f}",
                verdict,
                f"{each.server_us:.0f}",
                f"{each.postgres_us:.0f}",
                f"{each.answer_s:.2f}",
            ]
        )
    one = next(iter(made.intake.values()))
    head = ["batches", "rows/s to receipts", "target", "verdict", "server µs/row"]
    return (
        f"## Intake from end to end\n\n{one.rows:,} new instruments in batches of "
        f"{one.batch_rows:,} ({one.body_mib * 2**20 / one.batch_rows:,.0f} bytes a row), "
        f"{UNDER_WAY} at once, one worker on one core, PostgreSQL and the sender on the other, "
        "until every row has its receipt.\n\n"
        + table([*head, "PostgreSQL µs/row", "answer of a batch, s"], rows)
    )


def _audit(made: Results) -> str:
    if not made.audit:
        return ""
    rows = [
        [
            str(each.rows), f"{each.without_ms:.2f}", f"{each.with_ms:.2f}",
            f"{each.with_ms - each.without_ms:.2f}",
        ]
        for each in made.audit
    ]  # fmt: skip
    return (
        "## What the audit of restricted reads costs\n\n"
        "One party reads another's usage records by agreement, one request after the other; the row "
        f"is committed before the answer leaves. Medians of rounds of {REQUESTS} requests, both "
        "engines in turn.\n\n"
        + table(["records read", "ms without audit", "ms with it", "ms of the audit"], rows)
    )


def stall_verdict(stalls: list[Stall]) -> Verdict:
    """Return the longest stall, in milliseconds, beside its bound."""
    return Verdict(longest(stalls).seconds * 1000, targets.STALL_MS, more_is_better=False)


def _stalls(made: Results) -> str:
    if not made.stalls:
        return ""
    families = sorted({each.attack.family for each in made.stalls})
    worst = [longest(s for s in made.stalls if s.attack.family == name) for name in families]
    rows = [
        [each.attack.family, f"{each.seconds * 1000:.1f}", each.attack.name, each.status]
        for each in sorted(worst, key=lambda each: -each.seconds)
    ]
    failed = sum(each.status >= SERVER_FAULT for each in made.stalls)
    return (
        f"## Longest stall of the event loop\n\n{len(made.stalls)} hostile requests one after "
        f"another (`bench/hostile`), {failed} answered with a fault of the server; target "
        f"{targets.STALL_MS:g} ms, {stall_verdict(made.stalls)}.\n\n"
        + table(["family", "longest, ms", "by", "status"], rows)
    )


def storm_verdict(storm: Storm) -> Verdict:
    """Return the victim's p99 in milliseconds beside its bound."""
    return Verdict(storm.p99_ms, targets.VICTIM_MS, more_is_better=False)


def _storms(made: Results) -> str:
    if not made.storms:
        return ""
    rows = [
        [
            each.name, len(each.waits), f"{each.p99_ms:.0f}", storm_verdict(each), each.refused,
            f"{each.pushed / STORM_S:,.0f}",
            ", ".join(f"{told} {times:,}" for told, times in each.answers.most_common(3)) or "-",
        ]
        for each in made.storms
    ]  # fmt: skip
    head = ["storm", "victim asked", "p99 ms", f"target {targets.VICTIM_MS:g} ms"]
    more = ["victim refused", "rows/s pushed meanwhile", "answers to the storm"]
    return (
        "## A victim under the storms of others\n\n"
        f"One hub, {SECONDS:g} s each; the victim asks W2 again and again, a producer pushes.\n\n"
        + table([*head, *more], rows)
    )


def _started(made: Results) -> str:
    if not made.started:
        return ""
    rows = [
        [name, f"{each.seconds:.2f}", f"{each.idle_mib:.0f}", f"{each.loaded_mib:.0f}"]
        for name, each in made.started.items()
    ]
    head = ["server", "start to first answer, s", "MiB idle", "MiB after the load"]
    return "## Start and memory of one process\n\n" + table(head, rows)


def _where(made: Results) -> str:
    if not made.engine or not made.alone:
        return ""
    rows = []
    for name, found in made.engine.items():
        each, own = found[ENGINE], made.alone.get(name)
        total = each.server_us + each.postgres_us
        share = f"{each.rps / own.rps:.0%}" if own else "-"
        rows.append([name, f"{total:,.0f}", f"{each.postgres_us / total:.0%}", share])
    head = [
        "question",
        "processor µs a request",
        "of it PostgreSQL",
        f"of pgbench, {CLIENTS} clients",
    ]
    return "## Where the time goes (engine alone)\n\n" + table(head, rows)
