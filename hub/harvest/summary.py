"""`telling`: what a harvest found, in words for whoever sits before the screen."""

from __future__ import annotations

from typing import Any

from hub.harvest.report import Report, RunStatus
from hub.tell import Teller

__all__ = ["tell_report"]


def tell_report(tell: Teller, report: Report) -> None:
    """Say what a harvest found."""
    rows: list[tuple[Any, ...]] = [("list", "rows", "new", "same", "quarantined", "state")]
    for part in report.collections:
        count = part.outcomes
        rows.append(
            (
                part.name,
                part.rows,
                count["ACCEPTED"],
                count["DUPLICATE"] + count["PROVEN"],
                count["QUARANTINED"],
                part.status,
            )
        )
    tell.table(rows)
    dropped = sum(part.dropped for part in report.collections)
    tell.say(f"{report.status.value}; {dropped} personal values dropped at the border")
    if report.status is RunStatus.FAILED:
        tell.say(f"{report.error_code}: {report.message}")
