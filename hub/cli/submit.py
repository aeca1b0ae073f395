"""`deltahub submit`: a file into the store, and its refused rows back.

The file goes through the mapping that is named, or is the monthly workbook, whose mappings ship.

Exit codes: 0 every row went in, 1 rows were refused or the mapping does not fit, 2 it could not be
done.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from adapters.mapping import MappingError, MappingProblem
from connectors.errors import ConnectorError
from hub.cli.context import Act, open_database, run, settings
from hub.cli.rejects import RejectsFile
from hub.clock import system_clock
from hub.errors import ErrorCode, HubError, RefusedError
from hub.intake.batch import Outcome
from hub.intake.files.columns import require_units
from hub.intake.files.report import FileReport
from hub.intake.files.service import (
    GivenFile,
    ReadFile,
    marked_tables,
    read_given,
    submit_file,
)
from hub.intake.files.submission import Sender, Submission
from hub.intake.files.text import TEXT_SHEET
from schema.parties import HUB_PARTY
from schema.texts import visible

REASONS_SHOWN_MAX = 50


def submit(
    file: Annotated[Path, typer.Argument(help="XLSX, XLS, CSV, TSV, JSON or JSON lines")],
    mapping: Annotated[
        Path | None,
        typer.Option(help="see docs/partners/mappings; none for the monthly workbook"),
    ] = None,
    source: Annotated[str, typer.Option(help="whose records these are; else the mapping's")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check all, write nothing")] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="workbook for refused and doubted rows")
    ] = None,
    units_are_right: Annotated[
        bool, typer.Option("--units-are-right", help="take columns whose unit is doubted")
    ] = False,
) -> None:
    """Submit the monthly workbook, or a file with its mapping; print what became of its rows."""
    inputs = [each for each in (file, mapping) if each is not None]
    returns = None if rejects is None else RejectsFile(rejects, inputs)
    given = GivenFile(
        name=file.name,
        data=read_bytes(file),
        source=source,
        mapping_text=read_text(mapping) if mapping else None,
    )
    try:
        read = read_given(given)
        if not units_are_right:
            require_units(read.tables)
    except MappingError as error:
        print_problems((mapping or file).name, error)
        raise typer.Exit(1) from error
    except ConnectorError as error:
        print_refusal(error)
        raise typer.Exit(2) from error
    if read.is_monthly:
        _print_sheets(file.name, read)
        if not source:
            raise RefusedError(ErrorCode.SOURCE_UNKNOWN, hint="Name it: --source ID. 请指明来源。")
    submissions = run(_submit(read, dry_run=dry_run))
    for each in submissions:
        print_report(each.report)
    marked = marked_tables(submissions)
    returned = any(each.refused for each in submissions)
    if marked and returns is not None:
        what = "退回的行 refused rows" if returned else "待核对的行 doubted rows"
        print(f"{what}: {returns.write(marked, dates_1904=read.from_1904)}")
    if returned:
        raise typer.Exit(1)


def _print_sheets(name: str, read: ReadFile) -> None:
    """Say which sheets of a monthly workbook are taken and which are not."""
    print(f"{name} · 月度报送表 monthly workbook")
    read_sheets = [(each.table.sheet, each.record_type) for each in read.tables]
    taken = [sheet if sheet == kind else f"{sheet} ({kind})" for sheet, kind in read_sheets]
    for words, sheets in (
        ("读取 sheets read", taken),
        ("没有数据行 without rows", read.empty),
        ("未读取 left alone", read.left_alone),
    ):
        print(f"  {words}: {visible('、'.join(sheets)) or '—'}")


async def _submit(read: ReadFile, *, dry_run: bool) -> list[Submission]:
    known = settings()
    sender = Sender(party=f"{HUB_PARTY}{known.log_origin}")
    sources = sorted({each.file.source for each in read.tables})
    act = None if dry_run else Act("submit", {"sources": sources})
    async with open_database(known, act) as database:
        return await submit_file(database, read, sender=sender, clock=system_clock, dry_run=dry_run)


def read_bytes(path: Path) -> bytes:
    """Read a file that the user named."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise HubError(
            ErrorCode.BAD_USER_INPUT,
            message_zh=f"无法读取 {path.name}",
            message_en=f"{path.name} cannot be read: {error.strerror}",
        ) from error


def read_text(path: Path) -> str:
    """Read a mapping that the user named, with or without a byte order mark."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HubError(
            ErrorCode.NOT_UTF8,
            message_zh=f"{path.name} 不是 UTF-8 编码",
            message_en=f"{path.name} is not UTF-8",
            hint="Save the mapping as UTF-8. 请将映射文件另存为 UTF-8。",
        ) from error


def print_problems(name: str, error: MappingError) -> None:
    """Print everything that is wrong with a mapping, one problem in two lines."""
    print(f"{name}: {len(error.problems)} 处需要修改 to be corrected", file=sys.stderr)
    for each in error.problems:
        print(f"  {visible(_place(each) + each.zh)}\n      {visible(each.en)}", file=sys.stderr)


def print_refusal(error: ConnectorError) -> None:
    """Print why a file cannot be read, and what to do about it."""
    print(f"{visible(str(error))}\n{visible(error.hint)}", file=sys.stderr)


def _place(problem: MappingProblem) -> str:
    line = f"第 {problem.line} 行 line {problem.line} · " if problem.line else ""
    return f"{line}{problem.where} · " if problem.where else line


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
    print(f"  重复 duplicate               {report.duplicate:>8}")
    print(f"  退回 quarantined             {report.quarantined:>8}")
    for (code, item), count in sorted(report.reasons.items(), key=_largest)[:REASONS_SHOWN_MAX]:
        print(f"    {code:<27}{count:>8}  {visible(item)}")
    for (code, item), count in sorted(report.warnings.items(), key=_largest)[:REASONS_SHOWN_MAX]:
        print(f"  提示 warning {code:<14}{count:>8}  {visible(item)}")
    for (name, outcome), count in sorted(report.records.items()):
        label = "new" if outcome is Outcome.ACCEPTED else outcome.value.lower()
        print(f"记录 records {name:<18}{count:>8}  {label}")
    for column, count in sorted(report.dropped.items()):
        print(f"已丢弃的个人信息 dropped       {count:>8}  {visible(column)}")


def _largest(reason: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    return -reason[1], reason[0]
