"""`gateway_report`: what one run of `bench.gateways` measured, as a part of the page; pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench import targets
from bench.joins import HIVE, HUB, SETS, Joins
from bench.parted import DEADLINE_MS, SLOW_S, Parted
from bench.report import table
from bench.targets import Verdict
from hub.federation.limits import ANSWER_KEPT_S

CASES = {
    "ALL": f"all live, {SETS} sets in turn",
    "EACH": "all live, no set twice",
    "SECOND": f"one second allowed, {SETS} sets in turn",
}


@dataclass(kw_only=True)
class GatewayResults:
    """Everything one run found."""

    seconds: float
    rounds: int
    joins: Joins = field(default_factory=dict)
    parted: dict[str, Parted] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """What ends the run with an error: an answer of the hub that hides that a system is silent."""
        hub = self.parted.get(HUB)
        if hub is None or (hub.marked == hub.whole == len(hub.waits)):
            return []
        return ["an answer did not say which systems were silent, or lacked rows of the others"]


def markdown(made: GatewayResults) -> str:
    """Return the part of the page."""
    head = (
        f"Written by `python -m bench.gateways`: {made.rounds} rounds of {made.seconds:g} s, medians, 16 connections. Every "
        "front asks the same stand-in systems in the same run, in turn, on one core; the systems, the load and PostgreSQL "
        "have the other. Answers were equal before each case. Nobody checks tokens. The hub keeps what it hears and reads its "
        "answer from the store; gateways keep nothing and ask no database. What each front is told and what else is not "
        "alike stands in `bench/README.md`."
    )
    return "\n\n".join(part for part in (head, _joins(made), _parted(made)) if part)


def _joins(made: GatewayResults) -> str:
    rows = []
    for case, found in made.joins.items():
        over = found[HIVE].measured.rps if HIVE in found else 0.0
        for name, each in found.items():
            verdict = "-"
            goal = targets.JOIN_OVER_HIVE.get(case)
            if name == HUB and over and goal is not None:
                verdict = f"{goal:g}x, {Verdict(each.measured.rps / over, goal)}"
            ratio = f"{each.measured.rps / over:.2f}x" if over else "-"
            rows.append(
                [
                    CASES[case], name, f"{each.measured.rps:,.0f}", ratio, verdict, f"{each.questions:.2f}",
                    f"{each.measured.server_us:,.0f}", f"{each.measured.postgres_us:,.0f}",
                    f"{each.measured.p50_ms:.1f}", f"{each.measured.p99_ms:.1f}", f"{each.measured.spread:.0%}",
                ]
            )  # fmt: skip
    if not rows:
        return ""
    head = [
        "W4: three instruments with their bookings, of three systems",
        "front",
        "answers/s",
        "of Hive",
        "target",
    ]
    more = ["questions an answer", "front µs", "PostgreSQL µs", "p50 ms", "p99 ms", "spread"]
    note = (
        f"In turn the hub asks no system anew within {ANSWER_KEPT_S:g} s of the same question, and says so (`CACHE`, decision "
        "0023): only where no set comes twice is each of its answers live, and that row has the target. Gateways share a "
        "question only while it is under way. The fair neighbour of the last hub row is the gateway that keeps answers."
    )
    return f"### One answer of three systems\n\n{table([*head, *more], rows)}\n\n{note}"


def _parted(made: GatewayResults) -> str:
    rows = []
    for name, each in made.parted.items():
        late = Verdict(each.over_ms, targets.LATE_MS, more_is_better=False)
        kept = Verdict(each.kept, targets.HEALTHY_KEPT)
        count = len(each.waits)
        rows.append(
            [
                name, count, f"{each.over_ms:+.0f}", late, f"{each.marked / count:.0%}", f"{each.whole / count:.0%}",
                f"{each.alone_rps:,.0f}", f"{each.beside_rps:,.0f}", f"{each.kept:.0%}", kept,
            ]
        )  # fmt: skip
    if not rows:
        return ""
    head = [
        "front",
        "answers",
        "slowest after the deadline, ms",
        f"at most {targets.LATE_MS:g}",
        "both named",
    ]
    more = [
        "healthy rows there",
        "healthy alone, answers/s",
        "beside the search",
        "kept",
        f"{targets.HEALTHY_KEPT:.0%}",
    ]
    return (
        f"### Four systems, one dead and one at {SLOW_S:g} s\n\nCallers wait {DEADLINE_MS} ms at most: the hub by `deadline`, "
        "gateways by a time-out for each subgraph.\n\n" + table([*head, *more], rows)
    )
