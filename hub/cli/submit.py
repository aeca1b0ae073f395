"""`deltahub submit`: a file into the store, and its refused rows back.

The file goes through the mapping that is named, or is one whose mapping ships: the monthly
workbook, a table SJ1 or SJ3 of the ministry, or PIDINST or UNIQUIP of instrument catalogues.

Exit codes: 0 every row went in, 1 rows were refused or the mapping does not fit, 2 it could not be
done.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.mapping import Mapping as SavedMapping
from adapters.mapping import MappingError, MappingProblem
from connectors.errors import ConnectorError
from hub.cli.context import Act, open_database, run, settings
from hub.cli.file_report import print_report
from hub.cli.large_files import (
    LOOKING,
    PART_ROWS,
    PROGRESS,
    is_large,
    print_totals,
    source_missing,
    submit_parts,
    write_returned,
)
from hub.cli.progress import RowProgress
from hub.cli.rejects import RejectsFile
from hub.clock import system_clock
from hub.errors import ErrorCode, HubError
from hub.intake.files.columns import require_units
from hub.intake.files.cutting import FilePart
from hub.intake.files.gathered import Gathered
from hub.intake.files.kept import part_answer
from hub.intake.files.large import LargeFile, open_large
from hub.intake.files.service import (
    GivenFile,
    ReadFile,
    marked_tables,
    read_given,
    submit_file,
)
from hub.intake.files.submission import Sender, Submission
from hub.intake.files.wire import mapping_warnings
from schema.parties import HUB_PARTY
from schema.texts import visible


def submit(
    file: Annotated[
        Path, typer.Argument(help="XLSX, XLS, CSV, TSV, JSON, SJ1, SJ3, PIDINST or UNIQUIP")
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(help="see docs/partners/mappings; none for the monthly workbook"),
    ] = None,
    source: Annotated[str, typer.Option(help="whose records these are; else the mapping's")] = "",
    institution: Annotated[
        str, typer.Option(help="key of whose instruments PIDINST or UNIQUIP lists: moe:10335")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check all, write nothing")] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="workbook for refused and doubted rows")
    ] = None,
    units_are_right: Annotated[
        bool, typer.Option("--units-are-right", help="take columns whose unit is doubted")
    ] = False,
    progress: PROGRESS = None,
    part_rows: PART_ROWS = None,
) -> None:
    """Submit the monthly workbook, or a file with its mapping; print what became of its rows.

    A file of any length is one command: it goes in parts, and the same command again goes on.
    """
    inputs = [each for each in (file, mapping) if each is not None]
    returns = None if rejects is None else RejectsFile(rejects, inputs)
    mapping_text = read_text(mapping) if mapping else None
    try:
        if part_rows or is_large(file):
            asked = _Asked(
                file, source, mapping_text, institution, dry_run=dry_run, part_rows=part_rows
            )
            _submit_large(asked, rejects, progress, units_are_right=units_are_right)
            return
        read = read_given(
            GivenFile(
                name=file.name,
                data=read_bytes(file),
                source=source,
                mapping_text=mapping_text,
                institution=institution,
            )
        )
        _look_at(read, units_are_right=units_are_right)
    except MappingError as error:
        print_problems((mapping or file).name, error)
        raise typer.Exit(1) from error
    except ConnectorError as error:
        print_refusal(error)
        raise typer.Exit(2) from error
    if read.is_monthly:
        print_sheets(file.name, read)
        if not source:
            raise source_missing()
    if _told(read, run(_submit(read, dry_run=dry_run)), returns):
        raise typer.Exit(1)


def _told(read: ReadFile, submissions: list[Submission], returns: RejectsFile | None) -> bool:
    """Print what became of the rows, write those that go back; tell whether any was refused."""
    for each in submissions:
        print_report(each.report)
    marked = marked_tables(submissions)
    returned = any(each.refused for each in submissions)
    if marked and returns is not None:
        what = "退回的行 refused rows" if returned else "待核对的行 doubted rows"
        print(f"{what}: {returns.write(marked, dates_1904=read.from_1904)}")
    return returned


def _look_at(read: ReadFile, *, units_are_right: bool) -> None:
    """Tell what is doubtful about the mapping; a doubted unit is refused unless it is meant so."""
    for each in read.tables:
        print_warnings(each.file.mapping)
    if not units_are_right:
        require_units(read.tables)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be submitted in parts."""

    file: Path
    source: str
    mapping_text: str | None
    institution: str
    _: KW_ONLY
    dry_run: bool
    part_rows: int | None


def _submit_large(
    asked: _Asked, rejects: Path | None, progress: bool | None, *, units_are_right: bool
) -> None:
    told = RowProgress(0, wanted=progress)
    told.say(LOOKING)
    with open_large(asked.file, asked.mapping_text, units_are_right=units_are_right) as large:
        for each in large.tables:
            print_warnings(each.mapping)
        if large.is_monthly:
            print_sheets(asked.file.name, large)
        source = asked.source or (large.tables[0].mapping.source if large.tables else None)
        if not source:
            raise source_missing()
        with Gathered(large) as gathered:
            going = RowProgress(large.count, wanted=progress)
            run(_submit_parts(asked, source, large, gathered, going))
            print_totals(gathered)
            if rejects is not None:
                write_returned(gathered, rejects, large)
            if gathered.quarantined:
                raise typer.Exit(1)


async def _submit_parts(
    asked: _Asked, source: str, large: LargeFile, gathered: Gathered, progress: RowProgress
) -> None:
    known = settings()
    sender = Sender(party=f"{HUB_PARTY}{known.log_origin}")
    act = None if asked.dry_run else Act("submit", {"sources": [source]})
    async with open_database(known, act) as database:

        async def take(part: FilePart) -> Mapping[str, Any]:
            given = GivenFile(
                name=asked.file.name,
                data=part.body,
                source=source,
                mapping_text=asked.mapping_text,
                document=large.digest,
                institution=asked.institution,
            )
            return await part_answer(
                database, given, sender=sender, clock=system_clock, dry_run=asked.dry_run
            )

        await submit_parts(large, gathered, take, progress, asked.part_rows)


def print_sheets(name: str, read: ReadFile | LargeFile) -> None:
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


def print_warnings(mapping: SavedMapping) -> None:
    """Print what the keeper of a mapping should know of it, although it is sound."""
    for each in mapping_warnings(mapping):
        line = f"第 {each['line']} 行 line {each['line']} · " if each["line"] else ""
        print(
            f"提示 warning: {line}{visible(each['where'])} · {each['messageZh']}", file=sys.stderr
        )
        print(f"      {each['messageEn']}", file=sys.stderr)


def print_refusal(error: ConnectorError) -> None:
    """Print why a file cannot be read, and what to do about it."""
    print(f"{visible(str(error))}\n{visible(error.hint)}", file=sys.stderr)


def _place(problem: MappingProblem) -> str:
    line = f"第 {problem.line} 行 line {problem.line} · " if problem.line else ""
    return f"{line}{problem.where} · " if problem.where else line
