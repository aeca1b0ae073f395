"""`print_report`: the figures of one table, as both commands that submit files show them."""

from __future__ import annotations

from hub.intake.batch import Outcome
from hub.intake.files.report import FileReport
from hub.intake.files.text import TEXT_SHEET
from schema.texts import visible

REASONS_SHOWN_MAX = 50


def print_report(report: FileReport) -> None:
    """Print the figures of one file; they add up."""
    state = "试运行 dry run" if report.dry_run else "已提交 submitted"
    if report.replayed:
        state = (
            "此前已提交，以下是当时的结果；改动文件或映射后才会重新读取 "
            "submitted before, this is the answer of then; a changed file or mapping is read anew"
        )
    facts = ", ".join(f"{k} {v}" for k, v in report.properties.items())
    place = report.file if report.sheet == TEXT_SHEET else f"{report.file} · {report.sheet}"
    print(visible(f"{place} · {state} · {facts}"))
    print(f"文件行数 rows of the file      {report.rows:>8}")
    if report.below:
        print(f"表头有误，其下未读取 below a wrong header, not read {report.below:>8}")
    for reason, count in sorted(report.left_out.items()):
        print(f"  按规则不采用 left out         {count:>8}  {visible(reason)}")
    print(f"读取 rows read                 {report.read:>8}")
    print(f"  接收 accepted                {report.accepted:>8}")
    _print_some("    其中有提示 with warnings   ", report.warned)
    _print_some("  证明已加强 proven            ", report.proven)
    print(f"  重复 duplicate               {report.duplicate - report.proven:>8}")
    print(f"  退回 quarantined             {report.quarantined:>8}")
    _print_some("  归属枢纽未答复 unsettled     ", report.unsettled)
    for (code, item), count in sorted(report.reasons.items(), key=_largest)[:REASONS_SHOWN_MAX]:
        print(f"    {code:<27}{count:>8}  {visible(item)}")
    for (code, item), count in sorted(report.warnings.items(), key=_largest)[:REASONS_SHOWN_MAX]:
        print(f"  提示 warning {code:<14}{count:>8}  {visible(item)}")
    for (name, outcome), count in sorted(report.records.items()):
        label = "new" if outcome is Outcome.ACCEPTED else outcome.value.lower()
        print(f"记录 records {name:<18}{count:>8}  {label}")
    for column, count in sorted(report.dropped.items()):
        print(f"已丢弃的个人信息 dropped       {count:>8}  {visible(column)}")


def _print_some(label: str, count: int) -> None:
    """Print a figure unless it is nought."""
    if count:
        print(f"{label}{count:>8}")


def _largest(reason: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    return -reason[1], reason[0]
