"""`summary`: what came of a harvest, in words for whoever sits before the screen."""

from __future__ import annotations

from typing import Any

from hub.harvest.report import HarvestReport
from hub.printer import Printer

__all__ = ["print_report"]


def print_report(printer: Printer, report: HarvestReport) -> None:
    """Print what came of each list, and of the whole run."""
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
    printer.table(rows)
    for part in report.collections:
        for words, shown in part.drift.items():
            printer.say(f"形式有变 form changed: {part.name}: {words} ({shown} rows)")
        if part.message and part.message not in (report.message or ""):
            printer.say(f"{part.name}: {part.message}")
    dropped = sum(part.dropped for part in report.collections)
    printer.say(f"{report.status.value}; {dropped} personal values dropped at the border")
    if report.message:
        printer.say(
            f"{report.error_code}: {report.message}" if report.error_code else report.message
        )
